//! OTLP over gRPC: the three collector services' `Export`, gzip or plain. The same calls as OTLP over HTTP.
//!
//! Each is one message in and one out, and what gRPC puts around a message is five bytes, a few headers and a trailer:
//! they are read and written here. A generated server reads bodies into memory of its own, by the length that a message
//! claims; here they count among all bodies, from their first bytes until what they say has been taken.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server;
use prost::Message as _;
use tonic::{Code, Status};

use super::body::{self, BodyError, Held};
use super::count_bad;
use super::otlp::{Logs, Metrics, Otlp, Traces};
use super::weight;
use crate::Backend;
use crate::stats::add;

const CONTENT_TYPE: &str = "application/grpc";
const ENCODING: &str = "grpc-encoding";
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// What stands before a message: whether it is packed, and its length.
const PREFIX: usize = 5;

/// The three services.
pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    let path = |service: &str| format!("/{service}/Export");
    Router::new()
        .route(&path(trace_service_server::SERVICE_NAME), post(export::<Traces>))
        .route(&path(logs_service_server::SERVICE_NAME), post(export::<Logs>))
        .route(&path(metrics_service_server::SERVICE_NAME), post(export::<Metrics>))
        .fallback(|| async { Status::unimplemented("there is no such method").into_http::<Body>() })
        .with_state(backend)
}

async fn export<S: Otlp>(State(backend): State<Arc<Backend>>, headers: HeaderMap, body: Body) -> Response {
    let counts = S::counts(&backend);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if !content_type.is_some_and(|t| t.starts_with(CONTENT_TYPE)) {
        count_bad(&counts.bad_requests);
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    // The message is counted until the request has been taken.
    match read::<S>(&backend, &headers, body).await.map(|(request, _message)| S::take(&backend, request)) {
        Ok(Ok(answer)) => answer_with(&answer),
        Ok(Err(busy)) => Status::unavailable(busy.to_string()).into_http(),
        Err(error) => {
            match error {
                BodyError::TooMany => add(&counts.busy_requests, 1),
                _ => count_bad(&counts.bad_requests),
            }
            refuse(&error)
        }
    }
}

/// Reads the one message of a call, and what it says.
async fn read<S: Otlp>(
    backend: &Backend,
    headers: &HeaderMap,
    body: Body,
) -> Result<(S::Request, Held), BodyError> {
    let malformed = |why: &str| BodyError::Malformed(why.to_owned());
    let limits = &backend.config.limits;
    let limit = limits.body_bytes;
    let mut message = body::read_raw(&backend.bodies, body, limit.saturating_add(PREFIX)).await?;
    let Some(([packed, length @ ..], rest)) = message.as_ref().split_first_chunk::<PREFIX>() else {
        return Err(malformed("no message"));
    };
    if usize::try_from(u32::from_be_bytes(*length)).ok() != Some(rest.len()) {
        return Err(malformed("not one message of the length that it claims"));
    }
    let packed = *packed;
    message.skip(PREFIX);
    let mut message = match (packed, headers.get(ENCODING).map(|v| v.to_str().unwrap_or("?"))) {
        (0, _) => message,
        (1, Some("gzip")) => body::unpack_gzip(message).await?,
        (1, Some(other)) if other != "identity" => return Err(BodyError::Encoding(other.to_owned())),
        _ => return Err(malformed("its first byte and its encoding do not go together")),
    };
    message.decodes_to(weight::of_protobuf(S::SHAPE, message.as_ref(), limits.decoded_bytes)?)?;
    let request = S::Request::decode(message.as_ref()).map_err(|e| malformed(&e.to_string()))?;
    Ok((request, message))
}

fn answer_with(answer: &impl prost::Message) -> Response {
    let message = answer.encode_to_vec();
    let mut framed = Vec::with_capacity(PREFIX + message.len());
    framed.push(0);
    // An answer is a count and a sentence.
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(&message);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from(framed)).with_trailers(async { Some(Ok(trailers)) });
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], Body::new(body)).into_response()
}

/// Only `UNAVAILABLE` asks an exporter to send the same again.
fn refuse(error: &BodyError) -> Response {
    let code = match error {
        BodyError::TooLarge(_) | BodyError::TooMuch(_) => Code::ResourceExhausted,
        BodyError::TooMany => Code::Unavailable,
        BodyError::Encoding(_) => Code::Unimplemented,
        BodyError::Malformed(_) => Code::InvalidArgument,
    };
    let mut response = Status::new(code, error.to_string()).into_http::<Body>();
    if code == Code::Unimplemented {
        response.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static("gzip"));
    }
    response
}
