//! Functions over the samples of a window, `(t - range, t]`.

use std::time::Instant;

use super::samples::Samples;
use super::{Grid, Series};
use crate::labels::Labels;
use crate::logql::ast::{RangeAggregation, RangeOp};
use crate::matcher::Op;
use crate::promql;
use crate::store::read::within;
use crate::store::segment::ReadError;

/// Samples of a window from which on the time is looked at.
const LARGE: usize = 1000;

/// Evaluates the function at every step.
///
/// # Errors
/// The deadline has passed.
pub(super) fn run(
    aggregation: &RangeAggregation,
    series: Vec<(Labels, Samples)>,
    grid: &Grid,
    deadline: Instant,
) -> Result<Vec<Series>, ReadError> {
    if aggregation.op == RangeOp::Absent {
        return Ok(absent(aggregation, &series, grid));
    }
    let seconds = aggregation.range_ns as f64 / 1e9;
    let mut found = Vec::with_capacity(series.len());
    for (labels, samples) in series {
        within(deadline)?;
        let points = windows(&samples, aggregation.range_ns, grid, |window| {
            // Large windows at many steps take long; what is left is thrown away at the end.
            if window.len() > LARGE && within(deadline).is_err() {
                return f64::NAN;
            }
            one(aggregation.op, aggregation.quantile, seconds, window, aggregation.unwrap.is_some())
        });
        within(deadline)?;
        found.push(Series { labels, points });
    }
    found.retain(|s| s.points.iter().any(Option::is_some));
    Ok(found)
}

fn windows(
    samples: &[(i64, f64)],
    range: i64,
    grid: &Grid,
    f: impl Fn(&[(i64, f64)]) -> f64,
) -> Vec<Option<f64>> {
    let (mut from, mut to) = (0, 0);
    (0..grid.len)
        .map(|i| {
            let t = grid.time(i);
            while to < samples.len() && samples[to].0 <= t {
                to += 1;
            }
            while from < to && samples[from].0 <= t.saturating_sub(range) {
                from += 1;
            }
            (from < to).then(|| f(&samples[from..to]))
        })
        .collect()
}

fn one(op: RangeOp, quantile: f64, seconds: f64, window: &[(i64, f64)], unwrapped: bool) -> f64 {
    let values = || window.iter().map(|(_, v)| *v);
    match op {
        RangeOp::Count => window.len() as f64,
        RangeOp::Rate if !unwrapped => window.len() as f64 / seconds,
        RangeOp::Rate | RangeOp::BytesRate => values().sum::<f64>() / seconds,
        RangeOp::Bytes | RangeOp::Sum => values().sum(),
        RangeOp::Avg => mean(values()),
        RangeOp::Min => values().fold(f64::NAN, f64::min),
        RangeOp::Max => values().fold(f64::NAN, f64::max),
        RangeOp::First => window.first().map_or(0.0, |(_, v)| *v),
        RangeOp::Last => window.last().map_or(0.0, |(_, v)| *v),
        RangeOp::Stdvar => variance(values()),
        RangeOp::Stddev => variance(values()).sqrt(),
        RangeOp::Quantile => promql::quantile(quantile, values().collect()),
        RangeOp::RateCounter => rate_counter(window, seconds),
        // Has no samples of its own.
        RangeOp::Absent => 1.0,
    }
}

/// The mean, which an infinity does not make NaN.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut mean, mut n) = (0.0, 0.0);
    for v in values {
        n += 1.0;
        let stays = f64::is_infinite(mean) && !v.is_nan() && (v.is_finite() || v.signum() == mean.signum());
        if !stays {
            mean += v / n - mean / n;
        }
    }
    mean
}

/// The mean, the sum of the squared distances to it, and how many values there are; step by step, so that large values
/// lose nothing.
pub(super) fn mean_and_squares(values: impl Iterator<Item = f64>) -> (f64, f64, usize) {
    let (mut mean, mut squares, mut n) = (0.0, 0.0, 0);
    for v in values {
        n += 1;
        let delta = v - mean;
        mean += delta / n as f64;
        squares += delta * (v - mean);
    }
    (mean, squares, n)
}

/// The variance of all values there are.
pub(super) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (_, squares, n) = mean_and_squares(values);
    squares / n as f64
}

/// The rate of a counter: resets count as starts from zero, and what lies between the window's edges and the samples is
/// added in proportion. Loki takes the window to end at its last sample, and measures the time between samples in
/// microseconds where the window is in seconds, so that next to nothing is added; so it is here.
fn rate_counter(window: &[(i64, f64)], seconds: f64) -> f64 {
    let [(first_ns, first), .., (last_ns, last)] = window else { return 0.0 };
    let resets: f64 = window.windows(2).filter(|w| w[1].1 < w[0].1).map(|w| w[0].1).sum();
    let increase = last - first + resets;
    let sampled = (last_ns - first_ns) as f64 / 1000.0;
    let between = sampled / (window.len() - 1) as f64;
    let mut to_start = seconds;
    if increase > 0.0 && *first >= 0.0 {
        to_start = to_start.min(sampled * (first / increase));
    }
    let added = if to_start < between * 1.1 { to_start } else { between / 2.0 };
    increase * ((sampled + added) / sampled) / seconds
}

/// One where no series has a sample, with the labels that the selector is sure of.
fn absent(aggregation: &RangeAggregation, series: &[(Labels, Samples)], grid: &Grid) -> Vec<Series> {
    let mut points = vec![Some(1.0); grid.len];
    for (_, samples) in series {
        for (point, there) in points.iter_mut().zip(windows(samples, aggregation.range_ns, grid, |_| 1.0)) {
            if there.is_some() {
                *point = None;
            }
        }
    }
    if points.iter().all(Option::is_none) {
        return Vec::new();
    }
    let selector = &aggregation.query.selector;
    let sure = selector.iter().filter_map(|m| match &m.op {
        Op::Equal(value) if selector.iter().filter(|o| o.name == m.name).count() == 1 => {
            Some((m.name.as_str(), value.as_str()))
        }
        _ => None,
    });
    vec![Series { labels: Labels::new(sure), points }]
}
