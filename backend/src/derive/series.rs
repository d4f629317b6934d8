//! What sums look like as series: names, label sets, bounds as text. Label sets are made once and shared by all points.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::histogram::Histogram;
use super::settings::{BOUNDS, VALUE_BYTES};
use crate::labels::{Labels, NAME};
use crate::number;
use crate::store::samples::{Exemplar, Metadata};
use crate::store::spans::{hex, text};

/// The job under which all of this appears, unless the spans tell another: that of the connectors' page.
pub(super) const JOB: &str = "otelcol-connectors";

pub(super) const CALLS: &str = "traces_span_metrics_calls_total";
pub(super) const DURATION: &str = "traces_span_metrics_duration_milliseconds";
pub(super) const REQUESTS: &str = "traces_service_graph_request_total";
pub(super) const FAILED: &str = "traces_service_graph_request_failed_total";
pub(super) const CLIENT: &str = "traces_service_graph_request_client_seconds";
pub(super) const SERVER: &str = "traces_service_graph_request_server_seconds";
pub(super) const INFO: &str = "target_info";

/// One series at one moment.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) labels: Labels,
    pub(super) value: f64,
    pub(super) exemplar: Option<Exemplar>,
}

impl Point {
    pub(super) fn new(labels: &Labels, value: f64) -> Self {
        Self { labels: labels.clone(), value, exemplar: None }
    }
}

/// A label and its value.
pub(super) type Pair = (Arc<str>, Arc<str>);

pub(super) fn pair(name: &str, value: &str) -> Pair {
    (Arc::from(name), Arc::from(value))
}

/// The series of this name with these labels.
pub(super) fn labels(name: &str, pairs: &[Pair]) -> Labels {
    Labels::new(pairs.iter().cloned().chain([pair(NAME, name)]))
}

/// The series of one histogram.
#[derive(Debug)]
pub(super) struct HistogramLabels {
    buckets: Vec<Labels>,
    sum: Labels,
    count: Labels,
}

impl HistogramLabels {
    pub(super) fn new(name: &str, pairs: &[Pair], bounds: &[f64; BOUNDS]) -> Self {
        let bucket = format!("{name}_bucket");
        let with = |le: &str| {
            let pairs: Vec<Pair> = pairs.iter().cloned().chain([pair("le", le)]).collect();
            labels(&bucket, &pairs)
        };
        Self {
            buckets: bounds.iter().map(|bound| with(&number::bound(*bound))).chain([with("+Inf")]).collect(),
            sum: labels(&format!("{name}_sum"), pairs),
            count: labels(&format!("{name}_count"), pairs),
        }
    }

    /// The points of a histogram; `exemplar` gives that of a bucket.
    pub(super) fn points(
        &self,
        histogram: &Histogram,
        exemplar: impl Fn(usize) -> Option<Exemplar>,
        out: &mut Vec<Point>,
    ) {
        for (at, (labels, count)) in self.buckets.iter().zip(histogram.cumulative()).enumerate() {
            out.push(Point { labels: labels.clone(), value: count as f64, exemplar: exemplar(at) });
        }
        out.push(Point::new(&self.sum, histogram.sum));
        out.push(Point::new(&self.count, histogram.count as f64));
    }
}

/// A span that stands for others like it.
#[derive(Debug, Clone)]
pub(super) struct Example {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    pub(super) value: f64,
}

impl Example {
    pub(super) fn at(&self, t: i64) -> Exemplar {
        let ids = [("trace_id", hex(&self.trace)), ("span_id", hex(&self.span))];
        Exemplar { labels: Labels::new(ids), value: self.value, t }
    }
}

/// An attribute's value as a label's; `None` when it is too long for one.
pub(super) fn value(attribute: &KeyValue) -> Option<Cow<'_, str>> {
    let value = match attribute.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(text)) => Cow::Borrowed(text.as_str()),
        _ => Cow::Owned(text(attribute)),
    };
    (value.len() <= VALUE_BYTES).then_some(value)
}

/// Type and help of each family, as the page's comments tell them.
pub(super) fn metadata() -> impl Iterator<Item = (&'static str, Metadata)> {
    let family = |name: &'static str| name.strip_suffix("_total").unwrap_or(name);
    let all = [
        (family(CALLS), "counter", ""),
        (DURATION, "histogram", ""),
        (family(REQUESTS), "counter", ""),
        (family(FAILED), "counter", ""),
        (CLIENT, "histogram", ""),
        (SERVER, "histogram", ""),
        (INFO, "gauge", "Target metadata"),
    ];
    all.into_iter().map(|(name, kind, help)| {
        let metadata = Metadata { kind: kind.to_owned(), help: help.to_owned(), unit: String::new() };
        (name, metadata)
    })
}

#[cfg(test)]
mod tests {
    use super::super::settings::{BOUNDS_MS, BOUNDS_S};
    use super::*;

    #[test]
    fn bounds_are_written_as_openmetrics_writes_them() {
        let texts = |bounds: [f64; BOUNDS]| bounds.map(number::bound).join(" ");
        assert_eq!(
            texts(BOUNDS_MS),
            "1.0 2.5 5.0 10.0 25.0 50.0 75.0 100.0 250.0 500.0 750.0 1000.0 2500.0 5000.0 7500.0 10000.0"
        );
        assert_eq!(
            texts(BOUNDS_S),
            "0.001 0.0025 0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0"
        );
    }
}
