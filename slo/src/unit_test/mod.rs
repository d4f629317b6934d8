//! Unit tests of rules in the format of `promtool test rules`, which Prometheus documents: series, when which alert fires, and
//! what expressions give.
//!
//! [`read`] reads a file, [`open`] also the rules that it names, and [`run`] holds an engine's answers against what is
//! expected. Who evaluates is behind [`crate::engine::RuleTester`]. Verdicts are promtool's; its quirks are kept where a file
//! could depend on them. What is refused by name: native histograms, and in YAML anchors, aliases and tags.

mod duration;
mod folder;
mod glob;
mod judge;
mod metric;
mod read;
mod scalar;
mod values;

pub use folder::{Opened, open};
pub use judge::{Missed, Verdict, run};
pub use read::read;

use crate::engine::{InputSeries, Labels};

/// A file of tests.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitTests {
    /// Files of rules, as they stand there: relative to the file, with `*`, `?` and `[…]`.
    pub rule_files: Vec<String>,
    /// Milliseconds between two evaluations.
    pub step: i64,
    /// Groups that are evaluated in this order.
    pub order: Vec<String>,
    /// A number may be off by its last bit.
    pub fuzzy: bool,
    /// The tests, in their order.
    pub tests: Vec<Test>,
}

/// One test: series, and what comes of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Where it begins.
    pub line: usize,
    /// Its name, which may be missing.
    pub name: String,
    /// Milliseconds between two samples.
    pub interval: i64,
    /// When all begins, in milliseconds since 1970.
    pub start: i64,
    /// The samples.
    pub series: Vec<InputSeries>,
    /// For templates.
    pub external_labels: Labels,
    /// For templates.
    pub external_url: String,
    /// Which alerts must fire.
    pub alerts: Vec<AlertCase>,
    /// What expressions must give.
    pub expressions: Vec<ExprCase>,
}

/// The alerts of one name that must fire at one moment: these and no others.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertCase {
    /// Where it stands.
    pub line: usize,
    /// Milliseconds after the start.
    pub at: i64,
    /// The alert's name.
    pub name: String,
    /// Labels, the name among them, and annotations of each.
    pub expected: Vec<(Labels, Labels)>,
}

/// What an expression must give at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ExprCase {
    /// Where it stands.
    pub line: usize,
    /// Milliseconds after the start.
    pub at: i64,
    /// PromQL.
    pub expr: String,
    /// Labels and value of each sample.
    pub expected: Vec<(Labels, f64)>,
}

impl Test {
    /// When the last thing is asked, in milliseconds after the start.
    pub fn length(&self) -> i64 {
        let alerts = self.alerts.iter().map(|case| case.at);
        alerts.chain(self.expressions.iter().map(|case| case.at)).max().unwrap_or(0)
    }
}
