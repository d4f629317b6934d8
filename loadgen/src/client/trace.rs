//! The root span of each request, through the process-wide tracer provider, and the headers that carry it on.
//! Without a provider nothing is exported, but the headers are sent all the same: the services' spans and the
//! report's exemplars then still share a trace id.

use super::answer::Outcome;
use super::call::Call;
use super::ids::{Ids, SeededIds};
use super::target::Target;
use bytes::Bytes;
use http::HeaderValue;
use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{Span, SpanId, SpanKind, Status, TraceId, Tracer};
use opentelemetry::{Context, KeyValue, global};

/// The tracer the root spans come from.
pub(super) fn tracer() -> BoxedTracer {
    global::tracer("loadgen")
}

/// A started root span.
pub(super) struct Root {
    span: BoxedSpan,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) sampled: bool,
}

/// Starts the root span of a request.
pub(super) fn start(
    tracer: &BoxedTracer,
    ids: &Ids,
    call: &Call,
    correlation: &str,
    target: Option<&Target>,
) -> Root {
    let trace_id = ids.trace(call.session, call.number);
    let span_id = ids.span(call.session, call.number);
    let builder = tracer.span_builder(name(call)).with_kind(SpanKind::Client);
    let mut span =
        SeededIds::announce(trace_id, span_id, || tracer.build_with_context(builder, &Context::new()));
    let context = span.span_context();
    if !context.is_valid() {
        return Root { span, trace_id, span_id, sampled: true };
    }
    let (trace_id, span_id, sampled) = (context.trace_id(), context.span_id(), context.is_sampled());
    if let Some(target) = target.filter(|_| span.is_recording()) {
        span.set_attributes(attributes(call, correlation, target));
    }
    Root { span, trace_id, span_id, sampled }
}

fn name(call: &Call) -> String {
    let mut name = String::with_capacity(call.method.as_str().len() + 1 + call.route.len());
    name.push_str(call.method.as_str());
    name.push(' ');
    name.push_str(call.route);
    name
}

fn attributes(call: &Call, correlation: &str, target: &Target) -> Vec<KeyValue> {
    let url = format!("http://{}{}", target.authority, call.path);
    vec![
        KeyValue::new("http.request.method", call.method.as_str().to_owned()),
        KeyValue::new("url.full", url),
        KeyValue::new("url.template", call.route),
        KeyValue::new("server.address", target.name.clone()),
        KeyValue::new("server.port", i64::from(target.port)),
        KeyValue::new("peer.service", call.service.name()),
        KeyValue::new("correlation.id", correlation.to_owned()),
        KeyValue::new("loadgen.journey", call.journey),
        KeyValue::new("loadgen.step", call.step),
        KeyValue::new("loadgen.session", call.session as i64),
    ]
}

impl Root {
    /// The `traceparent` header.
    pub(super) fn traceparent(&self) -> Option<HeaderValue> {
        // Written by hand: formatting would be the largest part of what a request costs here.
        let mut text = Vec::with_capacity(55);
        text.extend_from_slice(b"00-");
        hex(&self.trace_id.to_bytes(), &mut text);
        text.push(b'-');
        hex(&self.span_id.to_bytes(), &mut text);
        text.extend_from_slice(if self.sampled { b"-01" } else { b"-00" });
        HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
    }

    /// Ends the span with what came of the request. Any status from 400 on is an error of a client span, also a
    /// planned one: the span tells what happened, the report what was meant.
    pub(super) fn end(mut self, outcome: Outcome) {
        if self.span.is_recording() {
            match outcome {
                Ok(status) => {
                    self.span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
                    if status >= 400 {
                        self.span.set_attribute(KeyValue::new("error.type", status.to_string()));
                        self.span.set_status(Status::error(""));
                    }
                }
                Err(failure) => {
                    self.span.set_attribute(KeyValue::new("error.type", failure.name()));
                    self.span.set_status(Status::error(failure.name()));
                }
            }
        }
        self.span.end();
    }
}

fn hex(bytes: &[u8], text: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
}
