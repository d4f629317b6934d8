//! Who evaluates rules: anything that can be given rules and series and says when each alert fired.

mod notation;
mod promtool;
mod tester;

use std::collections::BTreeMap;

pub use promtool::Promtool;
pub use tester::{Asked, InputSeries, Labels, Observed, RuleTester, STALE};

pub use crate::contract::{Series, Stretch};
use crate::rules::Group;

/// What an engine is given.
#[derive(Clone, Debug)]
pub struct Case {
    /// The rules, evaluated in this order.
    pub groups: Vec<Group>,
    /// Seconds between two samples and between two evaluations.
    pub step: u32,
    /// Seconds from the first evaluation, at 0, to the last.
    pub length: u32,
    /// The samples.
    pub series: Vec<Series>,
    /// Expressions and when to evaluate them, in seconds.
    pub questions: Vec<(String, u32)>,
}

/// What it saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Each alert that fired, in the order of their labels.
    pub firings: Vec<Firing>,
    /// The values of each question's result.
    pub values: Vec<Vec<f64>>,
}

/// An alert that fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// Its labels, its name among them as `alertname`.
    pub labels: BTreeMap<String, String>,
    /// The first evaluation at which it fired, in seconds.
    pub first: u32,
    /// The first evaluation after the last at which it fired; none while it still fires at the end.
    pub over: Option<u32>,
    /// How many times it began to fire.
    pub times: u32,
}

/// An engine that could not answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It cannot be run.
    #[error("cannot run {program}: {source}")]
    Unavailable {
        /// Which program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// It refuses the rules or the samples.
    #[error("{engine} refuses: {said}")]
    Refused {
        /// Which engine.
        engine: &'static str,
        /// What it says.
        said: String,
    },
    /// It says something that is not understood.
    #[error("{engine} says something unexpected: {said}")]
    Strange {
        /// Which engine.
        engine: &'static str,
        /// What it says.
        said: String,
    },
}

/// Evaluates rules over series. Several cases may be asked for at once, from several threads.
pub trait Engine: Sync {
    /// For a person.
    fn name(&self) -> &'static str;
    /// What happens in this case.
    fn run(&self, case: &Case) -> Result<Answer, EngineError>;
}
