//! OTLP values and span fields as text and JSON, as Jaeger and Loki write them. Pure.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

/// Beyond this a double is not surely whole, and JSON need not write it as such.
const WHOLE: f64 = 9_007_199_254_740_992.0;

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
    text_ref(kv).into_owned()
}

/// An attribute's value as text, without a copy where it is text already.
pub(crate) fn text_ref(kv: &KeyValue) -> Cow<'_, str> {
    match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(text)) => Cow::Borrowed(text),
        Some(other) => Cow::Owned(value_text(other)),
        None => Cow::Borrowed(""),
    }
}

/// A value as text: strings bare, lists and maps as JSON.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::StringValue(s) => s.clone(),
        Value::BoolValue(b) => b.to_string(),
        Value::IntValue(i) => i.to_string(),
        Value::DoubleValue(d) => float_text(*d),
        Value::BytesValue(b) => base64(b),
        other => escaped(&value_json(other).to_string()),
    }
}

/// JSON as Go writes it, which is safe to stand in a page. None of these characters is part of JSON itself.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            other => out.push(other),
        }
    }
    out
}

/// A value as JSON.
pub(crate) fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::StringValue(s) => s.as_str().into(),
        Value::BoolValue(b) => (*b).into(),
        Value::IntValue(i) => (*i).into(),
        Value::DoubleValue(d) if d.fract() == 0.0 && d.abs() < WHOLE => (*d as i64).into(),
        Value::DoubleValue(d) => {
            serde_json::Number::from_f64(*d).map_or_else(|| float_text(*d).into(), Into::into)
        }
        Value::BytesValue(b) => base64(b).into(),
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

/// A number as ECMAScript writes it, which is what the collector does.
fn float_text(d: f64) -> String {
    if d.is_infinite() {
        return if d > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if d == 0.0 || d.is_nan() || (1e-6..1e21).contains(&d.abs()) {
        return d.to_string();
    }
    let text = format!("{d:e}");
    if d.abs() < 1.0 { text } else { text.replacen('e', "e+", 1) }
}

/// Base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};

    #[test]
    fn values_are_written_as_the_collector_writes_them() {
        for (number, text) in [
            (1.0, "1"),
            (-0.25, "-0.25"),
            (1e-7, "1e-7"),
            (1.5e21, "1.5e+21"),
            (1e20, "100000000000000000000"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(value_text(&Value::DoubleValue(number)), text);
        }
        assert_eq!(value_json(&Value::DoubleValue(2.0)).to_string(), "2");
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(value_text(&Value::BytesValue(vec![0xff, 0xfe])), "//4=");
        let list =
            ArrayValue { values: vec![AnyValue { value: Some(Value::StringValue("<ä&>".to_owned())) }] };
        assert_eq!(value_text(&Value::ArrayValue(list)), r#"["\u003cä\u0026\u003e"]"#);
    }
}
