//! Spans as OTLP's JSON, as the third version of the API answers them: what is empty is left out, ids are hex, times are
//! text. Warnings stand in an attribute. Pure.

use std::net::Ipv4Addr;

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use serde_json::{Map, Value, json};

use super::json::LIBRARY;
use super::model::{id, part_shared_ids, repaired_end};
use super::skew;
use crate::store::spans::{OriginRead, StoredSpan, base64, hex, text};

/// Where Jaeger puts what it has to say about a span.
const WARNINGS: &str = "@jaeger@warnings";

/// The spans of one trace, grouped by resource and scope.
pub(super) fn resource_spans(spans: &[StoredSpan], raw: bool) -> Vec<Value> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut ids: Vec<_> =
        spans.iter().map(|s| (id(&s.span.span_id), id(&s.span.parent_span_id), s.span.kind)).collect();
    let mut skews = vec![Vec::new(); spans.len()];
    if !raw {
        part_shared_ids(&mut ids);
        skews = self::skews(spans, &ids);
    }
    for ((stored, ids), skew) in spans.iter().zip(ids).zip(skews) {
        let at = groups.iter().position(|g| g.of.resource == stored.origin.resource).unwrap_or_else(|| {
            groups.push(Group { of: &stored.origin, moved: Vec::new(), scopes: Vec::new() });
            groups.len() - 1
        });
        let group = &mut groups[at];
        let span = span(stored, ids, skew, raw, &mut group.moved);
        let scope = &stored.origin.scope;
        match group.scopes.iter_mut().find(|(s, _)| *s == scope) {
            Some((_, spans)) => spans.push(span),
            None => group.scopes.push((scope, vec![span])),
        }
    }
    let scopes = |group: &Group<'_>| -> Value {
        let each = group.scopes.iter();
        each.map(|(scope, spans)| json!({"scope": self::scope(scope, raw), "spans": spans})).collect()
    };
    let each = groups.iter();
    each.map(|group| json!({"resource": resource(group, raw), "scopeSpans": scopes(group)})).collect()
}

/// The spans of one resource.
struct Group<'a> {
    of: &'a OriginRead,
    /// Attributes of its spans that tell of the resource.
    moved: Vec<KeyValue>,
    scopes: Vec<(&'a InstrumentationScope, Vec<Value>)>,
}

fn resource(group: &Group<'_>, raw: bool) -> Value {
    let OriginRead { resource, service, .. } = group.of;
    let mut attributes = resource.attributes.clone();
    // A resource that names no service has been given a name.
    match attributes.iter_mut().find(|kv| kv.key == "service.name") {
        Some(named) if text(named) != *service => *named = string("service.name", service),
        None => attributes.push(string("service.name", service)),
        Some(_) => {}
    }
    attributes.extend_from_slice(&group.moved);
    if !raw {
        attributes.iter_mut().for_each(spell_address);
    }
    let mut out = Map::new();
    put(&mut out, "attributes", list(&attributes, raw));
    count(&mut out, "droppedAttributesCount", resource.dropped_attributes_count);
    out.into()
}

fn scope(scope: &InstrumentationScope, raw: bool) -> Value {
    let mut out = Map::new();
    put(&mut out, "name", json!(scope.name));
    put(&mut out, "version", json!(scope.version));
    put(&mut out, "attributes", list(&scope.attributes, raw));
    count(&mut out, "droppedAttributesCount", scope.dropped_attributes_count);
    out.into()
}

