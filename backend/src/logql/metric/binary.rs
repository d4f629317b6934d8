//! Operators between numbers and series: arithmetic, comparisons, sets, with the matching of both sides' labels.

use std::collections::HashMap;

use super::{Series, Value};
use crate::labels::Labels;
use crate::logql::ast::{Binary, Many, Matching};

/// An operator on two numbers. A comparison yields one or zero; dividing by zero yields no number.
pub(crate) fn scalars(op: Binary, a: f64, b: f64) -> f64 {
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div | Binary::Mod if b == 0.0 => f64::NAN,
        Binary::Div => a / b,
        Binary::Mod => a % b,
        Binary::Pow => a.powf(b),
        Binary::Compare(compare) => f64::from(compare.holds(a, b)),
        Binary::And | Binary::Or | Binary::Unless => f64::NAN,
    }
}

/// An operator on two values of series: without `bool` a comparison keeps `kept` or nothing.
fn values(op: Binary, is_bool: bool, a: f64, b: f64, kept: f64) -> Option<f64> {
    match op {
        Binary::Compare(compare) if !is_bool => compare.holds(a, b).then_some(kept),
        _ => Some(scalars(op, a, b)),
    }
}

/// # Errors
/// Series of both sides do not match one to one, or as `group_left` and `group_right` allow.
pub(super) fn run(
    op: Binary,
    is_bool: bool,
    matching: &Matching,
    left: Value,
    right: Value,
) -> Result<Value, String> {
    let each = |series: Vec<Series>, f: &dyn Fn(f64) -> Option<f64>| {
        let mapped = series.into_iter().map(|s| Series {
            labels: s.labels,
            points: s.points.into_iter().map(|p| p.and_then(f)).collect(),
        });
        Value::Vector(present(mapped.collect()))
    };
    Ok(match (left, right) {
        (Value::Scalar(a), Value::Scalar(b)) => Value::Scalar(scalars(op, a, b)),
        (Value::Vector(series), Value::Scalar(b)) => each(series, &|a| values(op, is_bool, a, b, a)),
        (Value::Scalar(a), Value::Vector(series)) => each(series, &|b| values(op, is_bool, a, b, b)),
        (Value::Vector(left), Value::Vector(right)) if op.is_set() => {
            Value::Vector(present(sets(op, matching, left, right)))
        }
        (Value::Vector(left), Value::Vector(right)) => {
            Value::Vector(present(vectors(op, is_bool, matching, &left, &right)?))
        }
    })
}

fn present(mut series: Vec<Series>) -> Vec<Series> {
    series.retain(|s| s.points.iter().any(Option::is_some));
    series
}

fn by_key(matching: &Matching, series: &[Series]) -> HashMap<Labels, Vec<usize>> {
    let mut found: HashMap<Labels, Vec<usize>> = HashMap::new();
    for (i, one) in series.iter().enumerate() {
        found.entry(matching.key(&one.labels)).or_default().push(i);
    }
    found
}

/// Whether any series of `key` has a value at step `i`.
fn is_there(found: &HashMap<Labels, Vec<usize>>, series: &[Series], key: &Labels, i: usize) -> bool {
    found.get(key).is_some_and(|members| members.iter().any(|m| series[*m].points[i].is_some()))
}

fn sets(op: Binary, matching: &Matching, mut left: Vec<Series>, mut right: Vec<Series>) -> Vec<Series> {
    let keep = |series: &mut Vec<Series>, others: &[Series], when: bool| {
        let found = by_key(matching, others);
        for one in series {
            let key = matching.key(&one.labels);
            for i in 0..one.points.len() {
                if is_there(&found, others, &key, i) != when {
                    one.points[i] = None;
                }
            }
        }
    };
    match op {
        Binary::And => keep(&mut left, &right, true),
        Binary::Unless => keep(&mut left, &right, false),
        _ => {
            keep(&mut right, &left, false);
            for one in right {
                match left.iter_mut().find(|l| l.labels == one.labels) {
                    Some(same) => {
                        for (into, point) in same.points.iter_mut().zip(one.points) {
                            *into = into.or(point);
                        }
                    }
                    None => left.push(one),
                }
            }
        }
    }
    left
}

fn vectors(
    op: Binary,
    is_bool: bool,
    matching: &Matching,
    left: &[Series],
    right: &[Series],
) -> Result<Vec<Series>, String> {
    // With `group_right` the right side has many series for each on the left.
    let swapped = matching.many == Many::Right;
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let found = by_key(matching, one);
    for members in found.values().filter(|members| members.len() > 1) {
        let is_twice = |i: usize| members.iter().filter(|m| one[**m].points[i].is_some()).count() > 1;
        if (0..one[members[0]].points.len()).any(is_twice) {
            let side = if swapped { "left" } else { "right" };
            return Err(format!(
                "found duplicate series on the {side} hand-side;many-to-many matching not allowed: matching labels must be unique on one side"
            ));
        }
    }
    let mut results: Vec<Series> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    // Which steps of a key a series of the side with many has taken, where both sides have to be one.
    let mut taken: HashMap<Labels, Vec<bool>> = HashMap::new();
    for series in many {
        let key = matching.key(&series.labels);
        let Some(partners) = found.get(&key) else { continue };
        for i in 0..series.points.len() {
            let Some(a) = series.points[i] else { continue };
            let there = partners.iter().find_map(|p| one[*p].points[i].map(|v| (*p, v)));
            let Some((partner, b)) = there else { continue };
            if matching.many == Many::Neither {
                let taken = taken.entry(key.clone()).or_insert_with(|| vec![false; series.points.len()]);
                if std::mem::replace(&mut taken[i], true) {
                    return Err(
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                            .to_owned(),
                    );
                }
            }
            let (x, y) = if swapped { (b, a) } else { (a, b) };
            let Some(value) = values(op, is_bool, x, y, x) else { continue };
            let labels = result_labels(matching, &series.labels, &one[partner].labels);
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                results.push(Series { labels, points: vec![None; series.points.len()] });
                results.len() - 1
            });
            if results[place].points[i].replace(value).is_some() {
                return Err(
                    "multiple matches for labels: grouping labels must ensure unique matches".to_owned()
                );
            }
        }
    }
    Ok(results)
}

fn result_labels(matching: &Matching, many: &Labels, one: &Labels) -> Labels {
    if matching.many == Many::Neither {
        return matching.key(many);
    }
    matching
        .include
        .iter()
        .fold(many.clone().without_empty(), |labels, name| labels.with(name, one.get(name)))
}
