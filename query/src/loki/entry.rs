//! One log line with everything that is known of it.
//!
//! Lines come in two shapes: over OTLP the message is the line and the fields are structured metadata; by a Loki push
//! of `tracing` events the line is a JSON object that holds both. [`LogEntry`] hides the difference.

use crate::{Labels, SpanId, TraceId, UnixNanos};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A log line.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// When it was written.
    pub time: UnixNanos,
    /// The line as it was stored.
    pub line: String,
    /// The labels of its stream. A server that cannot tell them apart puts the metadata here too.
    pub labels: Labels,
    /// Structured metadata, and the fields of a line that is a JSON object.
    pub metadata: Labels,
}

/// Not a field of the event: how it came here, or what has a place of its own.
const PLUMBING: [&str; 19] = [
    "correlation_id",
    "deployment_environment_name",
    "detected_level",
    "flags",
    "host_name",
    "level",
    "message",
    "observed_timestamp",
    "process_pid",
    "scope_name",
    "scope_version",
    "service_instance_id",
    "service_name",
    "service_namespace",
    "service_version",
    "severity_number",
    "severity_text",
    "span_id",
    "trace_id",
];

impl LogEntry {
    /// A field by name: of the metadata, else of the labels.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).or_else(|| self.labels.get(name)).map(String::as_str)
    }

    /// What the line says, without its fields.
    #[must_use]
    pub fn message(&self) -> &str {
        self.metadata.get("message").map_or(&self.line, String::as_str)
    }

    /// The service that wrote it, or nothing.
    #[must_use]
    pub fn service(&self) -> &str {
        self.field("service_name").unwrap_or_default()
    }

    /// The level in capitals (`INFO`), or nothing if none was given.
    #[must_use]
    pub fn level(&self) -> String {
        let level =
            ["severity_text", "level", "detected_level"].into_iter().find_map(|name| self.field(name));
        level.unwrap_or_default().to_ascii_uppercase()
    }

    /// The trace it was written in.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        self.field("trace_id")?.parse().ok()
    }

    /// The span it was written in.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        self.field("span_id")?.parse().ok()
    }

    /// The correlation id it carries.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.field("correlation_id")
    }

    /// The fields of the event itself, in order of their names: no ids, no resource, no transport.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let shown = |name: &str| {
            PLUMBING.binary_search(&name).is_err()
                && !["telemetry_", "code_", "thread_", "__", "_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
        };
        let pairs = self.metadata.iter().filter(move |(name, _)| shown(name));
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[derive(Deserialize)]
struct Stream {
    stream: Labels,
    values: Vec<Line>,
}

#[derive(Deserialize)]
struct Line(String, String, #[serde(default)] Categories);

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Categories {
    structured_metadata: Labels,
    parsed: Labels,
}

/// The lines of all streams, in the order they came.
pub(super) fn parse(mut body: Value) -> Result<Vec<LogEntry>, String> {
    let result = body.pointer_mut("/data/result").map(Value::take).ok_or("there is no `data.result`")?;
    let streams: Vec<Stream> =
        serde_json::from_value(result).map_err(|e| format!("in `data.result`: {e}"))?;
    let mut entries = Vec::new();
    for Stream { stream, values } in streams {
        for Line(time, line, categories) in values {
            let time =
                time.parse().map(UnixNanos).map_err(|_| format!("not a time in nanoseconds: {time:?}"))?;
            let mut metadata = categories.structured_metadata;
            metadata.extend(categories.parsed);
            let mut labels = stream.clone();
            if metadata.is_empty()
                && (labels.contains_key("trace_id") || labels.contains_key("severity_number"))
            {
                // Not categorised: what describes the stream is known by name, all else is the line's.
                labels.retain(|name, value| {
                    let of_stream = name.starts_with("service_") || name.starts_with("deployment_");
                    if !of_stream {
                        metadata.insert(name.clone(), std::mem::take(value));
                    }
                    of_stream
                });
            }
            if line.starts_with('{')
                && let Ok(object) = serde_json::from_str::<Map<String, Value>>(&line)
            {
                for (name, value) in object {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    metadata.entry(name.replace('.', "_")).or_insert(text);
                }
            }
            entries.push(LogEntry { time, line, labels, metadata });
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(stream: &Value, value: &Value) -> LogEntry {
        let body = json!({"status": "success", "data": {"resultType": "streams", "result": [{"stream": stream, "values": [value]}]}});
        parse(body).unwrap().remove(0)
    }

    #[test]
    fn the_plumbing_list_is_sorted_for_its_search() {
        assert!(PLUMBING.is_sorted());
    }

    #[test]
    fn fields_are_the_same_whichever_way_a_line_came() {
        let metadata = json!({"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "severity_text": "WARN",
            "severity_number": "13", "scope_name": "x", "correlation_id": "c-1", "http_route": "/users/{id}"});
        let categorised = one(
            &json!({"service_name": "user-service"}),
            &json!(["1700000000000000001", "request", {"structuredMetadata": metadata}]),
        );
        let mut flat = metadata;
        flat["service_name"] = json!("user-service");
        let flattened = one(&flat, &json!(["1700000000000000001", "request"]));
        let line = r#"{"message":"request","http.route":"/users/{id}","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","correlation_id":"c-1","_spans":[]}"#;
        let pushed = one(
            &json!({"service_name": "user-service", "level": "warn"}),
            &json!(["1700000000000000001", line]),
        );
        for entry in [categorised, flattened, pushed] {
            assert_eq!(entry.time.0, 1_700_000_000_000_000_001);
            assert_eq!(
                (entry.message(), entry.service(), entry.level().as_str()),
                ("request", "user-service", "WARN")
            );
            assert_eq!(entry.trace_id().unwrap().to_string(), "0af7651916cd43dd8448eb211c80319c");
            assert_eq!(entry.span_id().unwrap().to_string(), "b7ad6b7169203331");
            assert_eq!(entry.correlation_id(), Some("c-1"));
            assert_eq!(entry.fields().collect::<Vec<_>>(), [("http_route", "/users/{id}")]);
        }
    }

    #[test]
    fn a_line_that_only_looks_like_json_stays_a_line() {
        let entry = one(&json!({"service_name": "a"}), &json!(["1", "{not json"]));
        assert_eq!(entry.message(), "{not json");
        assert_eq!(entry.level(), "");
    }
}