fn span(
    stored: &StoredSpan,
    (own, parent, kind): (u64, u64, i32),
    skew: Vec<String>,
    raw: bool,
    moved: &mut Vec<KeyValue>,
) -> Value {
    let span = &stored.span;
    let (end_ns, repaired) = repaired_end(span.start_time_unix_nano, span.end_time_unix_nano);
    let mut warnings: Vec<String> = repaired.into_iter().chain(skew).collect();
    let mut attributes = span.attributes.clone();
    if !raw {
        attributes.iter_mut().for_each(spell_address);
        attributes.retain(|kv| {
            !LIBRARY.contains(&kv.key.as_str()) || {
                let own = stored.origin.resource.attributes.iter().find(|own| own.key == kv.key);
                match own.or_else(|| moved.iter().find(|moved| moved.key == kv.key)) {
                    Some(told) if told.value == kv.value => false,
                    Some(_) => {
                        let key = &kv.key;
                        let what = "conflicting values between Span and Resource for attribute";
                        warnings.push(format!("{what} {key}"));
                        true
                    }
                    None => {
                        moved.push(kv.clone());
                        false
                    }
                }
            }
        });
    }
    let is_valid = |link: &&Link| raw || link.trace_id.iter().any(|b| *b != 0);
    let links: Vec<&Link> = span.links.iter().filter(is_valid).collect();
    warnings.extend((links.len()..span.links.len()).map(|_| "Invalid span link removed".to_owned()));
    if !warnings.is_empty() {
        attributes.push(warned(&warnings));
    }
    let mut events: Vec<&Event> = span.events.iter().collect();
    if !raw {
        events.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let mut out = Map::new();
    put(&mut out, "traceId", json!(hex(&stored.trace)));
    put(&mut out, "spanId", json!(format!("{own:016x}")));
    put(&mut out, "traceState", json!(span.trace_state));
    if parent != 0 {
        put(&mut out, "parentSpanId", json!(format!("{parent:016x}")));
    }
    count(&mut out, "flags", span.flags);
    put(&mut out, "name", json!(span.name));
    count(&mut out, "kind", u32::try_from(kind).unwrap_or_default());
    time(&mut out, "startTimeUnixNano", span.start_time_unix_nano);
    time(&mut out, "endTimeUnixNano", end_ns);
    put(&mut out, "attributes", list(&attributes, raw));
    count(&mut out, "droppedAttributesCount", span.dropped_attributes_count);
    put(&mut out, "events", events.into_iter().map(|e| event(e, raw)).collect());
    count(&mut out, "droppedEventsCount", span.dropped_events_count);
    put(&mut out, "links", links.into_iter().map(|l| link(l, raw)).collect());
    count(&mut out, "droppedLinksCount", span.dropped_links_count);
    let mut status = Map::new();
    if let Some(sent) = &span.status {
        put(&mut status, "message", json!(sent.message));
        count(&mut status, "code", u32::try_from(sent.code).unwrap_or_default());
    }
    out.insert("status".to_owned(), status.into());
    out.into()
}

fn event(event: &Event, raw: bool) -> Value {
    let mut out = Map::new();
    time(&mut out, "timeUnixNano", event.time_unix_nano);
    put(&mut out, "name", json!(event.name));
    put(&mut out, "attributes", list(&event.attributes, raw));
    count(&mut out, "droppedAttributesCount", event.dropped_attributes_count);
    out.into()
}

fn link(link: &Link, raw: bool) -> Value {
    let mut out = Map::new();
    // An id of zeros is none.
    let id = |bytes: &[u8]| if bytes.iter().all(|b| *b == 0) { String::new() } else { hex(bytes) };
    put(&mut out, "traceId", json!(id(&link.trace_id)));
    put(&mut out, "spanId", json!(id(&link.span_id)));
    put(&mut out, "traceState", json!(link.trace_state));
    put(&mut out, "attributes", list(&link.attributes, raw));
    count(&mut out, "droppedAttributesCount", link.dropped_attributes_count);
    count(&mut out, "flags", link.flags);
    out.into()
}

/// Attributes, sorted by key unless they are wanted raw.
fn list(attributes: &[KeyValue], raw: bool) -> Value {
    let mut sorted: Vec<&KeyValue> = attributes.iter().collect();
    if !raw {
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
    }
    let pair = |kv: &KeyValue| {
        let value = any(kv.value.as_ref().and_then(|v| v.value.as_ref()));
        json!({"key": kv.key, "value": value})
    };
    sorted.into_iter().map(pair).collect()
}

/// Some clients send an IPv4 address as a number.
fn spell_address(kv: &mut KeyValue) {
    let number = match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(AnyValue::IntValue(i)) => *i as u32,
        Some(AnyValue::DoubleValue(d)) => *d as u32,
        _ => return,
    };
    if matches!(kv.key.as_str(), "ip" | "peer.ipv4") {
        *kv = string(&kv.key, &Ipv4Addr::from(number).to_string());
    }
}

