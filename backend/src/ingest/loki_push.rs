//! Loki's push API: JSON, and snappy-compressed protobuf. Both become the same streams as OTLP logs do.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::body::{self, BodyError};
use super::logs::{Streams, push};
use super::names::metadata_name;
use super::{count_bad, weight};
use crate::Backend;
use crate::labels::Labels;
use crate::logql;
use crate::stats::add;
use crate::store::Busy;
use crate::store::batch::Batch;

/// Labels that may name the service when `service_name` is missing; Loki's default list.
const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];
/// Loki's default bounds on a stream.
const MAX_LABELS: usize = 15;
/// Longest text of one stream's labels: as many as there may be, each as long as Loki lets it be.
const MAX_LABELS_BYTES: usize = 64 << 10;
const MAX_LINE: usize = 256 << 10;

/// Why a push was refused: a status and Loki's plain text.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge(_) | BodyError::TooMuch(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            BodyError::Encoding(_) | BodyError::Malformed(_) => StatusCode::BAD_REQUEST,
        };
        Self(status, error.to_string())
    }
}

/// `POST /loki/api/v1/push`.
pub(crate) async fn handle(State(backend): State<Arc<Backend>>, headers: HeaderMap, body: Body) -> Response {
    let limits = &backend.config.limits;
    let limit = limits.body_bytes;
    let taken = async {
        // Protobuf comes snappy-compressed always, and some clients name that as the content encoding too.
        let raw = match headers.get(http::header::CONTENT_ENCODING) {
            Some(encoding) if encoding == "snappy" => body::read_raw(&backend.bodies, body, limit).await?,
            _ => body::read(&backend.bodies, &headers, body, limit).await?,
        };
        let content_type =
            headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let is_json = content_type.split(';').next().is_some_and(|t| t.trim() == "application/json");
        let mut raw = if is_json { raw } else { body::unsnappy(raw).await? };
        let weigh = if is_json { weight::of_json } else { weight::of_protobuf };
        raw.decodes_to(weigh(&weight::shapes::PUSH, raw.as_ref(), limits.decoded_bytes)?)?;
        let pushed = if is_json { from_json(raw.as_ref()) } else { from_protobuf(raw.as_ref()) };
        pushed
            .and_then(|p| lay_out(p, &backend.config.indexed_metadata))
            .map_err(|e| Refusal(StatusCode::BAD_REQUEST, e))
    }
    .await;
    let batch = match taken {
        Ok(batch) => batch,
        Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, message)) => {
            add(&backend.stats.logs.busy_requests, 1);
            return refuse_for_now(StatusCode::SERVICE_UNAVAILABLE, message);
        }
        Err(Refusal(status, message)) => {
            count_bad(&backend.stats.logs.bad_requests);
            return (status, message).into_response();
        }
    };
    match backend.store.push(batch) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(busy) => {
            add(&backend.stats.logs.busy_requests, 1);
            // Loki's clients try again after a 429 whatever is short; a store that has stopped needs its operator.
            let status = match busy {
                Busy::QueueFull | Busy::DiskFull => StatusCode::TOO_MANY_REQUESTS,
                Busy::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            };
            refuse_for_now(status, busy.to_string())
        }
    }
}

fn refuse_for_now(status: StatusCode, message: String) -> Response {
    (status, [("retry-after", "1")], message).into_response()
}

/// A push, whatever way it came.
#[derive(Debug, Default)]
pub(crate) struct Push(Vec<(Labels, Vec<PushEntry>)>);

type PushEntry = (i64, String, Vec<(String, String)>);

#[derive(Deserialize)]
struct JsonPush {
    streams: Vec<JsonStream>,
}

