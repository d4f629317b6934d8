//! When sessions arrive: offsets solved from the integrated rate, lazily, one at a time. No clock, no rate limiter.
//!
//! The rate is a chain of straight lines. The k-th arrival is where its integral reaches k (even spacing) or the sum
//! of k exponential gaps (Poisson); both are exact however the rate bends. A run without an end repeats the chain.

use super::decide::{Stream, decide, exponential};
use std::time::Duration;

/// A rate over time: straight lines between points, repeated for ever.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// `(start in seconds, length, rate at the start, rate at the end, integral before)` per line.
    lines: Vec<Line>,
    length: f64,
    per_cycle: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    start: f64,
    length: f64,
    from: f64,
    to: f64,
    before: f64,
}

impl Rate {
    /// From points `(percent of the cycle, multiple of level)`, a cycle in seconds and a level in arrivals a second.
    /// Points must ascend from 0 to 100; two at one place are a jump.
    #[must_use]
    pub fn new(points: &[(f64, f64)], cycle: Duration, level: f64) -> Self {
        let length = cycle.as_secs_f64();
        let mut lines = Vec::with_capacity(points.len());
        let mut before = 0.0;
        for pair in points.windows(2) {
            let (start, end) = (pair[0].0 / 100.0 * length, pair[1].0 / 100.0 * length);
            let line =
                Line { start, length: end - start, from: pair[0].1 * level, to: pair[1].1 * level, before };
            if line.length > 0.0 {
                before += line.length * (line.from + line.to) / 2.0;
                lines.push(line);
            }
        }
        Self { lines, length, per_cycle: before }
    }

    /// Arrivals expected until `t` seconds.
    #[must_use]
    pub fn integral(&self, t: f64) -> f64 {
        let cycles = (t / self.length).floor();
        let rest = t - cycles * self.length;
        let line = self.lines.iter().rev().find(|l| l.start <= rest);
        let within = line.map_or(0.0, |l| {
            let x = (rest - l.start).min(l.length);
            l.before + x * (l.from + (l.to - l.from) * x / l.length / 2.0)
        });
        cycles * self.per_cycle + within
    }

    /// The time at which the integral reaches `area`; none if the rate is zero throughout.
    #[must_use]
    pub fn solve(&self, area: f64) -> Option<f64> {
        if self.per_cycle <= 0.0 {
            return None;
        }
        let cycles = (area / self.per_cycle).floor();
        let rest = area - cycles * self.per_cycle;
        let line = self.lines.iter().rev().find(|l| l.before <= rest && l.from + l.to > 0.0)?;
        let need = rest - line.before;
        // from*x + (to-from)/(2*length)*x² = need, in the form that is stable when the slope is near zero.
        let slope = (line.to - line.from) / line.length;
        let root = (line.from * line.from + 2.0 * slope * need).max(0.0).sqrt();
        let x = if need <= 0.0 { 0.0 } else { 2.0 * need / (line.from + root) };
        Some(cycles * self.length + line.start + x.min(line.length))
    }
}

/// How sessions are spaced around the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// As evenly as the rate allows.
    Even,
    /// Independent of one another, as people are.
    Poisson,
}

/// The sessions' intended offsets from the start of the run, in order.
#[derive(Debug, Clone)]
pub struct Arrivals<'a> {
    rate: &'a Rate,
    spacing: Spacing,
    seed: u64,
    end: Option<Duration>,
    session: u64,
    area: f64,
}

impl<'a> Arrivals<'a> {
    /// Starts at session 0; ends before `end`, or never.
    #[must_use]
    pub fn new(rate: &'a Rate, spacing: Spacing, seed: u64, end: Option<Duration>) -> Self {
        Self { rate, spacing, seed, end, session: 0, area: 0.0 }
    }
}

impl Iterator for Arrivals<'_> {
    type Item = (u64, Duration);

    fn next(&mut self) -> Option<(u64, Duration)> {
        let session = self.session;
        let area = match self.spacing {
            // The middle of its slot: n slots of equal area hold exactly n arrivals, also at the run's end.
            Spacing::Even => session as f64 + 0.5,
            Spacing::Poisson => self.area + exponential(decide(self.seed, Stream::Arrival, session, 0, 0)),
        };
        let offset = Duration::try_from_secs_f64(self.rate.solve(area)?).ok()?;
        if self.end.is_some_and(|end| offset >= end) {
            return None;
        }
        self.area = area;
        self.session += 1;
        Some((session, offset))
    }
}
