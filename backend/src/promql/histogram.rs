//! `histogram_quantile` and `histogram_fraction` over classic buckets.

use std::collections::HashMap;

use promql_parser::parser::Call;

use super::QueryError;
use super::eval::Evaluator;
use super::notes::Mended;
use super::value::{Grid, Row, absent, is_present, merge};
use crate::labels::{Labels, NAME};

/// Relative difference below which a decrease between buckets is taken for rounding.
const SMALL: f64 = 1e-12;

/// A bucket: upper bound and cumulative count.
type Bucket = (f64, f64);

/// `histogram_quantile`: the quantile `q` of each histogram at each step.
pub(super) fn quantiles(
    evaluator: &Evaluator<'_>,
    call: &Call,
    q: &[f64],
    rows: Vec<Row>,
    grid: Grid,
) -> Result<Vec<Row>, QueryError> {
    let at = evaluator.place_of_arg(call, 0);
    q.iter().for_each(|q| evaluator.notes().bad_quantile(*q, at));
    let place = evaluator.place_of_arg(call, 1);
    each(evaluator, place, rows, grid, |i, buckets| {
        let (value, mended) = quantile(q[i], buckets);
        if let Some(mended) = mended {
            let (first_ms, last_ms) = (grid.time(i), grid.time(i));
            evaluator.notes().mended(Mended { first_ms, last_ms, ..mended }, place);
        }
        value
    })
}

/// `histogram_fraction`: the share of observations between `lower` and `upper` at each step.
pub(super) fn fractions(
    evaluator: &Evaluator<'_>,
    call: &Call,
    lower: &[f64],
    upper: &[f64],
    rows: Vec<Row>,
    grid: Grid,
) -> Result<Vec<Row>, QueryError> {
    let place = evaluator.place_of_arg(call, 2);
    each(evaluator, place, rows, grid, |i, buckets| fraction(lower[i], upper[i], buckets))
}

/// Gathers the buckets of each histogram, in order of their bounds, and runs `f` at every step that has any.
fn each(
    evaluator: &Evaluator<'_>,
    place: Option<usize>,
    rows: Vec<Row>,
    grid: Grid,
    mut f: impl FnMut(usize, Vec<Bucket>) -> f64,
) -> Result<Vec<Row>, QueryError> {
    let mut groups: Vec<(Labels, Vec<(f64, Row)>)> = Vec::new();
    let mut at: HashMap<Labels, usize> = HashMap::new();
    for row in rows {
        let le = row.labels.get("le");
        let Ok(bound) = le.parse::<f64>() else {
            if row.has_any() {
                let message = format!("bucket label \"le\" is missing or has a malformed value of {le:?}");
                evaluator.notes().warn(message, place);
            }
            continue;
        };
        // Histograms of different names are different ones, though the name goes in the end.
        let labels = row.labels.filter(|name| name != "le");
        let slot = *at.entry(labels.clone()).or_insert_with(|| {
            groups.push((labels, Vec::new()));
            groups.len() - 1
        });
        groups[slot].1.push((bound, row));
    }
    let rows = groups.into_iter().map(|(labels, mut buckets)| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let points = (0..grid.len).map(|i| {
            let present: Vec<Bucket> = buckets
                .iter()
                .map(|(bound, row)| (*bound, row.points[i]))
                .filter(|(_, v)| is_present(*v))
                .collect();
            if present.is_empty() { absent() } else { f(i, present) }
        });
        Row { labels: labels.filter(|name| name != NAME), points: points.collect() }
    });
    merge(rows.collect())
}

/// Linear interpolation within the bucket that holds the rank; and what had to be mended in the buckets.
fn quantile(q: f64, buckets: Vec<Bucket>) -> (f64, Option<Mended>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
        return (f64::NAN, None);
    }
    let mut buckets = coalesce(buckets);
    let mended = make_monotonic(&mut buckets);
    (rank_to_value(q, &buckets), mended)
}

fn rank_to_value(q: f64, buckets: &[Bucket]) -> f64 {
    let [.., (below, _), (_, observations)] = *buckets else { return f64::NAN };
    if observations == 0.0 {
        return f64::NAN;
    }
    let last = buckets.len() - 1;
    let mut rank = q * observations;
    let b = buckets[..last].partition_point(|(_, count)| *count < rank || count.is_nan() || rank.is_nan());
    if b == last {
        return below;
    }
    if b == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (end, mut count) = buckets[b];
    let mut start = 0.0;
    if b > 0 {
        start = buckets[b - 1].0;
        count -= buckets[b - 1].1;
        rank -= buckets[b - 1].1;
    }
    start + (end - start) * (rank / count)
}

/// The share of observations between two values, interpolated within the buckets that hold them.
fn fraction(lower: f64, upper: f64, buckets: Vec<Bucket>) -> f64 {
    if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
        return f64::NAN;
    }
    let buckets = coalesce(buckets);
    let count = buckets.last().map_or(0.0, |(_, count)| *count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, count, &buckets) - rank_of(lower, count, &buckets)) / count
}

/// How many observations are below `v`.
fn rank_of(v: f64, count: f64, buckets: &[Bucket]) -> f64 {
    // Positive bounds alone: nothing was observed below zero.
    let mut start =
        if buckets.first().is_some_and(|(bound, _)| *bound > 0.0) { 0.0 } else { f64::NEG_INFINITY };
    let mut rank = 0.0;
    for (end, total) in buckets {
        if start >= v {
            break;
        }
        if *end > v {
            // Within a bucket without end there is nothing to interpolate between.
            rank = if start == f64::NEG_INFINITY {
                *total
            } else {
                rank + (total - rank) * (v - start) / (end - start)
            };
            return if rank > count { count } else { rank };
        }
        rank = *total;
        start = *end;
    }
    if start < v || rank > count { count } else { rank }
}

/// Buckets with the same bound are added up.
fn coalesce(buckets: Vec<Bucket>) -> Vec<Bucket> {
    let mut merged: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for (bound, count) in buckets {
        match merged.last_mut() {
            Some(last) if last.0 == bound => last.1 += count,
            _ => merged.push((bound, count)),
        }
    }
    merged
}

/// Cumulative counts never fall; scrapes and rates can make them seem to. Tells what fell by more than rounding does.
fn make_monotonic(buckets: &mut [Bucket]) -> Option<Mended> {
    let (_, mut previous) = buckets.first().copied()?;
    let mut mended: Option<Mended> = None;
    for (bound, count) in &mut buckets[1..] {
        let current = *count;
        if current == previous {
            continue;
        }
        if nearly_equal(previous, current) {
            *count = previous;
        } else if current < previous {
            *count = previous;
            let so_far = mended.get_or_insert(Mended {
                min_bucket: *bound,
                max_bucket: *bound,
                max_diff: 0.0,
                count: 1,
                first_ms: 0,
                last_ms: 0,
            });
            so_far.max_bucket = so_far.max_bucket.max(*bound);
            so_far.max_diff = so_far.max_diff.max(previous - current);
        } else {
            previous = current;
        }
    }
    mended
}

fn nearly_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() {
        return true;
    }
    let (difference, sum) = ((a - b).abs(), a.abs() + b.abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < SMALL * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < SMALL
}