fn any(value: Option<&AnyValue>) -> Value {
    let inner = |list: &ArrayValue| -> Value { list.values.iter().map(|v| any(v.value.as_ref())).collect() };
    match value {
        Some(AnyValue::StringValue(text)) => json!({"stringValue": text}),
        Some(AnyValue::BoolValue(b)) => json!({"boolValue": b}),
        Some(AnyValue::IntValue(i)) => json!({"intValue": i.to_string()}),
        Some(AnyValue::DoubleValue(d)) if d.is_finite() => json!({"doubleValue": d}),
        Some(AnyValue::DoubleValue(d)) => {
            json!({"doubleValue": if d.is_nan() { "NaN" } else if *d > 0.0 { "Infinity" } else { "-Infinity" }})
        }
        Some(AnyValue::BytesValue(bytes)) => json!({"bytesValue": base64(bytes)}),
        Some(AnyValue::ArrayValue(list)) if list.values.is_empty() => json!({"arrayValue": {}}),
        Some(AnyValue::ArrayValue(list)) => json!({"arrayValue": {"values": inner(list)}}),
        Some(AnyValue::KvlistValue(map)) if map.values.is_empty() => json!({"kvlistValue": {}}),
        Some(AnyValue::KvlistValue(map)) => json!({"kvlistValue": {"values": list(&map.values, true)}}),
        _ => json!({}),
    }
}

fn warned(warnings: &[String]) -> KeyValue {
    let values = warnings.iter().filter_map(|w| string("", w).value).collect();
    let value = AnyValue::ArrayValue(ArrayValue { values });
    let value = Some(opentelemetry_proto::tonic::common::v1::AnyValue { value: Some(value) });
    KeyValue { key: WARNINGS.to_owned(), value, ..KeyValue::default() }
}

fn string(key: &str, value: &str) -> KeyValue {
    let value = AnyValue::StringValue(value.to_owned());
    let value = Some(opentelemetry_proto::tonic::common::v1::AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// What Jaeger says about the spans' clocks, by the hosts that their resources tell.
fn skews(spans: &[StoredSpan], ids: &[(u64, u64, i32)]) -> Vec<Vec<String>> {
    let nodes: Vec<skew::Node> = spans
        .iter()
        .zip(ids)
        .map(|(stored, (id, parent, _))| {
            let span = &stored.span;
            let (end, _) = repaired_end(span.start_time_unix_nano, span.end_time_unix_nano);
            skew::Node {
                id: *id,
                parent: *parent,
                start_ns: span.start_time_unix_nano as i64,
                duration_ns: (end - span.start_time_unix_nano) as i64,
                host: host(&stored.origin.resource),
            }
        })
        .collect();
    skew::warnings(&nodes, |parent| format!("parent span ID={parent:016x} is not in the trace"))
}

fn host(resource: &Resource) -> String {
    let of = |name: &str| resource.attributes.iter().find(|kv| kv.key == name);
    let whole = |kv: &KeyValue| match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(AnyValue::StringValue(text)) => Some(text.clone()),
        _ => None,
    };
    let first = |kv: &KeyValue| match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(AnyValue::ArrayValue(list)) => {
            let value = list.values.first().cloned();
            value.map(|value| text(&KeyValue { value: Some(value), ..KeyValue::default() }))
        }
        _ => whole(kv),
    };
    if let Some(id) = of("host.id") {
        return whole(id).unwrap_or_default();
    }
    of("host.ip").and_then(first).or_else(|| of("host.name").and_then(whole)).unwrap_or_default()
}

/// Puts what is not empty.
fn put(out: &mut Map<String, Value>, name: &str, value: Value) {
    let is_empty = match &value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if !is_empty {
        out.insert(name.to_owned(), value);
    }
}

fn count(out: &mut Map<String, Value>, name: &str, value: u32) {
    if value > 0 {
        out.insert(name.to_owned(), value.into());
    }
}

fn time(out: &mut Map<String, Value>, name: &str, ns: u64) {
    if ns > 0 {
        out.insert(name.to_owned(), ns.to_string().into());
    }
}