#[derive(Deserialize)]
struct JsonStream {
    #[serde(default)]
    stream: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<JsonValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonValue {
    Bare(String, String),
    WithMetadata(String, String, BTreeMap<String, String>),
}

/// Reads the JSON form.
///
/// # Errors
/// What is wrong, in one line.
pub(crate) fn from_json(bytes: &[u8]) -> Result<Push, String> {
    let push: JsonPush =
        serde_json::from_slice(bytes).map_err(|e| format!("the push body is not valid: {e}"))?;
    let mut streams = Vec::with_capacity(push.streams.len());
    for stream in push.streams {
        let mut entries = Vec::with_capacity(stream.values.len());
        for value in stream.values {
            let (ts, line, metadata) = match value {
                JsonValue::Bare(ts, line) => (ts, line, BTreeMap::new()),
                JsonValue::WithMetadata(ts, line, metadata) => (ts, line, metadata),
            };
            let ts =
                ts.parse().map_err(|_| format!("the timestamp {ts:?} is not a number of nanoseconds"))?;
            entries.push((ts, line, metadata.into_iter().collect()));
        }
        streams.push((check(Labels::new(stream.stream))?, entries));
    }
    Ok(Push(streams))
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoPush {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<ProtoStream>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoStream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<ProtoEntry>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoEntry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<ProtoTime>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    structured_metadata: Vec<ProtoPair>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoTime {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProtoPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Reads the protobuf form, after decompression.
///
/// # Errors
/// What is wrong, in one line.
pub(crate) fn from_protobuf(bytes: &[u8]) -> Result<Push, String> {
    let push: ProtoPush =
        prost::Message::decode(bytes).map_err(|e| format!("the push body is not valid: {e}"))?;
    let mut streams = Vec::with_capacity(push.streams.len());
    for stream in push.streams {
        if stream.labels.len() > MAX_LABELS_BYTES {
            return Err(format!("the labels of a stream are longer than {MAX_LABELS_BYTES} bytes"));
        }
        let labels = check(logql::parse_labels(&stream.labels).map_err(|e| e.to_string())?)?;
        let entries = stream
            .entries
            .into_iter()
            .map(|entry| {
                let time = entry.timestamp.unwrap_or_default();
                let ts = time.seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(time.nanos));
                let metadata = entry.structured_metadata.into_iter().map(|p| (p.name, p.value)).collect();
                (ts, entry.line, metadata)
            })
            .collect();
        streams.push((labels, entries));
    }
    Ok(Push(streams))
}

/// Checks a push by Loki's rules and lays it out.
fn lay_out(push_request: Push, indexed: &[String]) -> Result<Batch, String> {
    let mut batch = Batch::default();
    let mut streams = Streams::default();
    for (labels, entries) in push_request.0 {
        let labels = with_service_name(labels);
        let stream = streams.id(&mut batch, &labels);
        for (ts, line, mut metadata) in entries {
            for (name, _) in &mut metadata {
                // Loki answers 500, upon which clients would send it again and again.
                *name = metadata_name(name).ok_or_else(|| {
                    format!("structured metadata cannot be named {name:?}: it needs a letter or a digit")
                })?;
            }
            if line.len() > MAX_LINE {
                return Err(format!("max entry size {MAX_LINE} bytes exceeded for stream '{labels}'"));
            }
            push(&mut batch, (stream, &labels), ts, &line, metadata, indexed);
        }
    }
    Ok(batch)
}

/// Checks a stream's labels by Loki's rules.
fn check(labels: Labels) -> Result<Labels, String> {
    if labels.is_empty() {
        return Err("error at least one label pair is required per stream".to_owned());
    }
    if labels.iter().count() > MAX_LABELS {
        return Err(format!("entry for stream '{labels}' has more than {MAX_LABELS} label names"));
    }
    if let Some((name, _)) = labels.iter().find(|(k, _)| !is_label_name(k)) {
        return Err(format!("stream '{labels}' has the invalid label name {name:?}"));
    }
    Ok(labels)
}

fn with_service_name(labels: Labels) -> Labels {
    if !labels.get("service_name").is_empty() {
        return labels;
    }
    let name =
        SERVICE_LABELS.iter().map(|l| labels.get(l)).find(|v| !v.is_empty()).unwrap_or("unknown_service");
    labels.with("service_name", name)
}

fn is_label_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_make_the_push_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,200}") {
            let _ = from_protobuf(&bytes);
            let _ = from_json(&bytes);
            let _ = from_json(format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["{text}","x"]]}}]}}"#).as_bytes());
        }
    }

    #[test]
    fn an_entry_may_carry_metadata_or_none() {
        let push =
            from_json(br#"{"streams":[{"stream":{"a":"b"},"values":[["1","x"],["2","y",{"k":"v"}]]}]}"#)
                .expect("valid");
        assert_eq!(push.0[0].1[1], (2, "y".to_owned(), vec![("k".to_owned(), "v".to_owned())]));
    }
}
