//! Aggregations: `sum by (…)`, `topk`, `quantile` and their like, step by step within each group.

use std::collections::HashMap;

use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUM,
    T_TOPK,
};
use promql_parser::parser::{AggregateExpr, Expr, LabelModifier};

use super::eval::Evaluator;
use super::numeric::{Mean, Spread, Sum, quantile};
use super::value::{Grid, Row, absent, is_present};
use super::{QueryError, math, order};
use crate::labels::{Labels, NAME};
use crate::number::general;

pub(super) fn eval(
    evaluator: &Evaluator<'_>,
    expr: &AggregateExpr,
    grid: Grid,
) -> Result<Vec<Row>, QueryError> {
    let op = expr.op.id();
    let param = match (&expr.param, op) {
        (Some(param), T_TOPK | T_BOTTOMK | T_QUANTILE) => {
            Some(parameter(evaluator, param, &expr.expr, grid)?)
        }
        _ => None,
    };
    if op == T_COUNT_VALUES {
        return dense(evaluator, count_values(evaluator, expr, grid)?, grid);
    }
    let rows = evaluator.vector(&expr.expr, grid)?;
    let groups = group(&rows, expr.modifier.as_ref());
    if matches!(op, T_TOPK | T_BOTTOMK) {
        let k = param.ok_or_else(|| QueryError::execution("topk needs a parameter"))?;
        return top(rows, &groups, &k, op == T_TOPK, grid);
    }
    let q = if op == T_QUANTILE { param.unwrap_or_default() } else { Vec::new() };
    if op == T_QUANTILE {
        note_quantiles(evaluator, expr, &q);
    }
    let mut out = Vec::with_capacity(groups.len());
    for (labels, members) in groups {
        evaluator.claim(grid.len)?;
        let rows = members.iter().map(|m| rows[*m].points.as_slice());
        let points = match op {
            T_SUM => fold(rows, grid, Sum::of, Sum::add, |sum| sum.value()),
            T_AVG => fold(rows, grid, Mean::of, Mean::add, |mean| mean.value()),
            T_MIN => fold(rows, grid, |v| v, |best, v| *best = better(*best, v, v < *best), |best| *best),
            T_MAX => fold(rows, grid, |v| v, |best, v| *best = better(*best, v, v > *best), |best| *best),
            T_COUNT => fold(rows, grid, |_| 1.0, |count, _| *count += 1.0, |count| *count),
            T_GROUP => fold(rows, grid, |_| 1.0, |_, _| {}, |one| *one),
            T_STDVAR => fold(rows, grid, Spread::of, Spread::add, Spread::variance),
            T_STDDEV => fold(rows, grid, Spread::of, Spread::add, |spread| spread.variance().sqrt()),
            T_QUANTILE => quantiles(&rows.collect::<Vec<_>>(), &q),
            _ => return Err(QueryError::unsupported(format!("the aggregation {}", expr.op))),
        };
        out.push(Row { labels, points });
    }
    out.retain(Row::has_any);
    Ok(out)
}

/// The parameter of an aggregation of `over` at every step. Where `over` is fixed by `@`, Prometheus evaluates the whole once,
/// at the first step, and with it a parameter that changes.
fn parameter(
    evaluator: &Evaluator<'_>,
    param: &Expr,
    over: &Expr,
    grid: Grid,
) -> Result<Vec<f64>, QueryError> {
    if grid.len == 0 || order::varies(over) {
        return evaluator.scalar(param, grid);
    }
    let once = evaluator.scalar(param, Grid::instant(grid.start))?;
    Ok(once.first().map(|v| vec![*v; grid.len]).unwrap_or_default())
}

