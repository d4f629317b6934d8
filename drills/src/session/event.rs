//! What can happen in a session.

use crate::grade::{Answer, Grade};
use serde::{Deserialize, Serialize};

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub happened: Happened,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Happened {
    /// It began: always the first.
    Started {
        /// The run's id: what its ledger is called.
        run: String,
        /// The scenario.
        scenario: String,
        /// The seed of everything.
        seed: u64,
        /// The hash of the sealed truth, so that nobody can change it later.
        ledger: String,
        /// Who takes part.
        participants: Vec<String>,
        /// After so many minutes it ends by itself.
        minutes: u32,
        /// Times are divided by this.
        speed: f64,
    },
    /// The trouble began. Nobody who takes part is told.
    Onset,
    /// The condition occurred: the trouble is one. Nobody is told.
    Proven {
        /// The answer to the question that proves it; none where nothing is done.
        dose: Option<f64>,
    },
    /// An alert fires.
    Alerted {
        /// Its name.
        name: String,
    },
    /// People were told, by an alert or a customer.
    Paged {
        /// The words.
        text: String,
        /// Since when it hurts, as far as whoever tells them knows; in milliseconds since 1970.
        since_ms: u64,
        /// A trace that shows it, for afterwards.
        trace: Option<String>,
    },
    /// Somebody looked at something.
    Looked {
        /// Who.
        by: String,
        /// A query or a trace.
        what: String,
    },
    /// Somebody wrote something down.
    Noted {
        /// Who.
        by: String,
        /// What.
        text: String,
    },
    /// Somebody took the next hint.
    Hinted {
        /// Who.
        by: String,
    },
    /// Somebody changed something.
    Acted {
        /// Who.
        by: String,
        /// The arguments of `firedrill ops`.
        ops: String,
    },
    /// The users' figures are as before again.
    Recovered,
    /// Somebody answered, and the answer was graded.
    Answered {
        /// Who.
        by: String,
        /// What.
        answer: Answer,
        /// What it was worth.
        grade: Grade,
    },
    /// It was ended by hand.
    Stopped,
    /// The time is over.
    TimedOut,
    /// All that was done is undone, after the end.
    Closed {
        /// Whether everything is as before; none where that could not be seen.
        restored: Option<bool>,
    },
    /// It cannot count: the stack went down, or the trouble did not come about.
    Voided {
        /// Why.
        why: String,
    },
}
