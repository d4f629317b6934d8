//! The Loki HTTP API: push, queries, labels, series, what a log is made of. Errors are plain text, as Loki's are.

mod detected;
mod lines;
mod query;
mod rules;
mod samples;
mod shards;
mod stats;
mod streams;
pub(crate) mod tail;
mod times;
mod volume;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::json;

use crate::Backend;
use crate::api::gate::Stopped;
use crate::api::params::BadParams;
use crate::ingest::otlp::Logs;
use crate::ingest::{loki_push, otlp_http};
use crate::logql::LogqlError;
use crate::stats::add;
use crate::store::segment::ReadError;

pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    Router::new()
        .route("/loki/api/v1/push", post(loki_push::handle))
        .route("/otlp/v1/logs", post(otlp_http::export::<Logs>))
        .route("/loki/api/v1/query_range", get(query::range).post(query::range))
        .route("/loki/api/v1/query", get(query::instant).post(query::instant))
        .route("/loki/api/v1/tail", get(tail::tail))
        .route("/loki/api/v1/labels", get(streams::labels).post(streams::labels))
        .route("/loki/api/v1/label", get(streams::labels))
        .route("/loki/api/v1/label/{name}/values", get(streams::label_values))
        .route("/loki/api/v1/series", get(streams::series).post(streams::series))
        .route("/loki/api/v1/index/stats", get(streams::stats).post(streams::stats))
        .route("/loki/api/v1/index/volume", get(volume::volume).post(volume::volume))
        .route("/loki/api/v1/index/volume_range", get(volume::volume_range).post(volume::volume_range))
        .route("/loki/api/v1/index/shards", get(shards::shards).post(shards::shards))
        .route("/loki/api/v1/detected_field/{name}/values", get(detected::values).post(detected::values))
        .route("/loki/api/v1/detected_fields", get(detected::fields).post(detected::fields))
        .route("/loki/api/v1/detected_labels", get(detected::labels).post(detected::labels))
        .route("/loki/api/v1/patterns", get(detected::patterns).post(detected::patterns))
        .route("/loki/api/v1/format_query", get(query::format).post(query::format))
        .route("/loki/api/v1/status/buildinfo", get(buildinfo))
        .route("/prometheus/api/v1/rules", get(rules::rules))
        .route("/prometheus/api/v1/alerts", get(rules::alerts))
        .route("/loki/api/v1/rules", get(rules::files))
        .route("/ready", get(|| async { "ready\n" }))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(backend)
}

/// The Loki release whose behaviour this API follows: dashboards switch features by it. Who answers in truth is said by
/// the revision and the branch.
const FOLLOWS: &str = "3.7.8";

async fn buildinfo() -> Response {
    axum::Json(json!({
        "version": FOLLOWS, "revision": concat!("firedrill-", env!("CARGO_PKG_VERSION")),
        "branch": "embedded", "buildUser": "", "buildDate": "", "goVersion": "",
    }))
    .into_response()
}

/// An error as Loki prints it: a status and a line of text.
#[derive(Debug)]
struct LokiError(StatusCode, String);

impl LokiError {
    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }

    fn internal(message: impl Into<String>) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, message.into())
    }

    fn answer(self, backend: &Backend) -> Response {
        if self.0.is_client_error() {
            add(&backend.stats.bad_queries, 1);
        }
        (self.0, self.1).into_response()
    }
}

impl From<BadParams> for LokiError {
    fn from(BadParams(status, message): BadParams) -> Self {
        Self(status, message)
    }
}

impl From<LogqlError> for LokiError {
    fn from(error: LogqlError) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<ReadError> for LokiError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TimedOut => Self(StatusCode::GATEWAY_TIMEOUT, "request timed out".to_owned()),
            other => Self(StatusCode::INTERNAL_SERVER_ERROR, other.to_string()),
        }
    }
}

impl From<Stopped> for LokiError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TimedOut => ReadError::TimedOut.into(),
            Stopped::Broken => Self(StatusCode::INTERNAL_SERVER_ERROR, "the query failed".to_owned()),
        }
    }
}