/// Folds the values of each step over all rows, row by row: `first` makes the state of a step from its first value.
fn fold<'r, A: Clone>(
    rows: impl Iterator<Item = &'r [f64]>,
    grid: Grid,
    first: impl Fn(f64) -> A,
    add: impl Fn(&mut A, f64),
    value: impl Fn(&A) -> f64,
) -> Vec<f64> {
    let mut states: Vec<Option<A>> = vec![None; grid.len];
    for points in rows {
        for (state, v) in states.iter_mut().zip(points).filter(|(_, v)| is_present(**v)) {
            match state {
                Some(state) => add(state, *v),
                None => *state = Some(first(*v)),
            }
        }
    }
    states.iter().map(|state| state.as_ref().map_or_else(absent, &value)).collect()
}

/// The value that stays: NaN only where there is nothing else.
fn better(best: f64, v: f64, is_better: bool) -> f64 {
    if is_better || best.is_nan() { v } else { best }
}

fn quantiles(rows: &[&[f64]], q: &[f64]) -> Vec<f64> {
    let at = |(i, q): (usize, &f64)| {
        let values: Vec<f64> = rows.iter().map(|row| row[i]).filter(|v| is_present(*v)).collect();
        if values.is_empty() { absent() } else { quantile(*q, values) }
    };
    q.iter().enumerate().map(at).collect()
}

/// The labels of a row's group.
fn group_labels(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    match modifier {
        None => Labels::default(),
        Some(LabelModifier::Include(by)) => labels.filter(|name| by.labels.iter().any(|l| l == name)),
        Some(LabelModifier::Exclude(without)) => {
            labels.filter(|name| name != NAME && !without.labels.iter().any(|l| l == name))
        }
    }
}

/// Notes of all the quantiles asked for the ones furthest from being any.
fn note_quantiles(evaluator: &Evaluator<'_>, expr: &AggregateExpr, q: &[f64]) {
    let at = evaluator.place_of_arg(expr, 0);
    let mut notes = evaluator.notes();
    if q.iter().any(|q| q.is_nan()) {
        notes.bad_quantile(f64::NAN, at);
    }
    let (min, max) = (q.iter().copied().reduce(math::min), q.iter().copied().reduce(math::max));
    for extreme in [min, max].into_iter().flatten().filter(|q| !q.is_nan()) {
        notes.bad_quantile(extreme, at);
    }
}

/// How often a value occurs, which is among the labels: at the steps where it does, in their order.
pub(super) struct Counted {
    pub(super) labels: Labels,
    pub(super) at: Vec<(usize, f64)>,
}

/// What a new value takes beside its counts, and what one of those takes: as if they were so many values.
const LABELS: usize = 16;
const COUNT: usize = 2;

/// How often each value occurs. Most occur at few steps, so that nothing is held for the others.
pub(super) fn count_values(
    evaluator: &Evaluator<'_>,
    expr: &AggregateExpr,
    grid: Grid,
) -> Result<Vec<Counted>, QueryError> {
    let label = match expr.param.as_deref().map(order::unwrapped) {
        Some(Expr::StringLiteral(s)) if !s.val.is_empty() => &s.val,
        _ => return Err(QueryError::execution("invalid label name \"\"")),
    };
    let modifier = match &expr.modifier {
        Some(LabelModifier::Exclude(_)) => expr.modifier.clone(),
        // The value is among the labels that groups are made by, whether it was named there or not.
        other => {
            let by = other.as_ref().map(|m| m.labels().labels.clone()).unwrap_or_default();
            Some(LabelModifier::Include(promql_parser::label::Labels {
                labels: by.into_iter().chain([label.clone()]).collect(),
            }))
        }
    };
    let rows = evaluator.vector(&expr.expr, grid)?;
    let mut slots: HashMap<Labels, usize> = HashMap::new();
    let mut counted: Vec<Counted> = Vec::new();
    for i in 0..grid.len {
        let known = counted.len();
        let mut counts = 0;
        for (row, v) in rows.iter().map(|row| (row, row.points[i])).filter(|(_, v)| is_present(*v)) {
            let labels = group_labels(&row.labels.with(label, &plain(v)), modifier.as_ref());
            let slot = *slots.entry(labels).or_insert_with_key(|labels| {
                counted.push(Counted { labels: labels.clone(), at: Vec::new() });
                counted.len() - 1
            });
            match counted[slot].at.last_mut() {
                Some((step, count)) if *step == i => *count += 1.0,
                _ => {
                    counted[slot].at.push((i, 1.0));
                    counts += 1;
                }
            }
        }
        evaluator.claim((counted.len() - known) * LABELS + counts * COUNT)?;
    }
    Ok(counted)
}

