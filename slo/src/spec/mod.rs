//! An objective: what is counted, how much of it may be bad, and what a person is told when too much is.
//!
//! The files are OpenSLO v1; [`read`] says which part of it. What OpenSLO has no word for stands in annotations
//! that begin with `firedrill/`.

mod read;

pub use read::read;

/// One objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// The file that it stands in.
    pub file: String,
    /// The line where its document begins.
    pub line: usize,
    /// `order-placement-availability`.
    pub name: String,
    /// What is true while it is met, for a person: "orders are accepted".
    pub title: String,
    /// Why it matters and what is counted.
    pub description: String,
    /// Who is to look first when it is missed.
    pub service: String,
    /// What is counted.
    pub indicator: Indicator,
    /// The good share that is promised, 0.999.
    pub target: f64,
    /// Over how long, in days.
    pub days: u32,
    /// The name of its alert.
    pub alert: String,
    /// The dashboard to open first: what follows `/d/` in its address.
    pub dashboard: String,
    /// Who hears when nothing is counted any more, although there was something.
    pub silence: Option<Severity>,
    /// So many bad events must there be before anybody is told: one of ten says little.
    pub evidence: u32,
}

impl Slo {
    /// The bad share that is allowed: 0.001 for 99.9%. Rounded to a billionth, where the subtraction leaves dust.
    pub fn budget(&self) -> f64 {
        ((1.0 - self.target) * 1e9).round() / 1e9
    }

    /// The target for a person: `99.9%`.
    pub fn percent(&self) -> String {
        format!("{}%", (self.target * 1e9).round() / 1e7)
    }
}

/// Who is told, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody is woken.
    Page,
    /// Somebody looks at it in working hours.
    Ticket,
}

impl Severity {
    /// As it stands in the label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// What is counted. Queries are PromQL selectors, without a function or a window: the generator adds both.
#[derive(Clone, Debug, PartialEq)]
pub enum Indicator {
    /// Counters of the bad events and of all.
    Bad {
        /// The bad ones.
        bad: String,
        /// All.
        total: String,
    },
    /// Counters of the good events and of all.
    Good {
        /// The good ones.
        good: String,
        /// All.
        total: String,
    },
    /// A gauge that is held against a bound once a minute. Of several series the worst counts.
    Threshold {
        /// The gauge.
        gauge: String,
        /// Which side is good.
        good: Side,
        /// The bound; at it all is good.
        bound: f64,
    },
}

/// The good side of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At most the bound.
    AtMost,
    /// At least the bound.
    AtLeast,
}
