//! OTLP spans to records: each span stays the message it was, so nothing that was sent is lost on the way.
//! Pure; ids and files are the store's matter.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use super::{LAID_OUT, Partial, TOO_LARGE};
use crate::store::batch::{Batch, Operation, Origin, Seen, SpanIn, op_hash, tag_key};
use crate::store::span_index::tag_hash;
use crate::store::spans::tags;
use crate::time::from_unsigned_ns;

/// The services of resources that name none, in Jaeger's words.
const MISSING: &str = "missing-service-name";
const EMPTY: &str = "empty-service-name";
const NO_TEXT: &str = "service-name-wrong-type";

/// Lays out an export's spans; those without valid ids are refused one by one. The request is left as it was.
pub(crate) fn lay_out(request: &mut ExportTraceServiceRequest, indexed: &[String]) -> (Batch, Partial) {
    let mut batch = Batch::default();
    let mut partial = Partial::default();
    let mut seen = Seen::default();
    let mut room = LAID_OUT;
    for resource_spans in &mut request.resource_spans {
        let resource = resource_spans.resource.get_or_insert_default();
        let service = service_name(resource);
        let encoded = resource.encode_to_vec();
        for scope_spans in &mut resource_spans.scope_spans {
            if scope_spans.spans.is_empty() {
                continue;
            }
            let Some(left) = room.checked_sub(encoded.len() + service.len()) else {
                partial.refuse(scope_spans.spans.len(), TOO_LARGE);
                continue;
            };
            room = left;
            let origin = batch.origins.len() as u32;
            batch.origins.push(Origin {
                service: service.clone(),
                resource: encoded.clone(),
                scope: scope_spans.scope.as_ref().map(prost::Message::encode_to_vec).unwrap_or_default(),
            });
            let nothing = InstrumentationScope::default();
            let scope = scope_spans.scope.as_ref().unwrap_or(&nothing);
            let mut shared = Vec::new();
            let from = batch.tags.len() as u32;
            tags::of_origin(resource, scope, |name, value| {
                batch.tags.push(tag_hash(name, value));
                index(&mut shared, name, value, indexed);
            });
            batch.shared_tags.push((from, batch.tags.len() as u32));
            for span in &mut scope_spans.spans {
                if let Err(reason) = add(&mut batch, &mut seen, &mut room, origin, span, &shared, indexed) {
                    partial.refuse(1, reason);
                }
            }
        }
    }
    (batch, partial)
}

fn add(
    batch: &mut Batch,
    seen: &mut Seen,
    room: &mut usize,
    origin: u32,
    span: &mut Span,
    shared: &[i64],
    indexed: &[String],
) -> Result<(), &'static str> {
    let trace: [u8; 16] =
        span.trace_id.as_slice().try_into().map_err(|_| "a span's trace id is not 16 bytes long")?;
    if trace == [0; 16] {
        return Err("a span's trace id is all zeros");
    }
    if span.span_id.len() != 8 || span.span_id == [0; 8] {
        return Err("a span's id is not 8 bytes long, or all zeros");
    }
    let start_ns = from_unsigned_ns(span.start_time_unix_nano);
    let duration_ns = from_unsigned_ns(span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano));
    let op_hash = op_hash(&span.name);
    let kind = u8::try_from(span.kind).unwrap_or(0);
    if seen.is_new(origin, op_hash, kind) {
        let service = &batch.origins[origin as usize].service;
        *room = room.checked_sub(service.len()).ok_or(TOO_LARGE)?;
        let service = service.clone();
        batch.operations.push(Operation { service, name: span.name.clone(), kind });
    }
    let (from, tags_from) = (batch.keys.len() as u32, batch.tags.len() as u32);
    batch.keys.extend_from_slice(shared);
    tags::of_span(span, |name, value| {
        batch.tags.push(tag_hash(name, value));
        index(&mut batch.keys, name, value, indexed);
    });
    let keys = (from, batch.keys.len() as u32);
    let tags = (tags_from, batch.tags.len() as u32);
    // The trace id stands in the record's head already.
    let id = std::mem::take(&mut span.trace_id);
    let body = batch.put_message(span);
    span.trace_id = id;
    batch.spans.push(SpanIn { trace, start_ns, duration_ns, op_hash, origin, body, keys, tags });
    Ok(())
}

fn index(keys: &mut Vec<i64>, name: &str, value: &str, indexed: &[String]) {
    if indexed.iter().any(|known| known == name) {
        keys.push(tag_key(name, value));
    }
}

/// The resource's `service.name`, or what Jaeger calls one that has none.
fn service_name(resource: &Resource) -> String {
    let told = resource.attributes.iter().find(|kv| kv.key == "service.name");
    let Some(told) = told else { return MISSING.to_owned() };
    match told.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(name)) if name.is_empty() => EMPTY.to_owned(),
        Some(Value::StringValue(name)) => name.clone(),
        _ => NO_TEXT.to_owned(),
    }
}
