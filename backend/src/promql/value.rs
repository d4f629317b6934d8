//! What expressions evaluate to: values at every step of a grid, series by series.

use std::collections::HashMap;

use super::QueryError;
use crate::labels::Labels;
use crate::store::samples::{Sample, is_stale, stale};

/// The steps a query is evaluated at: `start`, `start + step`, … milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) start: i64,
    /// What was asked for as the end: the last step may lie before it.
    pub(crate) end: i64,
    pub(crate) step: i64,
    pub(crate) len: usize,
}

impl Grid {
    pub(crate) fn instant(t: i64) -> Self {
        Self { start: t, end: t, step: 1, len: 1 }
    }

    /// From `start` to `end`, both inclusive; `step` is above zero.
    pub(crate) fn range(start: i64, end: i64, step: i64) -> Self {
        let len = if end < start { 0 } else { (end.saturating_sub(start) / step) as usize + 1 };
        Self { start, end, step, len }
    }

    pub(crate) fn time(&self, i: usize) -> i64 {
        self.start + i as i64 * self.step
    }

    /// The time of the last step.
    pub(crate) fn last(&self) -> i64 {
        self.time(self.len.saturating_sub(1))
    }

    pub(crate) fn times(&self) -> impl Iterator<Item = i64> {
        let grid = *self;
        (0..grid.len).map(move |i| grid.time(i))
    }
}

/// Marks a step without a value. No computation yields the staleness marker, so it needs no flag beside the value.
pub(crate) fn absent() -> f64 {
    stale()
}

/// Whether a step has a value; NaN is one.
pub(crate) fn is_present(v: f64) -> bool {
    !is_stale(v)
}

/// One series of a result: a value, or none, at each step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) labels: Labels,
    pub(crate) points: Vec<f64>,
}

impl Row {
    /// Whether any step has a value.
    pub(crate) fn has_any(&self) -> bool {
        self.points.iter().any(|v| is_present(*v))
    }

    /// Applies `f` to every value that is there.
    pub(crate) fn map(mut self, mut f: impl FnMut(usize, f64) -> f64) -> Self {
        for (i, v) in self.points.iter_mut().enumerate() {
            if is_present(*v) {
                *v = f(i, *v);
            }
        }
        self
    }
}

/// A series of raw samples.
#[derive(Debug, Clone)]
pub(crate) struct MatrixRow {
    pub(crate) labels: Labels,
    pub(crate) samples: Vec<Sample>,
}

/// The result of a range selector at one instant.
pub(crate) type Matrix = Vec<MatrixRow>;

/// The result of an expression.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// One number per step.
    Scalar(Vec<f64>),
    Vector(Vec<Row>),
    Matrix(Matrix),
    Text(String),
}

/// Joins rows that ended up with equal labels; drops rows without any value.
///
/// # Errors
/// Two of them have a value at the same step.
pub(crate) fn merge(rows: Vec<Row>) -> Result<Vec<Row>, QueryError> {
    let mut at: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        if !row.has_any() {
            continue;
        }
        match at.get(&row.labels) {
            None => {
                at.insert(row.labels.clone(), merged.len());
                merged.push(row);
            }
            Some(i) => {
                for (into, v) in merged[*i].points.iter_mut().zip(row.points) {
                    match (is_present(*into), is_present(v)) {
                        (true, true) => {
                            return Err(QueryError::execution(
                                "vector cannot contain metrics with the same labelset",
                            ));
                        }
                        (false, true) => *into = v,
                        _ => {}
                    }
                }
            }
        }
    }
    Ok(merged)
}
