//! Answers metric queries: hands the entries to the evaluation, and prints what it yields.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Instant;

use serde_json::{Value as Json, json};

use super::LokiError;
use super::lines::log_query;
use super::stats::{Read, stats};
use crate::Backend;
use crate::logql::metric::samples::Collector;
use crate::logql::metric::{self, Bounds, Grid, MetricError, Series, Source, Value};
use crate::logql::{Metric, Query};
use crate::store::logs::{Entry, Sink};
use crate::store::segment::ReadError;

/// Loki's default bound on the series of an answer.
const MAX_SERIES: usize = 500;

/// The most bytes of labels that a query's series may have together.
const MAX_LABELS: usize = 64 << 20;

/// Evaluates and prints.
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
) -> Result<Json, LokiError> {
    let source = Entries { backend, deadline, read: RefCell::default() };
    let points = backend.config.limits.query_points;
    let bounds = Bounds { samples: points, labels_bytes: MAX_LABELS, points, series: MAX_SERIES, deadline };
    let value = metric::evaluate(query, grid, &source, bounds)?;
    let (kind, result) = print(value, grid, is_instant);
    let returned = result.as_array().map_or(0, Vec::len);
    let stats = stats(&source.read.borrow(), returned, started);
    Ok(json!({"status": "success", "data": {"resultType": kind, "result": result, "stats": stats}}))
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

fn print(value: Value, grid: Grid, is_instant: bool) -> (&'static str, Json) {
    match value {
        Value::Scalar(n) if is_instant => ("scalar", json!([seconds(grid.start), number(n)])),
        Value::Scalar(n) => {
            let values: Vec<Json> =
                (0..grid.len).map(|i| json!([seconds(grid.time(i)), number(n)])).collect();
            ("matrix", json!([{"metric": {}, "values": values}]))
        }
        Value::Vector(series) if is_instant => {
            let one = |s: &Series| {
                let value = s.points.first().copied().flatten()?;
                Some(json!({"metric": s.labels, "value": [seconds(grid.start), number(value)]}))
            };
            ("vector", series.iter().filter_map(one).collect())
        }
        Value::Vector(mut series) => {
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
            let values = |s: &Series| -> Vec<Json> {
                let there = s.points.iter().enumerate().filter_map(|(i, p)| p.map(|p| (i, p)));
                there.map(|(i, p)| json!([seconds(grid.time(i)), number(p)])).collect()
            };
            let series = series.iter().map(|s| json!({"metric": s.labels, "values": values(s)}));
            ("matrix", series.collect())
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
