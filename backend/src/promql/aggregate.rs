//! Aggregations: `sum by (…)`, `topk`, `quantile` and their like, step by step within each group.

use std::collections::HashMap;

use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUM,
    T_TOPK,
};
use promql_parser::parser::{AggregateExpr, Expr, LabelModifier};

use super::QueryError;
use super::eval::Evaluator;
use super::math;
use super::notes::general;
use super::numeric::{mean, quantile, sum};
use super::value::{Grid, Row, absent, is_present};
use crate::labels::{Labels, NAME};

pub(super) fn eval(
    evaluator: &Evaluator<'_>,
    expr: &AggregateExpr,
    grid: Grid,
) -> Result<Vec<Row>, QueryError> {
    let op = expr.op.id();
    let param = match (&expr.param, op) {
        (Some(param), T_TOPK | T_BOTTOMK | T_QUANTILE) => Some(evaluator.scalar(param, grid)?),
        _ => None,
    };
    let rows = evaluator.vector(&expr.expr, grid)?;
    if op == T_COUNT_VALUES {
        return count_values(evaluator, expr, rows, grid);
    }
    let groups = group(&rows, expr.modifier.as_ref());
    if matches!(op, T_TOPK | T_BOTTOMK) {
        let k = param.ok_or_else(|| QueryError::execution("topk needs a parameter"))?;
        return top(rows, &groups, &k, op == T_TOPK, grid);
    }
    let fold: Box<dyn Fn(usize, Vec<f64>) -> f64> = match op {
        T_SUM => Box::new(|_, v| sum(v)),
        T_AVG => Box::new(|_, v| mean(v)),
        T_MIN => Box::new(|_, v| extreme(v, |a, best| a < best)),
        T_MAX => Box::new(|_, v| extreme(v, |a, best| a > best)),
        T_COUNT => Box::new(|_, v| v.len() as f64),
        T_GROUP => Box::new(|_, _| 1.0),
        T_STDVAR => Box::new(|_, v| variance(&v)),
        T_STDDEV => Box::new(|_, v| variance(&v).sqrt()),
        T_QUANTILE => {
            let q = param.ok_or_else(|| QueryError::execution("quantile needs a parameter"))?;
            note_quantiles(evaluator, expr, &q);
            Box::new(move |i, v| quantile(q[i], v))
        }
        _ => return Err(QueryError::unsupported(format!("the aggregation {}", expr.op))),
    };
    let mut out = Vec::with_capacity(groups.len());
    for (labels, members) in groups {
        evaluator.claim(grid.len)?;
        let points = (0..grid.len).map(|i| {
            let values: Vec<f64> =
                members.iter().map(|m| rows[*m].points[i]).filter(|v| is_present(*v)).collect();
            if values.is_empty() { absent() } else { fold(i, values) }
        });
        out.push(Row { labels, points: points.collect() });
    }
    out.retain(Row::has_any);
    Ok(out)
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

/// How often each value occurs, with the value as a label.
fn count_values(
    evaluator: &Evaluator<'_>,
    expr: &AggregateExpr,
    rows: Vec<Row>,
    grid: Grid,
) -> Result<Vec<Row>, QueryError> {
    let label = match expr.param.as_deref() {
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
    let mut at: HashMap<Labels, usize> = HashMap::new();
    let mut out: Vec<Row> = Vec::new();
    for row in rows {
        for (i, v) in row.points.iter().enumerate().filter(|(_, v)| is_present(**v)) {
            let labels = group_labels(&row.labels.with(label, &plain(*v)), modifier.as_ref());
            let slot = match at.get(&labels) {
                Some(slot) => *slot,
                None => {
                    evaluator.claim(grid.len)?;
                    at.insert(labels.clone(), out.len());
                    out.push(Row { labels, points: vec![absent(); grid.len] });
                    out.len() - 1
                }
            };
            let count = &mut out[slot].points[i];
            *count = if is_present(*count) { *count + 1.0 } else { 1.0 };
        }
    }
    Ok(out)
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

fn extreme(values: Vec<f64>, better: impl Fn(f64, f64) -> bool) -> f64 {
    values
        .into_iter()
        .reduce(|best, v| if better(v, best) || best.is_nan() { v } else { best })
        .unwrap_or(f64::NAN)
}

fn variance(values: &[f64]) -> f64 {
    if values.first().is_some_and(|v| !v.is_finite()) {
        return f64::NAN;
    }
    let (mut n, mut mean, mut aux) = (0.0, 0.0, 0.0);
    for v in values {
        n += 1.0;
        let delta = v - mean;
        mean += delta / n;
        aux += delta * (v - mean);
    }
    aux / n
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
