//! Everything that comes in: OTLP over gRPC and HTTP, Loki push, and scraping. Each way ends in the same few calls of
//! the store; none of them knows how data is laid out there.

pub(crate) mod body;
pub(crate) mod level;
pub(crate) mod logs;
pub(crate) mod loki_push;
pub(crate) mod metrics;
pub(crate) mod names;
pub(crate) mod openmetrics;
pub(crate) mod otlp;
pub(crate) mod otlp_grpc;
pub(crate) mod otlp_http;
pub(crate) mod remote_write;
pub(crate) mod scrape;
pub(crate) mod spans;
pub(crate) mod targets;
pub(crate) mod times;
mod weight;
mod wire;

use std::sync::atomic::AtomicU64;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use self::times::Times;
use crate::Backend;
use crate::stats::{Signal, add};
use crate::store::Busy;
use crate::time::{now_ms, now_ns};

/// Most bytes that one export is laid out to: what it says once of a resource stands beside each of its items.
const LAID_OUT: usize = 64 << 20;
/// Why the items beyond it are refused.
const TOO_LARGE: &str =
    "the items take more than 64 MiB with what is said of their resource beside each; send fewer at once";

/// What an export was answered: how many items were refused, and why: each reason with how many it concerns.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Partial {
    pub(crate) refused: usize,
    reasons: Vec<(&'static str, usize)>,
}

impl Partial {
    pub(crate) fn refuse(&mut self, n: usize, reason: &'static str) {
        self.refused += n;
        match self.reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += n,
            None => self.reasons.push((reason, n)),
        }
    }

    /// Why, in one line; what concerns most first.
    pub(crate) fn reason(&self) -> String {
        if let [(reason, _)] = self.reasons[..] {
            return reason.to_owned();
        }
        let mut reasons = self.reasons.clone();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let told: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count}: {reason}")).collect();
        told.join("; ")
    }
}

/// Stores the spans of an export, and makes metrics of them.
pub(crate) fn take_spans(backend: &Backend, mut request: ExportTraceServiceRequest) -> Result<Partial, Busy> {
    let (batch, partial) = spans::lay_out(&mut request, &backend.config.indexed_tags);
    let items = batch.items();
    let pushed = backend.store.push(batch);
    // What is refused comes again, and shall not be counted twice.
    if pushed.is_ok() {
        let left_out = backend.derived.take(&request, now_ms());
        add(&backend.stats.unmeasured_spans, left_out);
    }
    settle(&backend.stats.spans, items, partial, pushed)
}

/// Stores the log records of an export.
pub(crate) fn take_logs(backend: &Backend, request: ExportLogsServiceRequest) -> Result<Partial, Busy> {
    let times = Times::at(now_ns(), backend.config.retention);
    let (batch, partial) = logs::lay_out(request, &backend.config.indexed_metadata, times);
    let items = batch.items();
    let pushed = backend.store.push(batch);
    settle(&backend.stats.logs, items, partial, pushed)
}

/// Stores the data points of an export.
pub(crate) fn take_metrics(backend: &Backend, request: ExportMetricsServiceRequest) -> Partial {
    let mut points = metrics::Points::default();
    points.add(request);
    let mut partial = points.partial;
    let mut appender = backend.store.samples.appender();
    for (family, metadata) in points.metadata {
        appender.describe(&family, metadata);
    }
    let mut stored = 0;
    // No data point of the sender's: of what is refused of them it is not told.
    for (labels, t) in points.targets {
        stored += usize::from(appender.append(&labels, t, 1.0).is_ok());
    }
    for (labels, t, v) in points.samples {
        match appender.append(&labels, t, v) {
            Ok(_) => stored += 1,
            Err(refused) => partial.refuse(1, refused.reason()),
        }
    }
    drop(appender);
    add(&backend.stats.samples.ingested, stored);
    add(&backend.stats.samples.refused, partial.refused);
    partial
}

/// Counts what became of a request with so many items laid out, beside those that were refused one by one.
fn settle(
    signal: &Signal,
    items: usize,
    partial: Partial,
    pushed: Result<(), Busy>,
) -> Result<Partial, Busy> {
    add(&signal.refused, partial.refused);
    if pushed.is_err() {
        count_busy(signal, items);
    }
    pushed.map(|()| partial)
}

/// Counts a request that the store had no room for, and its items, none of which was taken.
pub(crate) fn count_busy(signal: &Signal, items: usize) {
    add(&signal.busy_requests, 1);
    add(&signal.refused, items);
}

/// Counts one refused request.
pub(crate) fn count_bad(counter: &AtomicU64) {
    add(counter, 1);
}
