//! Faults: conditions that services really suffer, for a time, by a plan that a seed decides.
//!
//! A fault is a file (`loadgen/faults/*.toml`): steps against what an operator could change, too (settings, deployments, the
//! network, processes, clients), a question that proves that the condition occurred, and the effect on users that is expected.
//! Nothing here asks the telemetry: whoever can, implements [`Gauge`].

mod act;
mod carry;
mod chaos;
mod check;
mod conflict;
mod drill;
mod effect;
mod hold;
mod ledger;
mod listener;
mod read;
mod request;
mod requests;
mod schedule;
mod snapshot;
mod stack;
mod template;
mod users;

pub use act::{Act, Signal, Step};
pub use carry::Trouble;
pub use chaos::chaos;
pub use check::{Refused, check};
pub use conflict::Conflict;
pub use drill::{Drill, Hands, Measured, drill, drill_in_hand};
pub use effect::{Effect, Felt, Of, is_as_before};
pub use ledger::{Ledger, LedgerError, Opened};
pub use read::parse;
pub use request::{Request, RequestError};
pub use schedule::{Injection, Schedule, ScheduleError};
pub use snapshot::Snapshot;
pub use stack::{Stack, StackError};
pub use users::Users;

use crate::nearest::suggestion;
use crate::place::Mistake;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// The faults that the binary carries: name and text.
macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        const BUILT_IN: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../faults/", $name, ".toml")))),*];
    };
}

built_in![
    "bad-deploy",
    "blocked-executor",
    "broken-propagation",
    "clock-skew",
    "connection-resets",
    "control",
    "costly-authentication",
    "crash-loop",
    "lock-contention",
    "memory-leak",
    "missing-index",
    "n-plus-one",
    "poison-record",
    "pool-exhaustion",
    "red-herring",
    "retry-storm",
    "skewed-tenant",
    "slow-network",
    "telemetry-loss",
    "timeout-mismatch",
    "unbounded-queue",
    "wrong-result",
];

/// One kind of fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// File name without `.toml`.
    pub name: String,
    /// One line for people who may know.
    pub about: String,
    /// Words that would give it away, beside those of its name.
    pub tells: Vec<String>,
    /// How long it lasts when nobody says.
    pub usual: Duration,
    /// How long it may last at most.
    pub longest: Duration,
    /// Faults that must not be on at the same time.
    pub excludes: Vec<String>,
    /// Numbers that severity decides, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// What the seed chooses from, by name.
    pub victims: BTreeMap<String, Vec<String>>,
    /// What is done, with `$name` where a parameter or victim stands.
    pub steps: Vec<Step>,
    /// How it is proven that the condition occurred; none for the one that does nothing.
    pub dose: Option<Dose>,
    /// Where on a dashboard a person sees it; none where no dashboard can show it.
    pub panel: Option<Dose>,
    /// What users feel.
    pub effect: Effect,
}

/// A number with a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// What it is.
    pub about: String,
    /// Its value at the lowest severity.
    pub mild: f64,
    /// Its value at the highest.
    pub severe: f64,
    /// Whether it has no fractions.
    pub whole: bool,
}

impl Parameter {
    /// Whether a value lies in the range.
    #[must_use]
    pub fn allows(&self, value: f64) -> bool {
        (self.mild.min(self.severe)..=self.mild.max(self.severe)).contains(&value)
            && !(self.whole && value.fract() != 0.0)
    }

    /// The value at a severity from 0 to 1.
    #[must_use]
    pub fn at(&self, severity: f64) -> f64 {
        let value = self.mild + (self.severe - self.mild) * severity;
        if self.whole { value.round() } else { (value * 1e3).round() / 1e3 }
    }
}

/// What proves that a condition occurred: the answer is at least `at_least` with the fault, and less without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dose {
    /// What is asked.
    pub question: Question,
    /// The smallest answer that proves it.
    pub at_least: f64,
}

/// A question to the telemetry. `$window` stands for the time looked at, such as `15s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// PromQL; the largest value of the answer counts.
    Promql(String),
    /// A LogQL metric query; the largest value of the answer counts.
    Logql(String),
    /// What a panel of a dashboard shows; the largest value counts.
    Panel(Shown),
    /// Something that is measured on traces.
    Traces {
        /// The service whose traces are looked at.
        service: String,
        /// Only spans of that name, where it matters.
        operation: Option<String>,
        /// What is measured on them.
        measure: Measure,
    },
}

/// What is looked at on a dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The dashboard's uid.
    pub dashboard: String,
    /// The panel's title.
    pub title: String,
    /// Values of the dashboard's variables that somebody has to choose first.
    pub chosen: BTreeMap<String, String>,
    /// Only series that have these labels.
    pub series: BTreeMap<String, String>,
}

/// What is measured on traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Requests and calls of the service that no trace leads to, though each has somebody who asked for it.
    OrphanRoots,
    /// By how many milliseconds a span of the service begins before its parent, at most.
    EarlyMs,
    /// Spans of the operation in one trace, at most.
    PerTrace,
    /// Milliseconds that the service's calls spend outside of their callee's span: the median, of the callee where it is largest.
    GapMs,
    /// Calls of the service that failed and that no callee has seen.
    UnseenCalls,
    /// Milliseconds that spans of the operation spend outside of everything they ask for: the longest tenth begins there.
    SelfMs,
    /// Calls of the service on which the callee still worked when the call had come to its end.
    LateWork,
}

impl Measure {
    /// All, with the words that files use.
    pub const ALL: [(&'static str, Self); 7] = [
        ("orphan-roots", Self::OrphanRoots),
        ("early-ms", Self::EarlyMs),
        ("per-trace", Self::PerTrace),
        ("gap-ms", Self::GapMs),
        ("unseen-calls", Self::UnseenCalls),
        ("self-ms", Self::SelfMs),
        ("late-work", Self::LateWork),
    ];
}

/// Answers a question about the time from `until - window` to `until`; 0 when nothing was found. The error is one line.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<f64, String>> + Send + 'a>>;

/// Asks the telemetry.
pub trait Gauge: Send + Sync {
    /// See [`Answering`].
    fn ask<'a>(&'a self, question: &'a Question, until: SystemTime, window: Duration) -> Answering<'a>;
}

/// Why there is no such fault.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No file of that name.
    #[error("no fault {name:?}: {suggestion}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest, or all.
        suggestion: String,
    },
    /// The file makes no sense.
    #[error(transparent)]
    Invalid(#[from] Mistake),
}

/// Names of all faults, sorted.
#[must_use]
pub fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// The fault of that name.
///
/// # Errors
/// When there is none, with the nearest name.
pub fn load(name: &str) -> Result<Fault, FaultError> {
    match BUILT_IN.iter().find(|(known, _)| *known == name) {
        Some((name, text)) => Ok(parse(name, &format!("{name}.toml (built in)"), text)?),
        None => {
            let suggestion = suggestion(name, &names());
            Err(FaultError::Unknown { name: name.to_owned(), suggestion })
        }
    }
}

/// All faults.
///
/// # Errors
/// When one of the files makes no sense, which a test excludes.
pub fn all() -> Result<Vec<Fault>, FaultError> {
    names().into_iter().map(load).collect()
}
