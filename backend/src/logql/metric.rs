//! Evaluates metric queries: samples of the matching entries ([`samples`]), a function over each window ([`range`]),
//! aggregations ([`aggregate`]), operators ([`binary`]). Reading entries is the caller's part ([`Source`]).

mod aggregate;
pub(crate) mod binary;
mod range;
pub(crate) mod samples;

use std::ops::Range;
use std::time::Instant;

use super::ast::{Aggregate, Grouping, Metric, Query, RangeAggregation, RangeOp};
use crate::labels::Labels;
use crate::matcher::expanded_at_most;
use crate::store::segment::ReadError;
use samples::Collector;

/// The steps that a query is evaluated at, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) len: usize,
}

impl Grid {
    pub(crate) fn time(&self, i: usize) -> i64 {
        self.start.saturating_add((i as i64).saturating_mul(self.step))
    }

    /// Whether the window `(t - range, t]` of any step holds `ts`.
    fn covers(&self, ts: i64, range: i64) -> bool {
        if self.len == 0 {
            return false;
        }
        let behind = ts.saturating_sub(self.start);
        // The first step at or after `ts`.
        let i = if behind <= 0 { 0 } else { (behind - 1) / self.step + 1 };
        usize::try_from(i).is_ok_and(|i| i < self.len && self.time(i).saturating_sub(ts) < range)
    }
}

/// A series of the result: a value, or none, at each step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) points: Vec<Option<f64>>,
}

/// What a query yields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Scalar(f64),
    Vector(Vec<Series>),
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricError {
    /// A line that a stage could not read, or a bound: the query has to change.
    #[error("{0}")]
    Query(String),
    /// Series that cannot be matched; Loki calls this its own failure.
    #[error("{0}")]
    Matching(String),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Hands a query's entries to a collector.
pub(crate) trait Source {
    /// # Errors
    /// The store cannot be read in time.
    fn read(&self, query: &Query, times: Range<i64>, collector: &mut Collector<'_>) -> Result<(), ReadError>;
}

/// The bounds of an evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Samples that are held at once.
    pub(crate) samples: usize,
    /// Bytes of the labels of the series that are held at once.
    pub(crate) labels_bytes: usize,
    /// Values of all series of one operand.
    pub(crate) points: usize,
    /// Series of the answer.
    pub(crate) series: usize,
    pub(crate) deadline: Instant,
}

/// Evaluates at every step of the grid.
///
/// # Errors
/// [`MetricError`].
pub(crate) fn evaluate(
    metric: &Metric,
    grid: Grid,
    source: &dyn Source,
    bounds: Bounds,
) -> Result<Value, MetricError> {
    let value = Evaluation { grid, source, bounds }.value(metric)?;
    match &value {
        Value::Vector(series) if series.len() > bounds.series => Err(MetricError::Query(format!(
            "maximum number of series ({}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()",
            bounds.series
        ))),
        _ => Ok(value),
    }
}

struct Evaluation<'s> {
    grid: Grid,
    source: &'s dyn Source,
    bounds: Bounds,
}

impl Evaluation<'_> {
    fn value(&self, metric: &Metric) -> Result<Value, MetricError> {
        Ok(match metric {
            Metric::Number(n) => Value::Scalar(*n),
            Metric::Vector(n) => Value::Vector(vec![Series {
                labels: Labels::default(),
                points: vec![Some(*n); self.grid.len],
            }]),
            Metric::Range(aggregation) => {
                Value::Vector(self.range(aggregation, aggregation.grouping.as_ref())?)
            }
            Metric::Aggregate { op, count, grouping, inner } => {
                let series = match &**inner {
                    Metric::Range(range) if merges(*op, range) => self.range(range, Some(grouping))?,
                    inner => self.vector(inner)?,
                };
                Value::Vector(aggregate::run(*op, *count, grouping, series, self.grid.len))
            }
            Metric::Binary { op, is_bool, matching, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                binary::run(*op, *is_bool, matching, left, right).map_err(MetricError::Matching)?
            }
            Metric::LabelReplace { inner, to, replacement, from, regex } => {
                let mut series = self.vector(inner)?;
                let mut bytes = 0;
                for one in &mut series {
                    let value = one.labels.get(from).to_owned();
                    if let Some(found) = regex.captures(&value) {
                        // Asked before it is there: a value can double with each call around another.
                        bytes += expanded_at_most(replacement, &value);
                        if bytes > self.bounds.labels_bytes {
                            return Err(MetricError::Query(format!(
                                "label_replace() makes more than the {} bytes of labels that the embedded backend holds",
                                self.bounds.labels_bytes
                            )));
                        }
                        if Instant::now() > self.bounds.deadline {
                            return Err(ReadError::TimedOut.into());
                        }
                        let mut text = String::new();
                        found.expand(replacement, &mut text);
                        one.labels = one.labels.with(to, &text);
                    }
                }
                Value::Vector(series)
            }
        })
    }

    fn vector(&self, metric: &Metric) -> Result<Vec<Series>, MetricError> {
        match self.value(metric)? {
            Value::Vector(series) => Ok(series),
            Value::Scalar(_) => Err(MetricError::Query("a number stands where series are needed".to_owned())),
        }
    }

    fn range(
        &self,
        aggregation: &RangeAggregation,
        grouping: Option<&Grouping>,
    ) -> Result<Vec<Series>, MetricError> {
        let Grid { start, step, len } = self.grid;
        let grid = Grid { start: start.saturating_sub(aggregation.offset_ns), step, len };
        let mut collector = Collector::new(aggregation, grouping, grid, self.bounds);
        if len > 0 && aggregation.range_ns > 0 {
            let from = grid.start.saturating_sub(aggregation.range_ns).saturating_add(1);
            let to = grid.time(len - 1).saturating_add(1);
            self.source.read(&aggregation.query, from..to, &mut collector)?;
        }
        let samples = collector.finish().map_err(MetricError::Query)?;
        if samples.len().saturating_mul(len) > self.bounds.points {
            return Err(MetricError::Query(format!(
                "the query makes {} series of {len} steps each, which is more than the embedded backend holds; aggregate, or take a larger step",
                samples.len()
            )));
        }
        Ok(range::run(aggregation, samples, &grid, self.bounds.deadline)?)
    }
}

/// Whether samples can be put together by the sum's groups at once: the result is the same, and the many series of single
/// lines never exist. Loki does so too, which decides what it takes out of lines.
fn merges(op: Aggregate, range: &RangeAggregation) -> bool {
    use RangeOp::{Bytes, BytesRate, Count, Rate, Sum};
    op == Aggregate::Sum
        && range.grouping.is_none()
        && matches!(range.op, Count | Rate | Bytes | BytesRate | Sum)
}

#[cfg(test)]
mod tests;