/// With a value or none for every step.
fn dense(evaluator: &Evaluator<'_>, counted: Vec<Counted>, grid: Grid) -> Result<Vec<Row>, QueryError> {
    let row = |counted: Counted| {
        evaluator.claim(grid.len)?;
        let mut points = vec![absent(); grid.len];
        for (step, count) in counted.at {
            points[step] = count;
        }
        Ok::<_, QueryError>(Row { labels: counted.labels, points })
    };
    counted.into_iter().map(row).collect()
}

/// All digits of a number, never with an exponent.
fn plain(v: f64) -> String {
    if v.is_infinite() { if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned() } else { v.to_string() }
}

/// Groups in order of their first member.
fn group(rows: &[Row], modifier: Option<&LabelModifier>) -> Vec<(Labels, Vec<usize>)> {
    let mut at: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<(Labels, Vec<usize>)> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let labels = group_labels(&row.labels, modifier);
        let slot = *at.entry(labels.clone()).or_insert_with(|| {
            groups.push((labels, Vec::new()));
            groups.len() - 1
        });
        groups[slot].1.push(i);
    }
    groups
}

/// Keeps the `k` largest (or smallest) of each group at each step, with all their labels; NaN is the last choice.
fn top(
    mut rows: Vec<Row>,
    groups: &[(Labels, Vec<usize>)],
    k: &[f64],
    largest: bool,
    grid: Grid,
) -> Result<Vec<Row>, QueryError> {
    if k.iter().copied().reduce(math::max).is_some_and(|k| k < 1.0) {
        return Ok(Vec::new());
    }
    if k.iter().any(|k| k.is_nan()) {
        return Err(QueryError::execution("Parameter value is NaN"));
    }
    if let Some(k) = k.iter().find(|k| **k <= i64::MIN as f64) {
        return Err(QueryError::Execution(format!("Scalar value {} underflows int64", general(*k, None))));
    }
    if let Some(k) = k.iter().find(|k| **k >= i64::MAX as f64) {
        return Err(QueryError::Execution(format!("Scalar value {} overflows int64", general(*k, None))));
    }
    let worse_last = |a: f64, b: f64| {
        let order = a.partial_cmp(&b).unwrap_or_else(|| match (a.is_nan(), b.is_nan()) {
            (true, true) => std::cmp::Ordering::Equal,
            (true, false) if largest => std::cmp::Ordering::Less,
            (true, false) => std::cmp::Ordering::Greater,
            _ if largest => std::cmp::Ordering::Greater,
            _ => std::cmp::Ordering::Less,
        });
        if largest { order.reverse() } else { order }
    };
    let mut order: Vec<usize> = Vec::new();
    for (_, members) in groups {
        for (i, k) in k.iter().enumerate() {
            let mut present: Vec<usize> =
                members.iter().copied().filter(|m| is_present(rows[*m].points[i])).collect();
            present.sort_by(|a, b| worse_last(rows[*a].points[i], rows[*b].points[i]));
            let kept = present.len().min((*k).max(0.0) as usize);
            for out in &present[kept..] {
                rows[*out].points[i] = absent();
            }
            if grid.len == 1 {
                order.extend(&present[..kept]);
            }
        }
    }
    if grid.len == 1 {
        // An instant answer is ordered by value.
        return Ok(order.into_iter().map(|i| rows[i].clone()).collect());
    }
    rows.retain(Row::has_any);
    Ok(rows)
}
