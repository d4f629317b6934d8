//! LogQL: log queries and metric queries. Our own parser (`lexer`, `parser`), the pipeline that runs over each entry
//! (`pipeline`, with what its stages read: `json`, `logfmt`, `pattern`, `ip`, `template`), and the evaluation of metric queries
//! (`metric`). Pure: entries come from the caller. What LogQL has and this has not is refused by name.

mod ast;
mod detected;
mod fields;
mod hints;
mod ip;
pub(crate) mod json;
mod label_regex;
mod lexer;
pub(crate) mod logfmt;
pub(crate) mod metric;
mod parser;
mod pattern;
mod pipeline;
mod plan;
mod print;
mod template;
mod units;

use crate::labels::Labels;
use crate::matcher::Op;

pub(crate) use ast::{Expr, Metric, Query};
pub(crate) use detected::Detected;
pub(crate) use fields::{Fields, Origin};
pub(crate) use hints::Hints;
pub(crate) use lexer::quoted;
pub(crate) use parser::{parse, parse_log, parse_selector};
pub(crate) use plan::Plan;
pub(crate) use print::{pretty, quote};
pub(crate) use template::query_escape;
pub(crate) use units::bytes;

/// Why a query cannot be run; the text is what Loki's API answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogqlError {
    #[error("parse error at line {line}, col {col}: {message}")]
    Parse { line: usize, col: usize, message: String },
    /// A query that is well formed, and yet means nothing.
    #[error("parse error : {0}")]
    Meaning(String),
    #[error("{0} is not supported yet by the embedded backend")]
    Unsupported(String),
}

impl LogqlError {
    /// An error at a byte of the query.
    fn at(query: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = &query[..byte];
        let line = before.matches('\n').count() + 1;
        let col = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self::Parse { line, col, message: message.into() }
    }

    fn stage(message: impl Into<String>) -> Self {
        Self::Meaning(message.into())
    }
}

/// Reads a label set such as `{a="b", c="d"}`, as the push API's protobuf form carries it.
///
/// # Errors
/// It is not one, or has other operators than `=`.
pub(crate) fn parse_labels(text: &str) -> Result<Labels, LogqlError> {
    let matchers = parse_selector(text)?;
    let pairs = matchers.into_iter().map(|m| match m.op {
        Op::Equal(value) => Ok((m.name, value)),
        _ => Err(LogqlError::stage("only = is allowed in a label set")),
    });
    Ok(Labels::new(pairs.collect::<Result<Vec<_>, _>>()?))
}
