//! Spans made after the fact, for steps that are worth one only when they turn out slow.
//!
//! A span of `tracing` is paid for when it begins, before anybody knows how long it will take. A late span costs nothing
//! until it is wanted, and then begins in the past. It can have no children and carries no events; what is worth a span each
//! time is better served by `tracing`.

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;

use crate::names::attribute::ERROR_TYPE;

/// Holds the tracer in the subscriber, where [`record`] finds it; it observes nothing.
pub(crate) struct LateTracer(pub(crate) SdkTracer);

impl<S: Subscriber> Layer<S> for LateTracer {}

/// What a late span says.
pub(crate) struct Late {
    pub(crate) name: &'static str,
    pub(crate) kind: SpanKind,
    pub(crate) attributes: Vec<KeyValue>,
    /// `error.type` of a step that failed.
    pub(crate) error: Option<&'static str>,
}

/// Records a child of `parent` that began `elapsed` ago and ends now. Under a parent that nobody observes it is none.
pub(crate) fn record(parent: &Span, elapsed: Duration, mut late: Late) {
    let end = SystemTime::now();
    let find = |(_, dispatch): (&tracing::Id, &tracing::Dispatch)| {
        dispatch.downcast_ref::<LateTracer>().map(|late| late.0.clone())
    };
    let Some(tracer) = parent.with_subscriber(find).flatten() else { return };
    late.attributes.extend(late.error.map(|kind| KeyValue::new(ERROR_TYPE, kind)));
    let mut span = tracer
        .span_builder(late.name)
        .with_kind(late.kind)
        .with_start_time(end.checked_sub(elapsed).unwrap_or(end))
        .with_attributes(late.attributes)
        .start_with_context(&tracer, &parent.context());
    if late.error.is_some() {
        span.set_status(Status::error(""));
    }
    span.end_with_timestamp(end);
}
