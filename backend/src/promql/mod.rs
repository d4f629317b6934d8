//! PromQL: `promql-parser` parses and type-checks, the evaluator here is our own and follows Prometheus 3 to the letter:
//! left-open ranges, five minutes of lookback, staleness, extrapolation, its error texts. What is not there yet is
//! answered with an error that names it. Pure: samples come through [`Source`], nothing reads a clock.
//!
//! One file per family: `select` (selectors), `range` (functions over a range: `rate`, `over_time`), `aggregate`,
//! `binary`, `functions` (of instant vectors: `math`, `dates`, `relabel`, `absent`, `order`), `histogram`; beside them
//! `numeric` (compensated sums, quantiles), `notes` (warnings and infos), `text` (where calls stand in the query), `durations` (their arithmetic), `strings` (texts in quotes),
//! `print` (a query laid out as text), `check` (what is wrong with a text, and where).

mod absent;
mod aggregate;
mod binary;
mod check;
mod dates;
mod durations;
mod eval;
mod functions;
mod histogram;
mod math;
mod notes;
mod numeric;
mod order;
mod over_time;
mod print;
mod range;
mod rate;
mod relabel;
mod select;
mod strings;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::collections::HashMap;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use promql_parser::parser::value::ValueType;
use promql_parser::parser::{self, Expr, VectorSelector};

use crate::matcher::Matcher;
use crate::store::samples::{Samples, SeriesView};

use eval::Evaluator;
pub(crate) use numeric::quantile;
pub(crate) use print::{format, one_line};
pub(crate) use select::matchers_of;
use text::Places;
pub(crate) use value::{Grid, MatrixRow, Row, Value, is_present};

/// How far back an instant selector looks for a sample.
pub(crate) const LOOKBACK_MS: i64 = 5 * 60 * 1000;
/// Prometheus' own interval of evaluations, and so the step of subqueries, where nobody sets another.
#[cfg(test)]
const SUBQUERY_STEP_MS: i64 = 60_000;
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

/// Bounds and choices of one evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) deadline: Instant,
    /// How many values the query may hold.
    pub(crate) points: usize,
    /// How far back an instant selector looks for a sample; [`LOOKBACK_MS`] unless asked otherwise.
    pub(crate) lookback_ms: i64,
    /// The step of a subquery that names none: in Prometheus, the interval of evaluations.
    pub(crate) subquery_step_ms: i64,
}

/// A query that was parsed, with all that can be known of it before it is evaluated: a rule's is so many times.
#[derive(Debug, Clone)]
pub(crate) struct Query(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    text: String,
    expr: Box<Expr>,
    /// Where its calls stand, by where they lie in memory, as the conditions of its selectors: neither moves.
    places: Places,
    matchers: HashMap<usize, Vec<Matcher>>,
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// [`QueryError::Bad`], as [`parse`].
    pub(crate) fn new(text: &str) -> Result<Self, QueryError> {
        let expr = Box::new(parse(text)?);
        let places = Places::new(text, &expr);
        let mut matchers = HashMap::new();
        compile(&expr, &mut matchers);
        Ok(Self(Arc::new(Parsed { text: text.to_owned(), expr, places, matchers })))
    }

    pub(crate) fn expr(&self) -> &Expr {
        &self.0.expr
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }
}

/// The conditions of all selectors that can be understood; of the others it is told when they are evaluated.
fn compile(expr: &Expr, found: &mut HashMap<usize, Vec<Matcher>>) {
    let mut selector = |v: &VectorSelector| {
        if let Ok(matchers) = matchers_of(v) {
            found.insert(ptr::from_ref(v).addr(), matchers);
        }
    };
    match expr {
        Expr::VectorSelector(v) => selector(v),
        Expr::MatrixSelector(m) => selector(&m.vs),
        Expr::Aggregate(a) => {
            a.param.iter().for_each(|param| compile(param, found));
            compile(&a.expr, found);
        }
        Expr::Binary(b) => {
            compile(&b.lhs, found);
            compile(&b.rhs, found);
        }
        Expr::Call(c) => c.args.args.iter().for_each(|arg| compile(arg, found)),
        Expr::Unary(u) => compile(&u.expr, found),
        Expr::Paren(p) => compile(&p.expr, found),
        Expr::Subquery(s) => compile(&s.expr, found),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// What a query comes to, and what is to be said about it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) value: Value,
    pub(crate) warnings: Vec<String>,
    pub(crate) infos: Vec<String>,
    pub(crate) samples: SampleCount,
}

/// How many samples an evaluation looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SampleCount {
    /// At each step anew: a sample in ten windows counts ten times.
    pub(crate) at_steps: u64,
    /// A sample in ten windows counts once.
    pub(crate) read: u64,
    /// Values held in memory, all together.
    pub(crate) held: usize,
}

/// Parses a query.
///
/// # Errors
/// [`QueryError::Bad`] with the parser's message.
pub(crate) fn parse(query: &str) -> Result<Expr, QueryError> {
    bounded(query)?;
    check::check(query)?;
    let plain = strings::plain(query);
    let plain = text::plain_numbers(&plain);
    let plain = durations::plain(&plain)?;
    parser::parse(&plain).map_err(|e| QueryError::Bad(format!("1:1: parse error: {e}")))
}

fn bounded(query: &str) -> Result<(), QueryError> {
    if query.len() > MAX_QUERY {
        return Err(QueryError::Bad(format!("the query is longer than {MAX_QUERY} bytes")));
    }
    Ok(())
}

/// The conditions of one selector, without `offset` or `@`. That it takes every series is no error here.
///
/// # Errors
/// [`QueryError::Bad`], as [`parse`].
pub(crate) fn selector(text: &str) -> Result<Vec<Matcher>, QueryError> {
    bounded(text)?;
    check::selector(text)
}

/// Evaluates at one instant.
///
/// # Errors
/// [`QueryError`].
pub(crate) fn instant(
    source: &dyn Source,
    query: &Query,
    t: i64,
    options: Options,
) -> Result<Answer, QueryError> {
    let grid = Grid::instant(t);
    let evaluator = Evaluator::new(source, options, grid, query);
    let value = if query.expr().value_type() == ValueType::Matrix {
        evaluator.matrix(query.expr(), grid).map(Value::Matrix)?
    } else {
        evaluator.eval(query.expr(), grid)?
    };
    Ok(evaluator.answer(value))
}

/// Evaluates at every step of a range.
///
/// # Errors
/// [`QueryError`].
pub(crate) fn range(
    source: &dyn Source,
    query: &Query,
    grid: Grid,
    options: Options,
) -> Result<Answer, QueryError> {
    match query.expr().value_type() {
        ValueType::Scalar | ValueType::Vector => {
            let evaluator = Evaluator::new(source, options, grid, query);
            let value = evaluator.eval(query.expr(), grid)?;
            Ok(evaluator.answer(value))
        }
        other => {
            let name = if other == ValueType::Matrix { "range vector" } else { "string" };
            Err(QueryError::Bad(format!(
                "invalid expression type {name:?} for range query, must be Scalar or instant Vector"
            )))
        }
    }
}
