//! Says which service, which operation and why, from telemetry alone.
//!
//! # The method
//! Two periods are compared: one in which all was well, and the one in question. Everything is asked over the HTTP APIs of
//! Prometheus, Loki and Jaeger, so that whatever is found a person can find, too.
//!
//! 1. **Collect** ([`collect`]): raw metrics of both periods at the moments of a grid, a sample of traces of every service,
//!    more of the operations that changed, and log lines.
//! 2. **Look** ([`lens`]): each lens looks for one kind of sign and says where it sees it, how strongly, and by which query
//!    or trace anybody can see it again. A change counts when it is large enough to matter, larger than chance makes it,
//!    larger than the calm period's own slices differ among themselves, and not the matter of one moment ([`change`]).
//!    Time is followed along critical paths to the span that it is spent in, and errors down to the deepest span that
//!    failed, so that a symptom is not taken for its cause. When the whole machine is slow, time says nothing and is left
//!    out.
//! 3. **Weigh** ([`verdict`]): a table ([`knowledge`]) says for each plain cause which sign it cannot be without, and which
//!    signs speak for and against it at the same place. The heaviest cause is the answer. When nobody is hurt and there is no
//!    silent trouble either, nothing is wrong; when somebody is hurt and no cause fits, the place is told without one.
//!
//! It knows no scenario, no fault, no service and no route, and has no access to what could tell it: it depends on the query
//! clients and on the list of causes. It does not look at how a system is configured, and it changes nothing.
//!
//! What is compared with it are the simple ways of [`naive`].

pub mod change;
pub mod collect;
pub mod facts;
pub mod finding;
pub mod histogram;
pub mod knowledge;
pub mod lens;
pub mod metrics;
pub mod naive;
pub mod names;
pub mod periods;
mod report;
#[cfg(test)]
mod testing;
pub mod traces;
pub mod verdict;
#[cfg(test)]
mod windows;

use facts::Facts;
use finding::Sign;
use periods::Periods;
use query::Stack;
use serde_json::{Value, json};

pub use report::Typed;
pub use verdict::{Answer, Verdict};

/// So many requests the calm period must have had.
const ENOUGH: f64 = 20.0;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Metrics could not be asked for.
    #[error(transparent)]
    Query(#[from] query::Error),
    /// There is nothing to compare with.
    #[error(
        "only {requests:.0} requests were counted from {from} to {to} (UTC), which is too few to know what is usual"
    )]
    TooQuiet {
        /// How many there were.
        requests: f64,
        /// The calm period's first moment.
        from: String,
        /// Its last.
        to: String,
    },
}

/// An answer, how it was come to, and what it was come to from.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was compared.
    pub periods: Periods,
    /// What could not be asked.
    pub gaps: Vec<String>,
    /// The answer and its reasons.
    pub verdict: Verdict,
}

/// Collects the facts of two periods and answers.
///
/// # Errors
/// When metrics cannot be asked for, or the calm period had too few requests to compare with.
pub async fn investigate(stack: &Stack, periods: Periods) -> Result<Report, Error> {
    let facts = collect::collect(stack, periods).await?;
    analyse(&facts)
}

/// Answers from the facts alone.
///
/// # Errors
/// When the calm period had too few requests to compare with.
pub fn analyse(facts: &Facts) -> Result<Report, Error> {
    let requests: f64 = [names::SERVER, names::CLIENT]
        .iter()
        .flat_map(|family| lens::requests::counts(facts, family))
        .flat_map(|(_, statuses)| statuses.into_values())
        .map(|growth| metrics::total(&growth, facts.grid.before()))
        .sum();
    // The sum of nothing is minus zero.
    let requests = requests.abs();
    if requests < ENOUGH {
        let window = facts.periods.baseline;
        return Err(Error::TooQuiet { requests, from: window.start.clock(), to: window.end.clock() });
    }
    let verdict = verdict::weigh(lens::look(facts));
    Ok(Report { periods: facts.periods, gaps: facts.gaps.clone(), verdict })
}

impl Report {
    /// The answer, its reasons and what was compared, as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let period =
            |window: query::Window| json!({"start": window.start.to_string(), "end": window.end.to_string()});
        let answer = &self.verdict.answer;
        json!({
            "service": answer.service,
            "operation": answer.operation,
            "cause": answer.cause,
            "evidence": answer.evidence,
            "considered": self.verdict.considered,
            "findings": self.verdict.findings,
            "baseline": period(self.periods.baseline),
            "incident": period(self.periods.incident),
            "gaps": self.gaps,
        })
    }
}

/// A sign's name, such as `users-fail`.
#[must_use]
pub fn name(sign: Sign) -> String {
    // Unit variants are serialised as their names.
    serde_json::to_value(sign).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Signs that only help to tell causes apart.
fn says_nothing_alone(sign: Sign) -> bool {
    matches!(sign, Sign::CpuSteady)
}
