//! Traces as the API gives them.

use crate::{SpanId, TraceId};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// One service calling another (or itself).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Who calls.
    pub parent: String,
    /// Who is called.
    pub child: String,
    /// How often, in the window that was asked for.
    pub call_count: u64,
}

/// The stored spans of one trace, in no order.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The trace.
    #[serde(rename = "traceID")]
    pub trace_id: TraceId,
    /// Its spans.
    pub spans: Vec<Span>,
    /// What wrote them, by [`Span::process_id`].
    #[serde(default)]
    pub processes: BTreeMap<String, Process>,
    /// What the server found odd about the trace.
    #[serde(default, deserialize_with = "or_empty")]
    pub warnings: Vec<String>,
}

/// A span.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Its trace.
    #[serde(rename = "traceID")]
    pub trace_id: TraceId,
    /// Its id, unique within the trace.
    #[serde(rename = "spanID")]
    pub span_id: SpanId,
    /// Its name.
    pub operation_name: String,
    /// Its parent and its links.
    #[serde(default, deserialize_with = "or_empty")]
    pub references: Vec<Reference>,
    /// When it began, in microseconds since 1970.
    #[serde(rename = "startTime")]
    pub start_us: u64,
    /// How long it took, in microseconds.
    #[serde(rename = "duration")]
    pub duration_us: u64,
    /// Its attributes, its kind and its status.
    #[serde(default, deserialize_with = "or_empty")]
    pub tags: Vec<Tag>,
    /// Its events.
    #[serde(default, deserialize_with = "or_empty")]
    pub logs: Vec<SpanLog>,
    /// The key of its process in [`Trace::processes`].
    #[serde(rename = "processID", default)]
    pub process_id: String,
    /// What the server found odd about it.
    #[serde(default, deserialize_with = "or_empty")]
    pub warnings: Vec<String>,
}

impl Span {
    /// The tag of this name.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&TagValue> {
        self.tags.iter().find(|tag| tag.key == key).map(|tag| &tag.value)
    }

    /// The tag of this name as text.
    #[must_use]
    pub fn tag_text(&self, key: &str) -> Option<String> {
        self.tag(key).map(TagValue::to_string)
    }

    /// When it ended, in microseconds since 1970.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        self.start_us.saturating_add(self.duration_us)
    }
}

/// From one span to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Reference {
    /// What the other span is to this one.
    #[serde(rename = "refType")]
    pub kind: ReferenceKind,
    /// The other span's trace.
    #[serde(rename = "traceID")]
    pub trace_id: TraceId,
    /// The other span.
    #[serde(rename = "spanID")]
    pub span_id: SpanId,
}

/// What the referenced span is to the referencing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReferenceKind {
    /// The parent.
    ChildOf,
    /// A link.
    FollowsFrom,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "WireTag")]
pub struct Tag {
    /// The name.
    pub key: String,
    /// The value.
    pub value: TagValue,
}

/// The value of a tag.
#[derive(Debug, Clone, PartialEq)]
pub enum TagValue {
    /// `string`; lists come as their JSON.
    String(String),
    /// `bool`
    Bool(bool),
    /// `int64`
    Int(i64),
    /// `float64`
    Float(f64),
    /// `binary`, as the base64 it came in.
    Binary(String),
}

/// The value alone, without quotes.
impl fmt::Display for TagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) | Self::Binary(text) => f.write_str(text),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
        }
    }
}

#[derive(Deserialize)]
struct WireTag {
    key: String,
    #[serde(rename = "type", default)]
    kind: String,
    value: Value,
}

impl TryFrom<WireTag> for Tag {
    type Error = String;

    fn try_from(tag: WireTag) -> Result<Self, String> {
        let WireTag { key, kind, value } = tag;
        let value = match (kind.as_str(), value) {
            ("binary", Value::String(text)) => TagValue::Binary(text),
            // Integers that JavaScript cannot hold come as strings.
            ("int64", Value::String(text)) => {
                TagValue::Int(text.parse().map_err(|_| format!("tag {key}: not an int64: {text:?}"))?)
            }
            ("float64", Value::Number(number)) => TagValue::Float(number.as_f64().unwrap_or(f64::NAN)),
            (_, Value::String(text)) => TagValue::String(text),
            (_, Value::Bool(value)) => TagValue::Bool(value),
            (_, Value::Number(number)) => match number.as_i64() {
                Some(int) => TagValue::Int(int),
                None => TagValue::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            (_, other) => TagValue::String(other.to_string()),
        };
        Ok(Self { key, value })
    }
}

/// An event within a span.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SpanLog {
    /// When, in microseconds since 1970.
    #[serde(rename = "timestamp")]
    pub time_us: u64,
    /// What; the event's name is the field `event`.
    #[serde(default, deserialize_with = "or_empty")]
    pub fields: Vec<Tag>,
}

/// What wrote a span.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// The service.
    pub service_name: String,
    /// The rest of its resource.
    #[serde(default, deserialize_with = "or_empty")]
    pub tags: Vec<Tag>,
}

/// Go writes an empty list as `null`.
fn or_empty<'de, T: de::DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}
