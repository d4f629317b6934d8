//! OTLP over HTTP: protobuf and JSON, gzip or plain, answers and errors as the specification has them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use prost::Message as _;

use super::body::{self, BodyError};
use super::count_bad;
use super::otlp::{Logs, Metrics, Otlp, Traces};
use super::weight;
use crate::Backend;
use crate::stats::add;
use crate::store::Busy;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The three signals' paths.
pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    Router::new()
        .route("/v1/traces", post(export::<Traces>))
        .route("/v1/logs", post(export::<Logs>))
        .route("/v1/metrics", post(export::<Metrics>))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(backend)
}

/// Of logs, also mounted on the Loki listener at `/otlp/v1/logs`.
pub(crate) async fn export<S: Otlp>(
    State(backend): State<Arc<Backend>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let counts = S::counts(&backend);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let is_json = match content_type.split(';').next().unwrap_or("").trim() {
        "application/json" => true,
        "application/x-protobuf" | "application/protobuf" => false,
        _ => {
            count_bad(&counts.bad_requests);
            let message = format!("unsupported media type, supported: [{JSON}, {PROTOBUF}]");
            return (StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into_response();
        }
    };
    let decoded = async {
        let limits = &backend.config.limits;
        let mut bytes = body::read(&backend.bodies, &headers, body, limits.body_bytes).await?;
        let weigh = if is_json { weight::of_json } else { weight::of_protobuf };
        bytes.decodes_to(weigh(S::SHAPE, bytes.as_ref(), limits.decoded_bytes)?)?;
        let request = if is_json {
            serde_json::from_slice::<S::Request>(bytes.as_ref())
                .map_err(|e| BodyError::Malformed(e.to_string()))
        } else {
            S::Request::decode(bytes.as_ref()).map_err(|e| BodyError::Malformed(e.to_string()))
        };
        Ok((request?, bytes))
    };
    match decoded.await {
        // The bytes are counted until the request has been taken.
        Ok((request, _bytes)) => match S::take(&backend, request) {
            Ok(answer) => answer_with(StatusCode::OK, is_json, &answer),
            Err(busy) => {
                let status = match busy {
                    Busy::QueueFull => StatusCode::TOO_MANY_REQUESTS,
                    Busy::DiskFull | Busy::Stopped => StatusCode::SERVICE_UNAVAILABLE,
                };
                refuse_for_now(status, is_json, busy.to_string())
            }
        },
        Err(error @ BodyError::TooMany) => {
            add(&counts.busy_requests, 1);
            refuse_for_now(StatusCode::SERVICE_UNAVAILABLE, is_json, error.to_string())
        }
        Err(error) => {
            count_bad(&counts.bad_requests);
            let (status, code) = match error {
                BodyError::TooLarge(_) | BodyError::TooMuch(_) => (StatusCode::PAYLOAD_TOO_LARGE, 8),
                BodyError::TooMany => (StatusCode::SERVICE_UNAVAILABLE, 14),
                BodyError::Encoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 3),
                BodyError::Malformed(_) => (StatusCode::BAD_REQUEST, 3),
            };
            refuse(status, is_json, code, error.to_string())
        }
    }
}

/// `google.rpc.Status`, the body of every OTLP/HTTP error.
#[derive(Clone, PartialEq, prost::Message, serde::Serialize)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn refuse(status: StatusCode, is_json: bool, code: i32, message: String) -> Response {
    answer_with(status, is_json, &Status { code, message })
}

/// Both 429 and 503 may be retried by the specification; `Retry-After` says when. 14 is `UNAVAILABLE`.
fn refuse_for_now(status: StatusCode, is_json: bool, message: String) -> Response {
    let mut response = refuse(status, is_json, 14, message);
    response.headers_mut().insert(header::RETRY_AFTER, http::HeaderValue::from_static("1"));
    response
}

fn answer_with<A: prost::Message + serde::Serialize>(
    status: StatusCode,
    is_json: bool,
    answer: &A,
) -> Response {
    if is_json {
        let mut value = serde_json::to_value(answer).unwrap_or_default();
        // "No partial success" is an absent field in JSON.
        if let Some(map) = value.as_object_mut() {
            map.retain(|_, v| !v.is_null());
            // Protobuf's JSON form writes 64-bit numbers as text.
            for count in map.values_mut().filter_map(|v| v.as_object_mut()).flat_map(|m| m.values_mut()) {
                if count.is_number() {
                    *count = count.to_string().into();
                }
            }
        }
        (status, [(header::CONTENT_TYPE, JSON)], value.to_string()).into_response()
    } else {
        (status, [(header::CONTENT_TYPE, PROTOBUF)], answer.encode_to_vec()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_json_makes_the_otlp_parsers_panic(key in "[a-zA-Z]{0,12}", text in "\\PC{0,60}", n in any::<i64>()) {
            for value in [format!("{text:?}"), n.to_string(), "null".to_owned(), "[]".to_owned(), "{}".to_owned()] {
                let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"{key}":{value},"traceId":{value},"startTimeUnixNano":{value},"attributes":[{{"key":"k","value":{{"intValue":{value}}}}}]}}]}}]}}]}}"#);
                let _ = serde_json::from_str::<ExportTraceServiceRequest>(&json);
                let _ = serde_json::from_str::<ExportLogsServiceRequest>(&json.replace("Spans", "Logs").replace("spans", "logRecords"));
            }
        }
    }
}
