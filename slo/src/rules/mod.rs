//! Rules as Prometheus has them: groups of recording and alerting rules, and their file.
//!
//! The model is what the generator makes, the lint judges, the mutation changes and an engine evaluates; [`write()`] is the
//! file that Prometheus reads.

mod write;

use std::collections::BTreeMap;

pub use write::write;

/// Labels or annotations, in a stable order.
pub type Pairs = BTreeMap<String, String>;

/// A group: its rules are evaluated one after the other, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// What stands above it in the file, for a person.
    pub comment: Vec<String>,
    /// How often it is evaluated, as Prometheus writes it.
    pub interval: String,
    /// Labels that all of its rules have.
    pub labels: Pairs,
    /// In the order of evaluation.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What stands above it in the file.
    pub comment: Vec<String>,
    /// The name of the series or of the alert.
    pub kind: Kind,
    /// PromQL; line breaks stand where a person would break.
    pub expr: String,
    /// Beyond those of the group.
    pub labels: Pairs,
}

/// What a rule makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A series.
    Record(String),
    /// An alert.
    Alert {
        /// Its name.
        name: String,
        /// How long it must hold; none for at once.
        hold: Option<String>,
        /// Texts for people.
        annotations: Pairs,
    },
}

impl Rule {
    /// The name of the series or of the alert.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Record(name) | Kind::Alert { name, .. } => name,
        }
    }

    /// A short name that tells it from its neighbours: `OrdersFail{tier="page-1h"}`.
    pub fn told(&self) -> String {
        match self.labels.get("tier") {
            Some(tier) => format!("{}{{tier={tier:?}}}", self.name()),
            None => self.name().to_owned(),
        }
    }
}
