//! Metrics made of spans as they come in: rate, errors and duration of each operation, and who calls whom.
//!
//! Names, labels, buckets and exemplars are those of the OpenTelemetry collector's span_metrics and service_graph
//! connectors as this project configures them, so that a query needs no second version. Everything but `feed` is pure:
//! spans and the time go in, points come out. It keeps sums only: the history is the sample store's matter.

mod adjusted;
mod feed;
mod graph;
mod histogram;
mod pending;
mod red;
mod series;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;

pub(crate) use feed::run;
use graph::Graph;
use red::Red;
use series::Point;

/// What all spans so far add up to.
#[derive(Debug)]
pub(crate) struct Derived(Mutex<State>);

#[derive(Debug)]
struct State {
    red: Red,
    graph: Graph,
}

impl Derived {
    /// `instance` stands on the series whose spans tell no instance of their own, as a scraped page's address would.
    pub(crate) fn new(instance: &str) -> Self {
        Self(Mutex::new(State { red: Red::new(instance), graph: Graph::new(instance) }))
    }

    /// Takes the spans of an export that was accepted. Answers how many were not measured whole, for want of room.
    pub(crate) fn take(&self, request: &ExportTraceServiceRequest, now_ms: i64) -> usize {
        // A panic in between leaves at worst one span half counted: counting on is right.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { red, graph } = &mut *state;
        let mut left_out = 0;
        for part in &request.resource_spans {
            let attributes = part.resource.as_ref().map(|r| r.attributes.as_slice()).unwrap_or_default();
            // Who does not say which service it is, is not measured; nor does the collector.
            let Some(name) = attribute(attributes, "service.name") else { continue };
            let name: Option<Arc<str>> = series::value(name).map(Arc::from);
            let mut counting = red.of(attributes, now_ms);
            for span in part.scope_spans.iter().flat_map(|scope| &scope.spans).filter(|s| has_ids(s)) {
                let counted = counting.as_mut().is_some_and(|counting| counting.take(span));
                let paired = name.as_ref().is_some_and(|name| graph.take(attributes, name, span, now_ms));
                left_out += usize::from(!(counted && paired));
            }
        }
        left_out
    }

    /// What a scrape of now would show. Forgets what is too old, and begins anew with exemplars.
    fn flush(&self, now_ms: i64) -> Vec<Point> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut points = Vec::new();
        state.red.flush(now_ms, &mut points);
        state.graph.flush(now_ms, &mut points);
        points
    }
}

/// Spans without proper ids are refused by the store and not measured either.
fn has_ids(span: &Span) -> bool {
    let proper = |id: &[u8], length| id.len() == length && id.iter().any(|b| *b != 0);
    proper(&span.trace_id, 16) && proper(&span.span_id, 8)
}

/// The first attribute of a name, as the collector looks it up.
fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a KeyValue> {
    attributes.iter().find(|kv| kv.key == name)
}

/// A span's duration in nanoseconds; one that ends before it begins took no time.
fn duration_ns(span: &Span) -> f64 {
    span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano) as f64
}
