//! Loki's push API: JSON, and snappy-compressed protobuf. Both become the same streams as OTLP logs do.

mod read;
mod rules;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};

use super::body::{self, BodyError};
use super::logs::{Streams, push};
use super::times::Times;
use super::{count_bad, count_busy, weight};
use crate::Backend;
use crate::stats::add;
use crate::store::Busy;
use crate::store::batch::Batch;
use crate::time::now_ns;

use read::Push;
pub(crate) use read::{from_json, from_protobuf};
use rules::{Complaints, check, renamed, with_service_name};

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
        lay_out(pushed.map_err(|e| Refusal(StatusCode::BAD_REQUEST, e))?, &backend)
    }
    .await;
    let (batch, complaints) = match taken {
        Ok(taken) => taken,
        Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, message)) => {
            add(&backend.stats.logs.busy_requests, 1);
            return refuse_for_now(StatusCode::SERVICE_UNAVAILABLE, message);
        }
        Err(Refusal(status, message)) => {
            count_bad(&backend.stats.logs.bad_requests);
            return (status, message).into_response();
        }
    };
    let items = batch.items();
    match backend.store.push(batch) {
        Ok(()) if complaints.is_empty() => StatusCode::NO_CONTENT.into_response(),
        Ok(()) => {
            count_bad(&backend.stats.logs.bad_requests);
            (StatusCode::BAD_REQUEST, complaints.to_string()).into_response()
        }
        Err(busy) => {
            count_busy(&backend.stats.logs, items);
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

/// Lays out what Loki would take of a push, and says why it would not take the rest.
///
/// # Errors
/// Why nothing is taken.
fn lay_out(pushed: Push, backend: &Backend) -> Result<(Batch, Complaints), Refusal> {
    if pushed.0.is_empty() {
        let nothing = "error at least one valid stream is required for ingestion";
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, nothing.to_owned()));
    }
    let config = &backend.config;
    let times = Times::at(now_ns(), config.retention);
    let mut batch = Batch::default();
    let mut streams = Streams::default();
    let mut complaints = Complaints::default();
    for (labels, entries) in pushed.0 {
        let labels = with_service_name(labels);
        if entries.is_empty() {
            continue;
        }
        if let Err(complaint) = check(&labels) {
            complaints.add(complaint);
            continue;
        }
        for entry in entries {
            if let Err(complaint) = rules::entry(times, &labels, &entry) {
                complaints.add(complaint);
                continue;
            }
            let metadata = renamed(entry.metadata).map_err(|e| Refusal(StatusCode::BAD_REQUEST, e))?;
            let stream = streams.id(&mut batch, &labels);
            let to = (stream, &labels);
            push(&mut batch, to, entry.ts_ns, &entry.line, metadata, &config.indexed_metadata);
        }
    }
    Ok((batch, complaints))
}
