//! Aggregations over series, step by step: sums and the like per group, the highest and lowest, sorting.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::Series;
use super::range::{mean_and_squares, variance};
use crate::labels::Labels;
use crate::logql::ast::{Aggregate, Grouping};

/// Aggregates.
pub(super) fn run(
    op: Aggregate,
    count: usize,
    grouping: &Grouping,
    series: Vec<Series>,
    len: usize,
) -> Vec<Series> {
    match op {
        Aggregate::Sort | Aggregate::SortDesc => sort(op, series),
        Aggregate::Topk | Aggregate::Bottomk => select(op, count, grouping, series, len),
        _ => {
            let groups = groups(grouping, &series);
            let all = &series;
            let points = |members: &[usize]| {
                let value = |i: usize| {
                    let values = || members.iter().filter_map(move |m| all[*m].points[i]);
                    values().next().is_some().then(|| one(op, values()))
                };
                (0..len).map(value).collect()
            };
            groups.into_iter().map(|(labels, members)| Series { points: points(&members), labels }).collect()
        }
    }
}

/// The series of each group, by their place.
fn groups(grouping: &Grouping, series: &[Series]) -> BTreeMap<Labels, Vec<usize>> {
    let mut groups: BTreeMap<Labels, Vec<usize>> = BTreeMap::new();
    for (i, one) in series.iter().enumerate() {
        groups.entry(grouping.of(&one.labels)).or_default().push(i);
    }
    groups
}

fn one(op: Aggregate, values: impl Iterator<Item = f64>) -> f64 {
    match op {
        Aggregate::Sum => values.sum(),
        Aggregate::Avg => mean_and_squares(values).0,
        Aggregate::Min => values.fold(f64::NAN, f64::min),
        Aggregate::Max => values.fold(f64::NAN, f64::max),
        Aggregate::Stdvar => variance(values),
        Aggregate::Stddev => variance(values).sqrt(),
        // The rest is not made of one value per group.
        _ => values.count() as f64,
    }
}

/// Keeps the `count` highest (or lowest) of each group at each step. Of equal ones those whose labels come first stay.
fn select(
    op: Aggregate,
    count: usize,
    grouping: &Grouping,
    mut series: Vec<Series>,
    len: usize,
) -> Vec<Series> {
    for members in groups(grouping, &series).into_values() {
        for i in 0..len {
            let mut there: Vec<(usize, f64)> =
                members.iter().filter_map(|m| series[*m].points[i].map(|v| (*m, v))).collect();
            there.sort_by(|a, b| best_first(op, a.1, b.1));
            for (m, _) in there.into_iter().skip(count) {
                series[m].points[i] = None;
            }
        }
    }
    series.retain(|s| s.points.iter().any(Option::is_some));
    if let [first, ..] = series.as_slice()
        && first.points.len() == 1
    {
        series.sort_by(|a, b| best_first(op, at_once(a), at_once(b)));
    }
    series
}

/// NaN is always the worst.
fn best_first(op: Aggregate, a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) if matches!(op, Aggregate::Topk | Aggregate::SortDesc) => b.total_cmp(&a),
        (false, false) => a.total_cmp(&b),
        (a, b) => a.cmp(&b),
    }
}

/// The value of an instant query.
fn at_once(series: &Series) -> f64 {
    series.points.first().copied().flatten().unwrap_or(f64::NAN)
}

/// Sorts the answer of an instant query; over a range there is no one value to sort by.
fn sort(op: Aggregate, mut series: Vec<Series>) -> Vec<Series> {
    if series.iter().all(|s| s.points.len() == 1) {
        series.sort_by(|a, b| best_first(op, at_once(a), at_once(b)));
    }
    series
}
