//! The three signals of OTLP, whichever way they come: what is sent of each, where it is counted, and what is answered.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::weight::{Shape, shapes};
use super::{Partial, take_logs, take_metrics, take_spans};
use crate::Backend;
use crate::stats::Signal;
use crate::store::Busy;

/// One signal.
pub(crate) trait Otlp: 'static {
    /// What an exporter sends.
    type Request: prost::Message + Default + DeserializeOwned;
    /// What it is answered when its request was taken.
    type Answer: prost::Message + Serialize;

    /// What its requests are made of.
    const SHAPE: &'static Shape;

    /// Where its requests are counted.
    fn counts(backend: &Backend) -> &Signal;
    /// Stores a request.
    fn take(backend: &Backend, request: Self::Request) -> Result<Self::Answer, Busy>;
}

/// Spans.
pub(crate) enum Traces {}
/// Log records.
pub(crate) enum Logs {}
/// Data points.
pub(crate) enum Metrics {}

impl Otlp for Traces {
    type Request = ExportTraceServiceRequest;
    type Answer = ExportTraceServiceResponse;
    const SHAPE: &'static Shape = &shapes::SPANS;

    fn counts(backend: &Backend) -> &Signal {
        &backend.stats.spans
    }

    fn take(backend: &Backend, request: Self::Request) -> Result<Self::Answer, Busy> {
        let partial_success =
            refused(&take_spans(backend, request)?).map(|(rejected_spans, error_message)| {
                ExportTracePartialSuccess { rejected_spans, error_message }
            });
        Ok(ExportTraceServiceResponse { partial_success })
    }
}

impl Otlp for Logs {
    type Request = ExportLogsServiceRequest;
    type Answer = ExportLogsServiceResponse;
    const SHAPE: &'static Shape = &shapes::LOGS;

    fn counts(backend: &Backend) -> &Signal {
        &backend.stats.logs
    }

    fn take(backend: &Backend, request: Self::Request) -> Result<Self::Answer, Busy> {
        let partial_success =
            refused(&take_logs(backend, request)?).map(|(rejected_log_records, error_message)| {
                ExportLogsPartialSuccess { rejected_log_records, error_message }
            });
        Ok(ExportLogsServiceResponse { partial_success })
    }
}

impl Otlp for Metrics {
    type Request = ExportMetricsServiceRequest;
    type Answer = ExportMetricsServiceResponse;
    const SHAPE: &'static Shape = &shapes::METRICS;

    fn counts(backend: &Backend) -> &Signal {
        &backend.stats.samples
    }

    fn take(backend: &Backend, request: Self::Request) -> Result<Self::Answer, Busy> {
        let partial_success =
            refused(&take_metrics(backend, request)).map(|(rejected_data_points, error_message)| {
                ExportMetricsPartialSuccess { rejected_data_points, error_message }
            });
        Ok(ExportMetricsServiceResponse { partial_success })
    }
}

/// How many items were refused and why; none where all were taken.
fn refused(partial: &Partial) -> Option<(i64, String)> {
    (partial.refused > 0).then(|| (partial.refused as i64, partial.reason()))
}
