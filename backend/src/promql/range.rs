//! Functions over a range: `rate` and its relatives, and the `*_over_time` family.

use promql_parser::parser::{Call, Expr};

use super::QueryError;
use super::eval::Evaluator;
use super::numeric::{mean, quantile, sum, variance};
use super::select::Window;
use super::value::{Grid, Row, merge};
use crate::store::samples::Sample;

/// Evaluates a function whose (last) argument is a range vector; `None` when this file does not have it.
pub(super) fn call(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: Grid,
) -> Result<Option<Vec<Row>>, QueryError> {
    let args = &call.args.args;
    let simple: fn(&Window<'_>, f64) -> Option<f64> = match call.func.name {
        "rate" => |w, range| extrapolated(w, true, true, range),
        "increase" => |w, range| extrapolated(w, true, false, range),
        "delta" => |w, range| extrapolated(w, false, false, range),
        "irate" => |w, _| last_two(w, true),
        "idelta" => |w, _| last_two(w, false),
        "changes" => |w, _| Some(pairs(w, |a, b| a != b && !(a.is_nan() && b.is_nan()))),
        "resets" => |w, _| Some(pairs(w, |a, b| b < a)),
        "sum_over_time" => |w, _| Some(sum(values(w))),
        "avg_over_time" => |w, _| Some(mean(values(w))),
        "min_over_time" => |w, _| extreme(w, |v, best| v < best),
        "max_over_time" => |w, _| extreme(w, |v, best| v > best),
        "count_over_time" => |w, _| Some(w.samples.len() as f64),
        "last_over_time" => |w, _| w.samples.last().map(|s| s.v),
        "present_over_time" => |_, _| Some(1.0),
        "stddev_over_time" => |w, _| Some(variance(values(w)).sqrt()),
        "stdvar_over_time" => |w, _| Some(variance(values(w))),
        "deriv" => |w, _| regression(w, w.samples.first().map_or(0, |s| s.t)).map(|(slope, _)| slope),
        "quantile_over_time" => return over_quantile(evaluator, args, grid).map(Some),
        "predict_linear" => return predict(evaluator, args, grid).map(Some),
        _ => return Ok(None),
    };
    let [arg] = args.as_slice() else { return Err(QueryError::execution("expected one argument")) };
    let keeps_name = call.func.name == "last_over_time";
    let mut rows = Vec::new();
    evaluator.each_window(arg, grid, |labels, windows| {
        let range_s = windows.range_ms as f64 / 1000.0;
        let points = windows.map(|_, window| simple(&window, range_s));
        let labels = if keeps_name { labels.clone() } else { labels.without_name() };
        rows.push(Row { labels, points });
        Ok(())
    })?;
    merge(rows).map(Some)
}

fn values<'w>(window: &'w Window<'_>) -> impl Iterator<Item = f64> + 'w {
    window.samples.iter().map(|s| s.v)
}

/// `rate`, `increase`, `delta`: the change between the first and last sample, extrapolated to the window's edges
/// where samples come close enough to them, and never below zero for counters.
fn extrapolated(window: &Window<'_>, is_counter: bool, is_rate: bool, range_s: f64) -> Option<f64> {
    let [first, .., last] = window.samples else { return None };
    let mut change = last.v - first.v;
    if is_counter {
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

fn last_two(window: &Window<'_>, is_rate: bool) -> Option<f64> {
    let [.., a, b] = window.samples else { return None };
    let change = if is_rate && b.v < a.v { b.v } else { b.v - a.v };
    let interval = b.t - a.t;
    if interval == 0 {
        return None;
    }
    Some(if is_rate { change / (interval as f64 / 1000.0) } else { change })
}

fn pairs(window: &Window<'_>, counts: impl Fn(f64, f64) -> bool) -> f64 {
    window.samples.windows(2).filter(|p| counts(p[0].v, p[1].v)).count() as f64
}

fn extreme(window: &Window<'_>, better: impl Fn(f64, f64) -> bool) -> Option<f64> {
    values(window).reduce(|best, v| if better(v, best) || best.is_nan() { v } else { best })
}

/// Least squares: slope per second, and the value at `intercept_ms`.
fn regression(window: &Window<'_>, intercept_ms: i64) -> Option<(f64, f64)> {
    let [first, _, ..] = window.samples else { return None };
    if window.samples.iter().all(|s| s.v == first.v) {
        return Some(if first.v.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first.v) });
    }
    let n = window.samples.len() as f64;
    let x = |s: &Sample| (s.t - intercept_ms) as f64 / 1000.0;
    let sum_x = sum(window.samples.iter().map(x));
    let sum_y = sum(values(window));
    let sum_xy = sum(window.samples.iter().map(|s| x(s) * s.v));
    let sum_x2 = sum(window.samples.iter().map(|s| x(s) * x(s)));
    let covariance = sum_xy - sum_x * sum_y / n;
    let variance = sum_x2 - sum_x * sum_x / n;
    let slope = covariance / variance;
    Some((slope, sum_y / n - slope * sum_x / n))
}

fn over_quantile(evaluator: &Evaluator<'_>, args: &[Box<Expr>], grid: Grid) -> Result<Vec<Row>, QueryError> {
    let [q, arg] = args else { return Err(QueryError::execution("expected two arguments")) };
    let q = evaluator.scalar(q, grid)?;
    let mut rows = Vec::new();
    evaluator.each_window(arg, grid, |labels, windows| {
        let points = windows.map(|i, window| Some(quantile(q[i], values(&window).collect())));
        rows.push(Row { labels: labels.without_name(), points });
        Ok(())
    })?;
    merge(rows)
}

fn predict(evaluator: &Evaluator<'_>, args: &[Box<Expr>], grid: Grid) -> Result<Vec<Row>, QueryError> {
    let [arg, ahead] = args else { return Err(QueryError::execution("expected two arguments")) };
    let ahead = evaluator.scalar(ahead, grid)?;
    let mut rows = Vec::new();
    evaluator.each_window(arg, grid, |labels, windows| {
        let points = windows.map(|i, window| {
            regression(&window, grid.time(i)).map(|(slope, intercept)| slope * ahead[i] + intercept)
        });
        rows.push(Row { labels: labels.without_name(), points });
        Ok(())
    })?;
    merge(rows)
}
