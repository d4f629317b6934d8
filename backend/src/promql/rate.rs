//! The rate family and the trend of a window: `rate`, `increase`, `delta`, `irate`, `idelta`, `deriv`, `predict_linear`.

use super::numeric::sum;
use super::select::Window;
use crate::store::samples::Sample;

/// `rate`, `increase`, `delta`: the change between the first and last sample, extrapolated to the window's edges
/// where samples come close enough to them, and never below zero for counters.
pub(super) fn extrapolated(
    window: &Window<'_>,
    is_counter: bool,
    is_rate: bool,
    range_s: f64,
) -> Option<f64> {
    let [first, .., last] = window.samples else { return None };
    let mut change = last.v - first.v;
    // Without a drop there is nothing to add, and no need to look at each sample.
    if is_counter && window.drops > 0 {
        let reset = |pair: &[Sample]| if pair[1].v < pair[0].v { pair[0].v } else { 0.0 };
        for pair in window.samples.windows(2) {
            change += reset(pair);
        }
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut to_start = seconds(first.t - window.start);
    let mut to_end = seconds(window.end - last.t);
    let sampled = seconds(last.t - first.t);
    let average = sampled / (window.samples.len() - 1) as f64;
    let threshold = average * 1.1;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if is_counter {
        let mut to_zero = to_start;
        if change > 0.0 && first.v >= 0.0 {
            to_zero = sampled * (first.v / change);
        }
        to_start = to_start.min(to_zero);
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if is_rate {
        factor /= range_s;
    }
    Some(change * factor)
}

/// `irate` and `idelta`: the change between the last two samples, per second or in all.
pub(super) fn last_two(window: &Window<'_>, is_rate: bool) -> Option<f64> {
    let [.., a, b] = window.samples else { return None };
    let change = if is_rate && b.v < a.v { b.v } else { b.v - a.v };
    let interval = b.t - a.t;
    if interval == 0 {
        return None;
    }
    Some(if is_rate { change / (interval as f64 / 1000.0) } else { change })
}

/// Least squares: slope per second, and the value at `intercept_ms`.
pub(super) fn regression(window: &Window<'_>, intercept_ms: i64) -> Option<(f64, f64)> {
    let [first, _, ..] = window.samples else { return None };
    if window.samples.iter().all(|s| s.v == first.v) {
        return Some(if first.v.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first.v) });
    }
    let n = window.samples.len() as f64;
    let x = |s: &Sample| (s.t - intercept_ms) as f64 / 1000.0;
    let sum_x = sum(window.samples.iter().map(x));
    let sum_y = sum(window.values());
    let sum_xy = sum(window.samples.iter().map(|s| x(s) * s.v));
    let sum_x2 = sum(window.samples.iter().map(|s| x(s) * x(s)));
    let covariance = sum_xy - sum_x * sum_y / n;
    let variance = sum_x2 - sum_x * sum_x / n;
    let slope = covariance / variance;
    Some((slope, sum_y / n - slope * sum_x / n))
}
