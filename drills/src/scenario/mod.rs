//! A scenario: what is told at the start, what happens, what the truth of it is, and what helps.

mod draw;
mod library;
mod read;

pub use draw::{draw, onset, order, requests};
pub use library::{built_in, find, ids};
pub use read::parse;

use crate::evidence::Predicate;
use causes::Cause;
use std::{collections::BTreeMap, time::Duration};

/// A scenario, as its file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The neutral id: the file's name without its ending.
    pub id: String,
    /// What is told at the start; it says nothing about the cause.
    pub brief: String,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// Traffic while it runs: a profile's name, and requests per second.
    pub traffic: (String, f64),
    /// What is done, all of it from the onset on.
    pub steps: Vec<Step>,
    /// When.
    pub timeline: Timeline,
    /// How people hear of it.
    pub page: Page,
    /// The cause.
    pub cause: Cause,
    /// Where it may lie; nowhere in a control.
    pub places: Vec<Place>,
    /// What counts as evidence; none in a control.
    pub evidence: Vec<Predicate>,
    /// Alerts that have to fire, and alerts that must not.
    pub alerts: Alerts,
    /// Hints, the first one first.
    pub hints: Vec<String>,
    /// The shortest way to the answer.
    pub way: Vec<Look>,
    /// What an operator may do about it.
    pub mitigations: Vec<Mitigation>,
}

impl Scenario {
    /// What is true, once it is decided whom it hits: the first place that this is about.
    #[must_use]
    pub fn truth<'a>(&self, victims: impl Iterator<Item = &'a str>) -> Truth {
        let victims: Vec<&str> = victims.collect();
        let hit = |place: &&Place| place.victim.as_deref().is_none_or(|victim| victims.contains(&victim));
        let place = self.places.iter().find(hit);
        Truth {
            service: place.map(|place| place.service.clone()),
            operations: place.map(|place| place.operations.clone()).unwrap_or_default(),
            cause: self.cause,
        }
    }

    /// What an operator may do about it, when it has hit these.
    pub fn remedies<'a>(&self, truth: &'a Truth) -> impl Iterator<Item = Mitigation> + use<'_, 'a> {
        let service = truth.service.as_deref().unwrap_or_default();
        self.mitigations.iter().map(move |mitigation| Mitigation {
            ops: mitigation.ops.iter().map(|ops| ops.replace(Mitigation::SERVICE, service)).collect(),
            ..mitigation.clone()
        })
    }
}

/// How hard it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difficulty {
    /// One signal points at it.
    Easy,
    /// Two have to be put together.
    Medium,
    /// What is loud is not what is wrong.
    Hard,
}

impl Difficulty {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Medium => "medium",
            Self::Hard => "hard",
        }
    }
}

/// Something that is done to the system.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// A fault's name.
    pub fault: String,
    /// From where to where a parameter may be drawn; for the others the fault's own ranges hold.
    pub parameters: BTreeMap<String, (f64, f64)>,
}

/// When things happen, counted from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeline {
    /// How long it is calm at least.
    pub baseline: Duration,
    /// How much longer it may be, drawn from the seed, so that the onset cannot be foretold.
    pub onset_within: Duration,
    /// How long the trouble lasts if nobody ends it.
    pub length: Duration,
}

/// How people hear of it: the alert, where one fires soon enough, else a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The alert that is waited for, if there is one.
    pub alert: Option<String>,
    /// What a customer says; `{correlation}` stands for the id of a request that went wrong.
    pub complaint: String,
}

/// Where the cause may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// It lies there when the seed has chosen this victim; none: always.
    pub victim: Option<String>,
    /// The service.
    pub service: String,
    /// The operations that are right; with none, the whole service is meant and no operation is the right answer.
    pub operations: Vec<String>,
}

/// What is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The service; none in a control.
    pub service: Option<String>,
    /// The operations that are right; with none, the whole service is meant and no operation is the right answer.
    pub operations: Vec<String>,
    /// The cause.
    pub cause: Cause,
}

/// Alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alerts {
    /// They have to fire.
    pub expected: Vec<String>,
    /// They must not.
    pub forbidden: Vec<String>,
}

/// One look on the shortest way to the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What is to be seen there.
    pub what: String,
    /// At what.
    pub at: At,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A PromQL expression.
    Promql(String),
    /// A LogQL query.
    Logql(String),
    /// A trace that the evidence accepts.
    Trace,
}

/// Something an operator can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mitigation {
    /// The arguments of `firedrill ops`, of one after the other; `$service` stands for where the cause lies.
    pub ops: Vec<String>,
    /// Whether the users' figures recover.
    pub works: bool,
    /// Why, or why not.
    pub why: String,
}

impl Mitigation {
    /// What stands for the service where the cause lies.
    const SERVICE: &'static str = "$service";
}
