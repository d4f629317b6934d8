//! LogQL: log queries with line filters, `json`, `logfmt` and label filters. Our own parser (`lexer`, `parser`) and
//! pipeline. Metric queries and the other stages are answered with an error that names them. Pure.

mod lexer;
mod parser;
mod pipeline;

use regex::Regex;

use crate::labels::Labels;
use crate::matcher::{Matcher, Op};

pub(crate) use parser::parse;
pub(crate) use pipeline::{Extracted, run};

/// Why a query cannot be run; the text is what Loki's API answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogqlError {
    #[error("parse error at line 1, col {col}: {message}")]
    Parse { col: usize, message: String },
    #[error("{0} is not supported yet by the embedded backend")]
    Unsupported(String),
}

/// A log query.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) selector: Vec<Matcher>,
    pub(crate) stages: Vec<Stage>,
}

/// One step of the pipeline.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Line(LineFilter),
    Json,
    Logfmt,
    Label(Condition),
}

/// Keeps lines that contain (or match) any of the patterns, or none of them.
#[derive(Debug, Clone)]
pub(crate) struct LineFilter {
    pub(crate) keep: bool,
    pub(crate) patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    Contains(String),
    Matches(Regex),
}

/// A condition on labels, metadata and extracted fields.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Text { name: String, op: Op },
    Number { name: String, op: Compare, value: f64, unit: Unit },
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a compared value is measured in; the label's text is read the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Plain,
    Seconds,
    Bytes,
}

impl Query {
    /// Equalities that every answer satisfies and that speak of metadata: conditions before any parser stage.
    pub(crate) fn exact_metadata(&self) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        for stage in &self.stages {
            match stage {
                Stage::Label(condition) => collect_exact(condition, &mut found),
                Stage::Line(_) => {}
                // From here on a name may mean a field of the line.
                Stage::Json | Stage::Logfmt => break,
            }
        }
        found
    }
}

fn collect_exact<'q>(condition: &'q Condition, found: &mut Vec<(&'q str, &'q str)>) {
    match condition {
        Condition::Text { name, op: Op::Equal(value) } if !value.is_empty() => found.push((name, value)),
        Condition::And(a, b) => {
            collect_exact(a, found);
            collect_exact(b, found);
        }
        _ => {}
    }
}

/// Reads a label set such as `{a="b", c="d"}`, as the push API's protobuf form carries it.
///
/// # Errors
/// It is not one, or has other operators than `=`.
pub(crate) fn parse_labels(text: &str) -> Result<Labels, LogqlError> {
    let matchers = parser::parse_selector(text)?;
    let pairs = matchers.into_iter().map(|m| match m.op {
        Op::Equal(value) => Ok((m.name, value)),
        _ => Err(LogqlError::Parse { col: 1, message: "only = is allowed in a label set".to_owned() }),
    });
    Ok(Labels::new(pairs.collect::<Result<Vec<_>, _>>()?))
}
