//! Answers metric queries: hands the entries to the evaluation, and prints what it yields.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Instant;

use serde::Serialize;
use serde::ser::Serializer;

use super::LokiError;
use super::lines::{Data, log_query};
use super::stats::{Read, stats};
use crate::Backend;
use crate::labels::Labels;
use crate::logql::metric::samples::Collector;
use crate::logql::metric::{self, Bounds, Grid, MetricError, Source, Value};
use crate::logql::{Metric, Query};
use crate::store::logs::{Entry, Sink};
use crate::store::segment::ReadError;

/// Loki's default bound on the series of an answer.
const MAX_SERIES: usize = 500;

/// The most bytes of labels that a query's series may have together.
const MAX_LABELS: usize = 64 << 20;

/// Evaluates, and writes the answer.
///
/// # Errors
/// The query cannot be answered, or not in time.
pub(super) fn answer(
    backend: &Backend,
    query: &Metric,
    grid: Grid,
    is_instant: bool,
    deadline: Instant,
    started: Instant,
) -> Result<Vec<u8>, LokiError> {
    let source = Entries { backend, deadline, read: RefCell::default() };
    let points = backend.config.limits.query_points;
    let bounds = Bounds { samples: points, labels_bytes: MAX_LABELS, points, series: MAX_SERIES, deadline };
    let value = metric::evaluate(query, grid, &source, bounds)?;
    let value = sorted(value, is_instant);
    let (kind, result) = print(&value, grid, is_instant);
    let stats = stats(&source.read.borrow(), result.returned(), started);
    Data { kind, result, stats, flags: None }.written()
}

impl From<MetricError> for LokiError {
    fn from(error: MetricError) -> Self {
        match error {
            MetricError::Query(message) => Self::bad(message),
            MetricError::Matching(message) => Self::internal(message),
            MetricError::Read(error) => error.into(),
        }
    }
}

struct Entries<'b> {
    backend: &'b Backend,
    deadline: Instant,
    read: RefCell<Read>,
}

impl Source for Entries<'_> {
    fn read(&self, query: &Query, times: Range<i64>, collector: &mut Collector<'_>) -> Result<(), ReadError> {
        let asked = log_query(self.backend, query, times, self.deadline);
        let mut read = self.read.borrow_mut();
        let mut feed = Feed { collector, read: &mut read };
        self.backend.store.scan_logs(&asked, true, &mut feed)
    }
}

struct Feed<'c, 'q> {
    collector: &'c mut Collector<'q>,
    read: &'c mut Read,
}

impl Sink for Feed<'_, '_> {
    fn wants(&self, _: Range<i64>) -> bool {
        self.collector.is_open()
    }

    fn needle(&self) -> Option<&str> {
        self.collector.plan().needle()
    }

    fn wants_line(&mut self, line: &str) -> bool {
        self.read.line(line);
        self.collector.plan().wants(line)
    }

    fn entry(&mut self, entry: Entry<'_>) {
        self.read.metadata(&entry);
        self.read.kept += 1;
        self.collector.take(&entry);
    }
}

/// The series of a range are sorted by their labels.
fn sorted(mut value: Value, is_instant: bool) -> Value {
    if let (Value::Vector(series), false) = (&mut value, is_instant) {
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    value
}

/// A result as it is written: the points one by one, since there may be millions.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Printed<'v> {
    Scalar(Point),
    Vector(Vec<Sample>),
    Matrix(Vec<Row<'v>>),
}

impl Printed<'_> {
    /// How many entries the answer says that it has.
    fn returned(&self) -> usize {
        match self {
            Self::Scalar(_) => 2,
            Self::Vector(samples) => samples.len(),
            Self::Matrix(rows) => rows.len(),
        }
    }
}

/// A time and a value.
type Point = (serde_json::Number, String);

#[derive(Debug, Serialize)]
struct Sample {
    metric: Labels,
    value: Point,
}

#[derive(Debug, Serialize)]
struct Row<'v> {
    metric: Labels,
    values: Points<'v>,
}

#[derive(Debug)]
struct Points<'v> {
    grid: Grid,
    of: Of<'v>,
}

#[derive(Debug)]
enum Of<'v> {
    /// The same at every time.
    Constant(f64),
    Series(&'v [Option<f64>]),
}

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = |i: usize| match self.of {
            Of::Constant(n) => Some(n),
            Of::Series(points) => points.get(i).copied().flatten(),
        };
        let there = (0..self.grid.len).filter_map(|i| Some((seconds(self.grid.time(i)), number(at(i)?))));
        serializer.collect_seq(there)
    }
}

fn print(value: &Value, grid: Grid, is_instant: bool) -> (&'static str, Printed<'_>) {
    match value {
        Value::Scalar(n) if is_instant => ("scalar", Printed::Scalar((seconds(grid.start), number(*n)))),
        Value::Scalar(n) => {
            let values = Points { grid, of: Of::Constant(*n) };
            ("matrix", Printed::Matrix(vec![Row { metric: Labels::default(), values }]))
        }
        Value::Vector(series) if is_instant => {
            let samples = series.iter().filter_map(|s| {
                let value = number(s.points.first().copied().flatten()?);
                Some(Sample { metric: s.labels.clone(), value: (seconds(grid.start), value) })
            });
            ("vector", Printed::Vector(samples.collect()))
        }
        Value::Vector(series) => {
            let rows = series.iter().map(|s| Row {
                metric: s.labels.clone(),
                values: Points { grid, of: Of::Series(&s.points) },
            });
            ("matrix", Printed::Matrix(rows.collect()))
        }
    }
}

/// A value the way Loki prints it: never with an exponent.
fn number(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    v.to_string()
}

/// A time in seconds, with milliseconds where there are any.
fn seconds(ns: i64) -> serde_json::Number {
    let ms = ns.div_euclid(1_000_000);
    let float = serde_json::Number::from_f64(ms as f64 / 1000.0).filter(|_| ms % 1000 != 0);
    float.unwrap_or_else(|| (ms / 1000).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_exponent_and_times_no_needless_point() {
        for (value, text) in [
            (1.0, "1"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(seconds(1_500_000_000).to_string(), "1.5");
        assert_eq!(seconds(2_000_000_000).to_string(), "2");
    }
}
