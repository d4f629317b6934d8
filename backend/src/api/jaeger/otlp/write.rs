//! The messages of OTLP's JSON as they are written: names in camel case, nothing that is empty, whole numbers of 64 bits as text.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use crate::store::spans::base64;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ResourceSpans<'a> {
    pub(super) resource: Entity<'a>,
    pub(super) scope_spans: Vec<ScopeSpans<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct ScopeSpans<'a> {
    pub(super) scope: Entity<'a>,
    pub(super) spans: Vec<Span<'a>>,
}

/// A scope, or a resource, which has no name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entity<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) version: &'a str,
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    pub(super) attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) dropped_attributes_count: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span<'a> {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) trace_state: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) parent_span_id: String,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) flags: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) kind: u32,
    #[serde(skip_serializing_if = "is_never", serialize_with = "as_text")]
    pub(super) start_time_unix_nano: u64,
    #[serde(skip_serializing_if = "is_never", serialize_with = "as_text")]
    pub(super) end_time_unix_nano: u64,
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    pub(super) attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) dropped_attributes_count: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<Event<'a>>,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) dropped_events_count: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) links: Vec<Link<'a>>,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) dropped_links_count: u32,
    pub(super) status: Status<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(skip_serializing_if = "is_never", serialize_with = "as_text")]
    pub(super) time_unix_nano: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    pub(super) attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) dropped_attributes_count: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link<'a> {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) trace_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) span_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) trace_state: &'a str,
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    pub(super) attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) dropped_attributes_count: u32,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) flags: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Status<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) message: &'a str,
    #[serde(skip_serializing_if = "is_none")]
    pub(super) code: u32,
}

#[derive(Debug)]
pub(super) struct Attributes<'a>(pub(super) Vec<Cow<'a, KeyValue>>);

impl Attributes<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|kv| Pair(kv)))
    }
}

struct Pair<'a>(&'a KeyValue);

impl Serialize for Pair<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_map(Some(2))?;
        pair.serialize_entry("key", &self.0.key)?;
        pair.serialize_entry("value", &Any(self.0.value.as_ref().and_then(|v| v.value.as_ref())))?;
        pair.end()
    }
}

/// A value under the name of its type; nothing where there is none.
struct Any<'a>(Option<&'a AnyValue>);

impl Serialize for Any<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut any = serializer.serialize_map(None)?;
        match self.0 {
            Some(AnyValue::StringValue(text)) => any.serialize_entry("stringValue", text)?,
            Some(AnyValue::BoolValue(b)) => any.serialize_entry("boolValue", b)?,
            Some(AnyValue::IntValue(i)) => any.serialize_entry("intValue", &format_args!("{i}"))?,
            Some(AnyValue::DoubleValue(d)) if d.is_finite() => any.serialize_entry("doubleValue", d)?,
            Some(AnyValue::DoubleValue(d)) => {
                let name = if d.is_nan() {
                    "NaN"
                } else if *d > 0.0 {
                    "Infinity"
                } else {
                    "-Infinity"
                };
                any.serialize_entry("doubleValue", name)?;
            }
            Some(AnyValue::BytesValue(bytes)) => any.serialize_entry("bytesValue", &base64(bytes))?,
            Some(AnyValue::ArrayValue(list)) => {
                let values = list.values.iter().map(|v| Any(v.value.as_ref())).collect();
                any.serialize_entry("arrayValue", &Several { values })?;
            }
            Some(AnyValue::KvlistValue(map)) => {
                any.serialize_entry(
                    "kvlistValue",
                    &Several { values: map.values.iter().map(Pair).collect() },
                )?;
            }
            _ => {}
        }
        any.end()
    }
}

#[derive(Serialize)]
struct Several<T> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<T>,
}

fn is_none(count: &u32) -> bool {
    *count == 0
}

fn is_never(time: &u64) -> bool {
    *time == 0
}

fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
