//! What a unit test asks of an engine: more than a contract does, for it compares labels, annotations and values.

use std::collections::BTreeMap;

use super::EngineError;

/// Names and values, of labels or of annotations.
pub type Labels = BTreeMap<String, String>;

/// The bits of the value that says: this series has ended. One of the many that are no number.
pub const STALE: u64 = 0x7ff0_0000_0000_0002;

/// A series of a unit test.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSeries {
    /// Its labels, its name among them as `__name__`.
    pub labels: Labels,
    /// Milliseconds since 1970 and values, in the order of time.
    pub samples: Vec<(i64, f64)>,
}

/// What is asked. Moments are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<'a> {
    /// Files of rules: name and text.
    pub rules: &'a [(String, String)],
    /// Groups that are evaluated in this order. One that is not among them is evaluated with the first.
    pub order: &'a [String],
    /// The first evaluation.
    pub start: i64,
    /// The time between two evaluations, which is that of all groups.
    pub step: i64,
    /// No evaluation is later.
    pub end: i64,
    /// The samples; at an evaluation, none of the future is there.
    pub series: &'a [InputSeries],
    /// For templates.
    pub external_labels: &'a Labels,
    /// For templates.
    pub external_url: &'a str,
    /// Evaluations after which the alerts that fire are asked for.
    pub alerts: &'a [i64],
    /// Expressions and their moments, asked when all is evaluated.
    pub expressions: &'a [(String, i64)],
}

/// What came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// For each of the moments, labels and annotations of every alert that fires.
    pub alerts: Vec<Vec<(Labels, Labels)>>,
    /// For each of the expressions, labels and value of every sample, or why there is no such result.
    pub results: Vec<Result<Vec<(Labels, f64)>, String>>,
}

/// Evaluates rules and expressions for unit tests.
pub trait RuleTester {
    /// What comes of it; [`EngineError::Refused`] where rules cannot be read, or one cannot be evaluated.
    fn observe(&self, asked: &Asked<'_>) -> Result<Observed, EngineError>;
}
