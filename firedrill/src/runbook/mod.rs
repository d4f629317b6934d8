//! Runbooks: pages for people that `firedrill runbook` can execute. What is asked, which answer is abnormal and which operation
//! helps then stand in fenced blocks of the page itself, so that what people read and what is run cannot differ.
//!
//! `page` knows the markdown, `read` makes a [`Runbook`] of it, `rule` says what is abnormal, `search` how traces are asked for, and
//! [`report`] puts answers beside the page: all of that is pure. [`check`] holds queries against the parsers of their languages,
//! [`library`] knows where pages lie. Nobody here asks a backend.

pub mod check;
pub mod library;
mod page;
mod read;
pub mod report;
mod rule;
mod search;

use std::{fmt, time::Duration};

pub use self::{
    read::read,
    rule::{Rule, Value, Verdict},
    search::Search,
};

/// What stands in a query for the length of time that it looks at, as in Grafana: a block can be pasted there as it is.
const RANGE: &str = "$__range";

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    /// The alert that it is for, which is the page's name.
    pub alert: String,
    /// What the alert means, in a few words.
    pub meaning: String,
    /// The diagnosis, in the order of the page.
    pub steps: Vec<Step>,
    /// What can be done about it, in order of preference.
    pub remedies: Vec<Remedy>,
}

/// One step of a diagnosis.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The line of the page where its block begins.
    pub line: usize,
    /// The question, for people.
    pub asks: String,
    /// Where an abnormal answer leads.
    pub leads: String,
    /// Which answer is abnormal.
    pub rule: Rule,
    /// The question, for a backend.
    pub query: Query,
}

/// A question for a backend.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// For the Prometheus API.
    Promql(String),
    /// For the Loki API: lines, or numbers made of them.
    Logql(String),
    /// For the Jaeger API.
    Traces(Search),
}

impl Query {
    /// The word of its language, as the fence has it.
    #[must_use]
    pub fn language(&self) -> &'static str {
        match self {
            Self::Promql(_) => "promql",
            Self::Logql(_) => "logql",
            Self::Traces(_) => "traces",
        }
    }
}

/// A query's text over a length of time.
#[must_use]
pub fn over(query: &str, window: Duration) -> String {
    query.replace(RANGE, &format!("{}s", window.as_secs().max(1)))
}

/// Something to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The line of the page where its block begins.
    pub line: usize,
    /// It fits when one of these steps is abnormal; counted from 1, as on the page.
    pub when: Vec<usize>,
    /// When and why, for people.
    pub text: String,
    /// The arguments of `firedrill ops`, of one operation after the other.
    pub ops: Vec<Vec<String>>,
}

/// Why a page is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for Mistake {}
