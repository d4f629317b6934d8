//! Spans as Jaeger's JSON model: tags with types, references, logs, processes. Pure.

use std::cmp::Ordering;
use std::net::Ipv4Addr;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use serde_json::{Value, json};

use super::model::{Shown, shown};
use crate::store::spans::{StoredSpan, base64, hex, is_error, kind_name, status_name, value_text};

/// Attributes of spans that tell of the process.
pub(super) const LIBRARY: [&str; 5] = [
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "telemetry.distro.name",
    "telemetry.distro.version",
];
/// Beyond this, JavaScript loses digits.
const SAFE: i64 = (1 << 53) - 1;

/// One trace. `raw` leaves tags in the order and the place they came in.
pub(super) fn trace(spans: &[StoredSpan], raw: bool) -> Value {
    let mut processes: Vec<Value> = Vec::new();
    let spans: Vec<Value> = shown(spans, raw)
        .iter()
        .map(|span| {
            let (tags, process) = tags(span.stored, raw);
            let process = json!({
                "serviceName": span.stored.origin.service,
                "tags": process.iter().map(Tag::json).collect::<Value>(),
            });
            let number = processes.iter().position(|p| *p == process).unwrap_or_else(|| {
                processes.push(process);
                processes.len() - 1
            });
            one(span, &tags, number + 1, raw)
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

fn one(shown: &Shown<'_>, tags: &[Tag<'_>], process: usize, raw: bool) -> Value {
    let span = &shown.stored.span;
    let references: Vec<Value> = shown
        .references
        .iter()
        .map(|r| {
            json!({
                "refType": if r.child_of { "CHILD_OF" } else { "FOLLOWS_FROM" },
                "traceID": trace_id(&r.trace),
                "spanID": format!("{:016x}", r.span),
            })
        })
        .collect();
    let logs: Vec<Value> = span
        .events
        .iter()
        .map(|event| {
            let named = event.attributes.iter().any(|kv| kv.key == "event");
            let name = (!event.name.is_empty() && !named).then(|| Tag::text("event", &event.name));
            let mut fields: Vec<Tag<'_>> =
                name.into_iter().chain(event.attributes.iter().map(Tag::of)).collect();
            if !raw {
                let is_event = |tag: &Tag<'_>| tag.key == "event" && matches!(tag.value, Typed::String(_));
                fields.sort_by(|a, b| is_event(b).cmp(&is_event(a)).then_with(|| a.order(b)));
            }
            let fields: Value = fields.iter().map(Tag::json).collect();
            json!({"timestamp": event.time_unix_nano / 1000, "fields": fields})
        })
        .collect();
    json!({
        "traceID": trace_id(&shown.stored.trace),
        "spanID": format!("{:016x}", shown.id),
        "operationName": span.name,
        "references": references,
        "startTime": span.start_time_unix_nano / 1000,
        "duration": shown.duration_ns() / 1000,
        "tags": tags.iter().map(Tag::json).collect::<Value>(),
        "logs": logs,
        "processID": format!("p{process}"),
        "warnings": if shown.warnings.is_empty() { Value::Null } else { json!(shown.warnings) },
    })
}

/// The tags of a span and of its process.
fn tags(stored: &StoredSpan, raw: bool) -> (Vec<Tag<'_>>, Vec<Tag<'_>>) {
    let (span, scope) = (&stored.span, &stored.origin.scope);
    let mut tags = Vec::new();
    let put = |tags: &mut Vec<Tag<'_>>, key: &'static str, value: &str| {
        if !value.is_empty() {
            tags.push(Tag::text(key, value));
        }
    };
    put(&mut tags, "otel.scope.name", &scope.name);
    put(&mut tags, "otel.scope.version", &scope.version);
    tags.extend(span.attributes.iter().map(Tag::of));
    put(&mut tags, "span.kind", kind_name(span.kind).unwrap_or_default());
    put(&mut tags, "otel.status_code", status_name(span).unwrap_or_default());
    if is_error(span) {
        tags.push(Tag { key: "error", value: Typed::Bool(true) });
    }
    put(&mut tags, "otel.status_description", span.status.as_ref().map_or("", |s| &s.message));
    put(&mut tags, "w3c.tracestate", &span.trace_state);
    let resource = stored.origin.resource.attributes.iter().filter(|kv| kv.key != "service.name");
    let mut process: Vec<Tag<'_>> = resource.map(Tag::of).collect();
    if !raw {
        let (library, own): (Vec<_>, Vec<_>) = tags.into_iter().partition(|tag| LIBRARY.contains(&tag.key));
        process.extend(library);
        tags = own;
        for list in [&mut tags, &mut process] {
            list.sort_by(Tag::order);
            list.iter_mut().for_each(Tag::spell_address);
        }
    }
    (tags, process)
}

/// A key with a value of one of Jaeger's types.
#[derive(Debug)]
struct Tag<'a> {
    key: &'a str,
    value: Typed,
}

#[derive(Debug)]
enum Typed {
    String(String),
    Bool(bool),
    Int(i64),
    Float(f64),
    Binary(Vec<u8>),
}

impl<'a> Tag<'a> {
    fn text(key: &'a str, value: &str) -> Self {
        Self { key, value: Typed::String(value.to_owned()) }
    }

    fn of(kv: &'a KeyValue) -> Self {
        let value = match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
            Some(AnyValue::BoolValue(b)) => Typed::Bool(*b),
            Some(AnyValue::IntValue(i)) => Typed::Int(*i),
            Some(AnyValue::DoubleValue(d)) => Typed::Float(*d),
            Some(AnyValue::BytesValue(b)) => Typed::Binary(b.clone()),
            Some(other) => Typed::String(value_text(other)),
            None => Typed::String(String::new()),
        };
        Self { key: &kv.key, value }
    }

    /// By key, then by type, then by value.
    fn order(&self, other: &Self) -> Ordering {
        let rank = |value: &Typed| match value {
            Typed::String(_) => 0,
            Typed::Bool(_) => 1,
            Typed::Int(_) => 2,
            Typed::Float(_) => 3,
            Typed::Binary(_) => 4,
        };
        let values = || match (&self.value, &other.value) {
            (Typed::String(a), Typed::String(b)) => a.cmp(b),
            (Typed::Bool(a), Typed::Bool(b)) => a.cmp(b),
            (Typed::Int(a), Typed::Int(b)) => a.cmp(b),
            (Typed::Float(a), Typed::Float(b)) => a.total_cmp(b),
            (Typed::Binary(a), Typed::Binary(b)) => a.cmp(b),
            (a, b) => rank(a).cmp(&rank(b)),
        };
        self.key.cmp(other.key).then_with(values)
    }

    /// Some clients send an IPv4 address as a number.
    fn spell_address(&mut self) {
        let number = match self.value {
            Typed::Int(i) => i as u32,
            Typed::Float(f) => f as u32,
            _ => return,
        };
        if matches!(self.key, "ip" | "peer.ipv4") {
            self.value = Typed::String(Ipv4Addr::from(number).to_string());
        }
    }

    fn json(&self) -> Value {
        let (kind, value) = match &self.value {
            Typed::String(text) => ("string", json!(text)),
            Typed::Bool(b) => ("bool", json!(b)),
            Typed::Int(i) if i.unsigned_abs() > SAFE as u64 => ("int64", json!(i.to_string())),
            Typed::Int(i) => ("int64", json!(i)),
            // JSON has no words for the others.
            Typed::Float(f) if f.is_finite() => ("float64", json!(f)),
            Typed::Float(f) => ("string", json!(value_text(&AnyValue::DoubleValue(*f)))),
            Typed::Binary(bytes) => ("binary", json!(base64(bytes))),
        };
        json!({"key": self.key, "type": kind, "value": value})
    }
}
