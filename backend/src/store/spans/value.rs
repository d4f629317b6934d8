//! OTLP values and span fields as text and JSON, as Jaeger and Loki write them. Pure.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

/// Whether the span's status is an error.
pub(crate) fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|s| s.code == 2)
}

/// The status as Jaeger writes it; `None` while unset.
pub(crate) fn status_name(span: &Span) -> Option<&'static str> {
    match span.status.as_ref().map(|s| s.code) {
        Some(1) => Some("OK"),
        Some(2) => Some("ERROR"),
        _ => None,
    }
}

/// The span kind as Jaeger writes it.
pub(crate) fn kind_name(kind: i32) -> Option<&'static str> {
    match kind {
        1 => Some("internal"),
        2 => Some("server"),
        3 => Some("client"),
        4 => Some("producer"),
        5 => Some("consumer"),
        _ => None,
    }
}

/// An attribute's value as text.
pub(crate) fn text(kv: &KeyValue) -> String {
    kv.value.as_ref().and_then(|v| v.value.as_ref()).map(value_text).unwrap_or_default()
}

/// A value as text: strings bare, lists and maps as JSON.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::StringValue(s) => s.clone(),
        Value::BoolValue(b) => b.to_string(),
        Value::IntValue(i) => i.to_string(),
        Value::DoubleValue(d) => d.to_string(),
        other => value_json(other).to_string(),
    }
}

/// A value as JSON.
pub(crate) fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::StringValue(s) => s.as_str().into(),
        Value::BoolValue(b) => (*b).into(),
        Value::IntValue(i) => (*i).into(),
        Value::DoubleValue(d) => {
            serde_json::Number::from_f64(*d).map_or_else(|| d.to_string().into(), Into::into)
        }
        Value::BytesValue(b) => hex(b).into(),
        Value::ArrayValue(list) => {
            list.values.iter().map(|v| v.value.as_ref().map_or(serde_json::Value::Null, value_json)).collect()
        }
        Value::KvlistValue(map) => serde_json::Value::Object(
            map.values
                .iter()
                .map(|kv| {
                    let value = kv.value.as_ref().and_then(|v| v.value.as_ref());
                    (kv.key.clone(), value.map_or(serde_json::Value::Null, value_json))
                })
                .collect(),
        ),
        _ => serde_json::Value::Null,
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}
