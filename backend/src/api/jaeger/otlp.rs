//! Spans as OTLP's JSON, as the third version of the API answers them: what is empty is left out, ids are hex, times are
//! text. Warnings stand in an attribute. Pure; how it is written is in [`write`].

mod write;

use std::borrow::Cow;
use std::net::Ipv4Addr;

use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span;

use super::json::LIBRARY;
use super::model::{id, part_shared_ids, repaired_end};
use super::skew;
use crate::store::spans::{OriginRead, StoredSpan, hex, text};
use write::{Attributes, Entity, Event, Link, ResourceSpans, ScopeSpans, Span, Status};

/// Where Jaeger puts what it has to say about a span.
const WARNINGS: &str = "@jaeger@warnings";

/// The spans of one trace, grouped by resource and scope.
pub(super) fn resource_spans(spans: &[StoredSpan], raw: bool) -> Vec<ResourceSpans<'_>> {
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
    groups.into_iter().map(|group| group.written(raw)).collect()
}

/// The spans of one resource.
struct Group<'a> {
    of: &'a OriginRead,
    /// Attributes of its spans that tell of the resource.
    moved: Vec<&'a KeyValue>,
    scopes: Vec<(&'a InstrumentationScope, Vec<Span<'a>>)>,
}

impl<'a> Group<'a> {
    fn written(self, raw: bool) -> ResourceSpans<'a> {
        let scope_spans =
            self.scopes.into_iter().map(|(of, spans)| ScopeSpans { scope: scope(of, raw), spans }).collect();
        ResourceSpans { resource: resource(self.of, &self.moved, raw), scope_spans }
    }
}

fn resource<'a>(of: &'a OriginRead, moved: &[&'a KeyValue], raw: bool) -> Entity<'a> {
    let OriginRead { resource, service, .. } = of;
    let mut attributes: Vec<Cow<'a, KeyValue>> = resource.attributes.iter().map(Cow::Borrowed).collect();
    let named = Cow::Owned(string("service.name", service));
    // A resource that names no service has been given a name.
    match attributes.iter_mut().find(|kv| kv.key == "service.name") {
        Some(own) if text(own) != *service => *own = named,
        None => attributes.push(named),
        Some(_) => {}
    }
    attributes.extend(moved.iter().map(|kv| Cow::Borrowed(*kv)));
    if !raw {
        attributes.iter_mut().for_each(spell_address);
    }
    Entity {
        name: "",
        version: "",
        attributes: list(attributes, raw),
        dropped_attributes_count: resource.dropped_attributes_count,
    }
}

fn scope(scope: &InstrumentationScope, raw: bool) -> Entity<'_> {
    Entity {
        name: &scope.name,
        version: &scope.version,
        attributes: list(scope.attributes.iter().map(Cow::Borrowed).collect(), raw),
        dropped_attributes_count: scope.dropped_attributes_count,
    }
}

fn span<'a>(
    stored: &'a StoredSpan,
    (own, parent, kind): (u64, u64, i32),
    skew: Vec<String>,
    raw: bool,
    moved: &mut Vec<&'a KeyValue>,
) -> Span<'a> {
    let span = &stored.span;
    let (end_ns, repaired) = repaired_end(span.start_time_unix_nano, span.end_time_unix_nano);
    let mut warnings: Vec<String> = repaired.into_iter().chain(skew).collect();
    let mut attributes: Vec<Cow<'a, KeyValue>> = Vec::with_capacity(span.attributes.len() + 1);
    for kv in &span.attributes {
        if raw || !LIBRARY.contains(&kv.key.as_str()) {
            attributes.push(Cow::Borrowed(kv));
            continue;
        }
        let own = stored.origin.resource.attributes.iter().find(|own| own.key == kv.key);
        match own.or_else(|| moved.iter().copied().find(|moved| moved.key == kv.key)) {
            Some(told) if told.value == kv.value => {}
            Some(_) => {
                let what = "conflicting values between Span and Resource for attribute";
                warnings.push(format!("{what} {}", kv.key));
                attributes.push(Cow::Borrowed(kv));
            }
            None => moved.push(kv),
        }
    }
    if !raw {
        attributes.iter_mut().for_each(spell_address);
    }
    let is_valid = |link: &&span::Link| raw || link.trace_id.iter().any(|b| *b != 0);
    let links: Vec<Link<'_>> = span.links.iter().filter(is_valid).map(|l| link(l, raw)).collect();
    warnings.extend((links.len()..span.links.len()).map(|_| "Invalid span link removed".to_owned()));
    if !warnings.is_empty() {
        attributes.push(Cow::Owned(warned(&warnings)));
    }
    let mut events: Vec<&span::Event> = span.events.iter().collect();
    if !raw {
        events.sort_by(|a, b| a.name.cmp(&b.name));
    }
    let status = span.status.as_ref();
    Span {
        trace_id: hex(&stored.trace),
        span_id: format!("{own:016x}"),
        trace_state: &span.trace_state,
        parent_span_id: if parent == 0 { String::new() } else { format!("{parent:016x}") },
        flags: span.flags,
        name: &span.name,
        kind: u32::try_from(kind).unwrap_or_default(),
        start_time_unix_nano: span.start_time_unix_nano,
        end_time_unix_nano: end_ns,
        attributes: list(attributes, raw),
        dropped_attributes_count: span.dropped_attributes_count,
        events: events.into_iter().map(|e| event(e, raw)).collect(),
        dropped_events_count: span.dropped_events_count,
        links,
        dropped_links_count: span.dropped_links_count,
        status: Status {
            message: status.map_or("", |s| &s.message),
            code: status.map_or(0, |s| u32::try_from(s.code).unwrap_or_default()),
        },
    }
}

fn event(event: &span::Event, raw: bool) -> Event<'_> {
    Event {
        time_unix_nano: event.time_unix_nano,
        name: &event.name,
        attributes: list(event.attributes.iter().map(Cow::Borrowed).collect(), raw),
        dropped_attributes_count: event.dropped_attributes_count,
    }
}

fn link(link: &span::Link, raw: bool) -> Link<'_> {
    // An id of zeros is none.
    let id = |bytes: &[u8]| if bytes.iter().all(|b| *b == 0) { String::new() } else { hex(bytes) };
    Link {
        trace_id: id(&link.trace_id),
        span_id: id(&link.span_id),
        trace_state: &link.trace_state,
        attributes: list(link.attributes.iter().map(Cow::Borrowed).collect(), raw),
        dropped_attributes_count: link.dropped_attributes_count,
        flags: link.flags,
    }
}

/// Attributes, sorted by key unless they are wanted raw.
fn list(mut attributes: Vec<Cow<'_, KeyValue>>, raw: bool) -> Attributes<'_> {
    if !raw {
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
    Attributes(attributes)
}

/// Some clients send an IPv4 address as a number.
fn spell_address(kv: &mut Cow<'_, KeyValue>) {
    let number = match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(AnyValue::IntValue(i)) => *i as u32,
        Some(AnyValue::DoubleValue(d)) => *d as u32,
        _ => return,
    };
    if matches!(kv.key.as_str(), "ip" | "peer.ipv4") {
        *kv = Cow::Owned(string(&kv.key, &Ipv4Addr::from(number).to_string()));
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
