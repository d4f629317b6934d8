//! OTLP spans as Jaeger's JSON model: tags with types, references, logs, processes.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use serde_json::{Value, json};

use crate::store::spans::{StoredSpan, hex, is_error, kind_name, status_name, value_text};

/// One trace.
pub(super) fn trace(spans: &[StoredSpan]) -> Value {
    let mut processes: Vec<Value> = Vec::new();
    let spans: Vec<Value> = spans
        .iter()
        .map(|stored| {
            let process = process(stored);
            let number = processes.iter().position(|p| *p == process).unwrap_or_else(|| {
                processes.push(process);
                processes.len() - 1
            });
            span(stored, number + 1)
        })
        .collect();
    let id = spans.first().map_or(Value::Null, |s| s["traceID"].clone());
    let processes: serde_json::Map<String, Value> =
        processes.into_iter().enumerate().map(|(i, p)| (format!("p{}", i + 1), p)).collect();
    json!({"traceID": id, "spans": spans, "processes": processes, "warnings": null})
}

/// Jaeger leaves out the upper half of an id when it is zero.
pub(super) fn trace_id(id: &[u8]) -> String {
    let text = hex(id);
    match text.strip_prefix("0000000000000000") {
        Some(low) if low.len() == 16 => low.to_owned(),
        _ => text,
    }
}

fn process(stored: &StoredSpan) -> Value {
    let attributes = stored.origin.resource.attributes.iter().filter(|kv| kv.key != "service.name");
    let mut tags: Vec<Value> = attributes.map(tag).collect();
    tags.sort_by(|a, b| a["key"].as_str().cmp(&b["key"].as_str()));
    json!({"serviceName": stored.origin.service, "tags": tags})
}

fn span(stored: &StoredSpan, process: usize) -> Value {
    let span = &stored.span;
    let id = trace_id(&stored.trace);
    let mut references = Vec::new();
    if span.parent_span_id.iter().any(|b| *b != 0) {
        references.push(json!({"refType": "CHILD_OF", "traceID": id, "spanID": hex(&span.parent_span_id)}));
    }
    for link in &span.links {
        references.push(json!({"refType": "FOLLOWS_FROM", "traceID": trace_id(&link.trace_id), "spanID": hex(&link.span_id)}));
    }
    let logs: Vec<Value> = span
        .events
        .iter()
        .map(|event| {
            let name = (!event.name.is_empty()).then(|| text_tag("event", &event.name));
            let fields: Vec<Value> = name.into_iter().chain(event.attributes.iter().map(tag)).collect();
            json!({"timestamp": event.time_unix_nano / 1000, "fields": fields})
        })
        .collect();
    json!({
        "traceID": id,
        "spanID": hex(&span.span_id),
        "flags": span.flags & 0xff,
        "operationName": span.name,
        "references": references,
        "startTime": span.start_time_unix_nano / 1000,
        "duration": span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano) / 1000,
        "tags": tags(stored),
        "logs": logs,
        "processID": format!("p{process}"),
        "warnings": null,
    })
}

fn tags(stored: &StoredSpan) -> Vec<Value> {
    let span = &stored.span;
    let scope = &stored.origin.scope;
    let mut tags = Vec::new();
    let mut put = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(text_tag(key, value));
        }
    };
    put("otel.scope.name", &scope.name);
    put("otel.scope.version", &scope.version);
    tags.extend(span.attributes.iter().map(tag));
    if let Some(kind) = kind_name(span.kind) {
        tags.push(text_tag("span.kind", kind));
    }
    if let Some(status) = status_name(span) {
        tags.push(text_tag("otel.status_code", status));
    }
    if is_error(span) {
        tags.push(json!({"key": "error", "type": "bool", "value": true}));
    }
    if let Some(message) = span.status.as_ref().map(|s| &s.message).filter(|m| !m.is_empty()) {
        tags.push(text_tag("otel.status_description", message));
    }
    if !span.trace_state.is_empty() {
        tags.push(text_tag("w3c.tracestate", &span.trace_state));
    }
    tags
}

fn text_tag(key: &str, value: &str) -> Value {
    json!({"key": key, "type": "string", "value": value})
}

fn tag(kv: &KeyValue) -> Value {
    let (kind, value) = match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(AnyValue::BoolValue(b)) => ("bool", json!(b)),
        Some(AnyValue::IntValue(i)) => ("int64", json!(i)),
        Some(AnyValue::DoubleValue(d)) if d.is_finite() => ("float64", json!(d)),
        Some(AnyValue::BytesValue(b)) => ("binary", json!(hex(b))),
        Some(other) => ("string", json!(value_text(other))),
        None => ("string", json!("")),
    };
    json!({"key": kv.key, "type": kind, "value": value})
}
