//! Spans as Jaeger's JSON model: tags with types, references, logs, processes. Pure.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

use super::model::{self, Shown, shown};
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

/// A trace as Jaeger writes it. It borrows from the spans: a search answers with tens of thousands of them.
#[derive(Debug, Serialize)]
pub(super) struct Trace<'a> {
    #[serde(rename = "traceID")]
    id: Option<String>,
    spans: Vec<Span<'a>>,
    processes: BTreeMap<String, Process<'a>>,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    id: String,
    operation_name: &'a str,
    references: Vec<Reference>,
    /// Both in microseconds.
    start_time: u64,
    duration: u64,
    tags: Vec<Tag<'a>>,
    logs: Vec<Log<'a>>,
    #[serde(rename = "processID")]
    process: String,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: &'static str,
    #[serde(rename = "traceID")]
    trace: String,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Debug, Serialize)]
struct Log<'a> {
    timestamp: u64,
    fields: Vec<Tag<'a>>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Process<'a> {
    service_name: &'a str,
    tags: Vec<Tag<'a>>,
}

/// One trace. `raw` leaves tags in the order and the place they came in.
pub(super) fn trace(spans: &[StoredSpan], raw: bool) -> Trace<'_> {
    let mut processes: Vec<Process<'_>> = Vec::new();
    let spans: Vec<Span<'_>> = shown(spans, raw)
        .into_iter()
        .map(|shown| {
            let (tags, process) = tags(shown.stored, raw);
            let process = Process { service_name: &shown.stored.origin.service, tags: process };
            let number = processes.iter().position(|p| *p == process).unwrap_or_else(|| {
                processes.push(process);
                processes.len() - 1
            });
            one(shown, tags, number + 1, raw)
        })
        .collect();
    let processes = processes.into_iter().enumerate().map(|(i, p)| (format!("p{}", i + 1), p)).collect();
    Trace { id: spans.first().map(|s| s.trace.clone()), spans, processes, warnings: None }
}

/// Jaeger leaves out the upper half of an id when it is zero.
pub(super) fn trace_id(id: &[u8]) -> String {
    let text = hex(id);
    match text.strip_prefix("0000000000000000") {
        Some(low) if low.len() == 16 => low.to_owned(),
        _ => text,
    }
}

fn one<'a>(shown: Shown<'a>, tags: Vec<Tag<'a>>, process: usize, raw: bool) -> Span<'a> {
    let span = &shown.stored.span;
    Span {
        trace: trace_id(&shown.stored.trace),
        id: format!("{:016x}", shown.id),
        operation_name: &span.name,
        references: shown.references.iter().map(reference).collect(),
        start_time: span.start_time_unix_nano / 1000,
        duration: shown.duration_ns() / 1000,
        tags,
        logs: span.events.iter().map(|event| log(event, raw)).collect(),
        process: format!("p{process}"),
        warnings: (!shown.warnings.is_empty()).then_some(shown.warnings),
    }
}

fn reference(of: &model::Reference) -> Reference {
    Reference {
        kind: if of.child_of { "CHILD_OF" } else { "FOLLOWS_FROM" },
        trace: trace_id(&of.trace),
        span: format!("{:016x}", of.span),
    }
}

fn log(event: &Event, raw: bool) -> Log<'_> {
    let named = event.attributes.iter().any(|kv| kv.key == "event");
    let name = (!event.name.is_empty() && !named).then(|| Tag::text("event", &event.name));
    let mut fields: Vec<Tag<'_>> = name.into_iter().chain(event.attributes.iter().map(Tag::of)).collect();
    if !raw {
        let is_event = |tag: &Tag<'_>| tag.key == "event" && matches!(tag.value, Typed::String(_));
        fields.sort_by(|a, b| is_event(b).cmp(&is_event(a)).then_with(|| a.order(b)));
    }
    Log { timestamp: event.time_unix_nano / 1000, fields }
}

/// The tags of a span and of its process.
fn tags(stored: &StoredSpan, raw: bool) -> (Vec<Tag<'_>>, Vec<Tag<'_>>) {
    let (span, scope) = (&stored.span, &stored.origin.scope);
    let told = |key, value| Some(Tag::text(key, value)).filter(|_| !value.is_empty());
    let mut tags = Vec::with_capacity(span.attributes.len() + 7);
    tags.extend(told("otel.scope.name", &scope.name));
    tags.extend(told("otel.scope.version", &scope.version));
    tags.extend(span.attributes.iter().map(Tag::of));
    tags.extend(told("span.kind", kind_name(span.kind).unwrap_or_default()));
    tags.extend(told("otel.status_code", status_name(span).unwrap_or_default()));
    if is_error(span) {
        tags.push(Tag { key: "error", value: Typed::Bool(true) });
    }
    tags.extend(told("otel.status_description", span.status.as_ref().map_or("", |s| &s.message)));
    tags.extend(told("w3c.tracestate", &span.trace_state));
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
    value: Typed<'a>,
}

#[derive(Debug)]
enum Typed<'a> {
    String(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Float(f64),
    Binary(&'a [u8]),
}

impl<'a> Tag<'a> {
    fn text(key: &'a str, value: &'a str) -> Self {
        Self { key, value: Typed::String(Cow::Borrowed(value)) }
    }

    fn of(kv: &'a KeyValue) -> Self {
        let value = match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
            Some(AnyValue::StringValue(text)) => Typed::String(Cow::Borrowed(text)),
            Some(AnyValue::BoolValue(b)) => Typed::Bool(*b),
            Some(AnyValue::IntValue(i)) => Typed::Int(*i),
            Some(AnyValue::DoubleValue(d)) => Typed::Float(*d),
            Some(AnyValue::BytesValue(b)) => Typed::Binary(b),
            Some(other) => Typed::String(Cow::Owned(value_text(other))),
            None => Typed::String(Cow::Borrowed("")),
        };
        Self { key: &kv.key, value }
    }

    /// By key, then by type, then by value.
    fn order(&self, other: &Self) -> Ordering {
        let rank = |value: &Typed<'_>| match value {
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
            self.value = Typed::String(Cow::Owned(Ipv4Addr::from(number).to_string()));
        }
    }
}

impl PartialEq for Tag<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }
}

impl Serialize for Tag<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, value) = self.value.written();
        let mut tag = serializer.serialize_struct("Tag", 3)?;
        tag.serialize_field("key", self.key)?;
        tag.serialize_field("type", kind)?;
        tag.serialize_field("value", &value)?;
        tag.end()
    }
}

/// A value as JSON has it.
#[derive(Serialize)]
#[serde(untagged)]
enum Written<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Float(f64),
}

impl Typed<'_> {
    /// The name of the type, and the value.
    fn written(&self) -> (&'static str, Written<'_>) {
        match self {
            Self::String(text) => ("string", Written::Text(Cow::Borrowed(text))),
            Self::Bool(b) => ("bool", Written::Bool(*b)),
            Self::Int(i) if i.unsigned_abs() > SAFE as u64 => ("int64", Written::Text(i.to_string().into())),
            Self::Int(i) => ("int64", Written::Int(*i)),
            // JSON has no words for the others.
            Self::Float(f) if f.is_finite() => ("float64", Written::Float(*f)),
            Self::Float(f) => ("string", Written::Text(value_text(&AnyValue::DoubleValue(*f)).into())),
            Self::Binary(bytes) => ("binary", Written::Text(base64(bytes).into())),
        }
    }
}
