//! PromQL: `promql-parser` parses and type-checks, the evaluator here is our own and follows Prometheus 3 to the letter:
//! left-open ranges, five minutes of lookback, staleness, extrapolation, its error texts. What is not there yet is
//! answered with an error that names it. Pure: samples come through [`Source`], nothing reads a clock.
//!
//! One file per family: `select` (selectors), `range` (functions over a range: `rate`, `over_time`), `aggregate`,
//! `binary`, `functions` (of instant vectors: `math`, `dates`, `relabel`, `absent`, `order`), `histogram`; beside them
//! `numeric` (compensated sums, quantiles), `notes` (warnings and infos), `text` (where calls stand in the query), `durations` (their arithmetic),
//! `print` (a query laid out as text).

mod absent;
mod aggregate;
mod binary;
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
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::collections::HashMap;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use promql_parser::parser::token::{T_LIMIT_RATIO, T_LIMITK};
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
    let plain = text::plain_numbers(query);
    let plain = durations::plain(&plain)?;
    let expr = parser::parse(&plain).map_err(|e| QueryError::Bad(format!("parse error: {e}")))?;
    if depth(&expr) > MAX_DEPTH {
        return Err(QueryError::Bad("the query is nested too deeply".to_owned()));
    }
    experiments(&expr, query, &Places::new(query, &expr))?;
    Ok(expr)
}

/// Refuses what Prometheus has only behind a feature flag, as it does without the flag; and what it does not have at all.
fn experiments(expr: &Expr, text: &str, places: &Places) -> Result<(), QueryError> {
    let behind_flag = |what: String, at: Option<usize>| {
        let at = notes::position(text, at);
        Err(QueryError::Bad(format!(
            "{at}: parse error: {what} is experimental and must be enabled with --enable-feature=promql-experimental-functions"
        )))
    };
    let inner = |e: &Expr| experiments(e, text, places);
    match expr {
        Expr::Aggregate(a) => {
            if matches!(a.op.id(), T_LIMITK | T_LIMIT_RATIO) {
                return behind_flag(format!("{}()", a.op), places.of(a).map(|s| s.start));
            }
            a.param.as_deref().map_or(Ok(()), inner)?;
            inner(&a.expr)
        }
        Expr::Call(c) => {
            if c.func.experimental {
                let name =
                    if c.func.name == "holt_winters" { "double_exponential_smoothing" } else { c.func.name };
                return behind_flag(format!("{name}()"), places.of(c).map(|s| s.start));
            }
            c.args.args.iter().try_for_each(|a| inner(a))
        }
        Expr::Binary(b) => {
            let fills = b.modifier.as_ref().map(|m| &m.fill_values);
            if fills.is_some_and(|f| f.lhs.is_some() || f.rhs.is_some()) {
                return behind_flag("the fill modifier".to_owned(), None);
            }
            inner(&b.lhs)?;
            inner(&b.rhs)
        }
        Expr::Unary(u) => inner(&u.expr),
        Expr::Paren(p) => inner(&p.expr),
        Expr::Subquery(s) => inner(&s.expr),
        Expr::VectorSelector(v) => no_alternatives(v),
        Expr::MatrixSelector(m) => no_alternatives(&m.vs),
        _ => Ok(()),
    }
}

/// The grammar crate knows `or` between matchers, Prometheus does not.
fn no_alternatives(selector: &VectorSelector) -> Result<(), QueryError> {
    if selector.matchers.or_matchers.is_empty() {
        return Ok(());
    }
    Err(QueryError::Bad("parse error: unexpected \"or\" in label matching".to_owned()))
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
