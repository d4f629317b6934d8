//! `histogram_quantile` over classic buckets.

use std::collections::HashMap;

use super::QueryError;
use super::value::{Grid, Row, absent, is_present, merge};
use crate::labels::{Labels, NAME};

/// Relative difference below which a decrease between buckets is taken for rounding.
const SMALL: f64 = 1e-12;

/// A bucket: upper bound and cumulative count.
type Bucket = (f64, f64);

pub(super) fn eval(q: &[f64], rows: Vec<Row>, grid: Grid) -> Result<Vec<Row>, QueryError> {
    let mut groups: Vec<(Labels, Vec<(f64, Row)>)> = Vec::new();
    let mut at: HashMap<Labels, usize> = HashMap::new();
    for row in rows {
        // A series without a readable bound is no bucket.
        let Ok(bound) = row.labels.get("le").parse::<f64>() else { continue };
        let labels = row.labels.filter(|name| name != NAME && name != "le");
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
            if present.is_empty() { absent() } else { quantile(q[i], present) }
        });
        Row { labels, points: points.collect() }
    });
    merge(rows.collect())
}

/// Linear interpolation within the bucket that holds the rank.
fn quantile(q: f64, buckets: Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
        return f64::NAN;
    }
    let mut buckets = coalesce(buckets);
    make_monotonic(&mut buckets);
    if buckets.len() < 2 {
        return f64::NAN;
    }
    let last = buckets.len() - 1;
    let observations = buckets[last].1;
    if observations == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * observations;
    let b = buckets[..last].partition_point(|(_, count)| *count < rank || count.is_nan() || rank.is_nan());
    if b == last {
        return buckets[last - 1].0;
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

/// Cumulative counts never fall; scrapes and rates can make them seem to.
fn make_monotonic(buckets: &mut [Bucket]) {
    let Some((_, mut previous)) = buckets.first().copied() else { return };
    for bucket in &mut buckets[1..] {
        let current = bucket.1;
        let near = (current - previous).abs() <= SMALL * (current.abs() + previous.abs());
        if current == previous {
            continue;
        }
        if near || current < previous {
            bucket.1 = previous;
        } else {
            previous = current;
        }
    }
}
