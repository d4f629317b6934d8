//! PromQL: `promql-parser` parses and type-checks, the evaluator here is our own and follows Prometheus 3 to the letter:
//! left-open ranges, five minutes of lookback, staleness, extrapolation, its error texts. What is not there yet is
//! answered with an error that names it. Pure: samples come through [`Source`], nothing reads a clock.
//!
//! One file per family: `select` (selectors), `range` (functions over a range), `aggregate`, `binary`, `functions`
//! (of instant vectors), `histogram`, `numeric` (compensated sums, quantiles).

mod aggregate;
mod binary;
mod eval;
mod functions;
mod histogram;
mod numeric;
mod range;
mod select;
#[cfg(test)]
mod tests;
mod value;

use std::time::Instant;

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{self, Expr};

use crate::matcher::Matcher;
use crate::store::samples::{Samples, SeriesView};

pub(crate) use eval::Evaluator;
pub(crate) use select::matchers_of;
pub(crate) use value::{Grid, Row, Value, is_present};

/// How far back an instant selector looks for a sample.
pub(crate) const LOOKBACK_MS: i64 = 5 * 60 * 1000;
/// Longest query text, and deepest nesting: the evaluator recurses.
const MAX_QUERY: usize = 8 * 1024;
const MAX_DEPTH: usize = 120;

/// Where samples come from.
pub(crate) trait Source {
    /// Series that satisfy all matchers, with samples in `start < t <= end`, sorted by labels.
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesView>;
}

impl Source for Samples {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesView> {
        Self::select(self, matchers, start, end)
    }
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    /// The text is not PromQL, or not of a type that fits.
    #[error("{0}")]
    Bad(String),
    /// The data or an argument does not allow it.
    #[error("{0}")]
    Execution(String),
    /// PromQL, but not implemented yet.
    #[error("{0} is not supported yet by the embedded backend")]
    Unsupported(String),
    #[error("query timed out in query execution")]
    TimedOut,
    #[error("query processing would load too many samples into memory in query execution")]
    TooMuch,
}

impl QueryError {
    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::Execution(message.into())
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}

/// Bounds of one query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) deadline: Instant,
    pub(crate) points: usize,
}

/// Parses a query.
///
/// # Errors
/// [`QueryError::Bad`] with the parser's message.
pub(crate) fn parse(query: &str) -> Result<Expr, QueryError> {
    if query.len() > MAX_QUERY {
        return Err(QueryError::Bad(format!("the query is longer than {MAX_QUERY} bytes")));
    }
    // The grammar crate may recurse on nesting too: brackets are counted before it sees the text.
    let mut open = 0usize;
    for b in query.bytes() {
        match b {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_DEPTH {
            return Err(QueryError::Bad("the query is nested too deeply".to_owned()));
        }
    }
    let expr = parser::parse(query).map_err(|e| QueryError::Bad(format!("parse error: {e}")))?;
    if depth(&expr) > MAX_DEPTH {
        return Err(QueryError::Bad("the query is nested too deeply".to_owned()));
    }
    Ok(expr)
}

fn depth(expr: &Expr) -> usize {
    1 + match expr {
        Expr::Aggregate(e) => depth(&e.expr).max(e.param.as_deref().map_or(0, depth)),
        Expr::Unary(e) => depth(&e.expr),
        Expr::Binary(e) => depth(&e.lhs).max(depth(&e.rhs)),
        Expr::Paren(e) => depth(&e.expr),
        Expr::Subquery(e) => depth(&e.expr),
        Expr::Call(e) => e.args.args.iter().map(|a| depth(a)).max().unwrap_or(0),
        _ => 0,
    }
}

/// Evaluates at one instant.
///
/// # Errors
/// [`QueryError`].
pub(crate) fn instant(source: &dyn Source, expr: &Expr, t: i64, bounds: Bounds) -> Result<Value, QueryError> {
    let grid = Grid::instant(t);
    let evaluator = Evaluator::new(source, bounds, grid);
    if expr.value_type() == ValueType::Matrix {
        return evaluator.matrix(expr, grid).map(Value::Matrix);
    }
    evaluator.eval(expr, grid)
}

/// Evaluates at every step of a range.
///
/// # Errors
/// [`QueryError`].
pub(crate) fn range(
    source: &dyn Source,
    expr: &Expr,
    grid: Grid,
    bounds: Bounds,
) -> Result<Value, QueryError> {
    match expr.value_type() {
        ValueType::Scalar | ValueType::Vector => Evaluator::new(source, bounds, grid).eval(expr, grid),
        other => {
            let name = if other == ValueType::Matrix { "range vector" } else { "string" };
            Err(QueryError::Bad(format!(
                "invalid expression type {name:?} for range query, must be Scalar or instant Vector"
            )))
        }
    }
}
