//! How the run went over time, in a bounded number of points: when they are too many, neighbours are joined.

use crate::stats::{Cell, Percentiles};
use serde::Serialize;
use std::time::Duration;

/// Most points kept. At one a second: ten minutes before the first joining.
const MOST: usize = 600;

/// A stretch of the run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// End of the stretch, in seconds from the start.
    pub at_s: f64,
    /// Its length in seconds.
    pub length_s: f64,
    /// Requests ended in it.
    pub ended: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Response time at p99, in milliseconds; of joined stretches the higher.
    pub response_p99_ms: f64,
    /// The generator's lag at p99, in milliseconds; of joined stretches the higher.
    pub lag_p99_ms: f64,
}

impl Point {
    fn join(self, later: Self) -> Self {
        Self {
            at_s: later.at_s,
            length_s: self.length_s + later.length_s,
            ended: self.ended + later.ended,
            failed: self.failed + later.failed,
            response_p99_ms: self.response_p99_ms.max(later.response_p99_ms),
            lag_p99_ms: self.lag_p99_ms.max(later.lag_p99_ms),
        }
    }
}

/// The points so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline {
    points: Vec<Point>,
    /// Ticks per point; doubles at each joining.
    stride: u32,
    ticks: u32,
}

impl Timeline {
    /// Adds what one tick recorded. Returns the tick as a point of its own.
    pub(crate) fn add(&mut self, elapsed: Duration, length: Duration, tick: &Cell) -> Point {
        let point = Point {
            at_s: (elapsed.as_secs_f64() * 1e3).round() / 1e3,
            length_s: (length.as_secs_f64() * 1e3).round() / 1e3,
            ended: tick.ended(),
            failed: tick.failed,
            response_p99_ms: Percentiles::of(&tick.response).p99,
            lag_p99_ms: Percentiles::of(&tick.lag).p99,
        };
        self.push(point);
        point
    }

    fn push(&mut self, point: Point) {
        self.stride = self.stride.max(1);
        match self.points.last_mut() {
            Some(last) if self.ticks > 0 => *last = last.join(point),
            _ => self.points.push(point),
        }
        self.ticks = (self.ticks + 1) % self.stride;
        if self.ticks == 0 && self.points.len() >= MOST {
            self.points =
                self.points.chunks(2).map(|c| c.iter().skip(1).fold(c[0], |a, b| a.join(*b))).collect();
            self.stride *= 2;
        }
    }

    pub(crate) fn points(&self) -> &[Point] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_seconds_stays_bounded_and_loses_nothing() {
        let mut timeline = Timeline::default();
        let day = 86_400u32;
        for second in 1..=day {
            let p99 = if second == 40_000 { 900.0 } else { 5.0 };
            let at_s = f64::from(second);
            timeline.push(Point {
                at_s,
                length_s: 1.0,
                ended: 20,
                failed: 1,
                response_p99_ms: p99,
                lag_p99_ms: 0.1,
            });
        }
        let points = timeline.points();
        assert!(points.len() <= MOST, "{}", points.len());
        assert_eq!(points.iter().map(|p| p.ended).sum::<u64>(), u64::from(day) * 20);
        assert_eq!(points.iter().map(|p| p.length_s).sum::<f64>(), f64::from(day));
        assert!(points.iter().any(|p| p.response_p99_ms == 900.0), "the worst second is still seen");
    }
}
