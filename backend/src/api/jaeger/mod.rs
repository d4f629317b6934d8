//! The Jaeger query API: `/api`, as its own pages and Grafana ask, and `/api/v3`, whose traces are OTLP.
//! It shows a trace as Jaeger does, warnings included, and changes no time; archiving and metrics are not there.

mod catalogue;
mod go;
mod json;
mod model;
mod otlp;
mod search;
mod skew;
mod stream;
mod v3;

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use crate::Backend;
use crate::api::gate::Stopped;
use crate::api::params::{BadParams, Params};
use crate::stats::add;
use crate::store::segment::ReadError;

pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    Router::new()
        .route("/api/services", get(catalogue::services))
        .route("/api/services/{service}/operations", get(catalogue::operations_of))
        .route("/api/operations", get(catalogue::operations))
        .route("/api/traces", get(search::search))
        .route("/api/traces/{id}", get(search::trace))
        .route("/api/dependencies", get(catalogue::dependencies))
        .route("/api/v3/services", get(v3::services))
        .route("/api/v3/operations", get(v3::operations))
        .route("/api/v3/traces", get(v3::traces))
        .route("/api/v3/traces/{id}", get(v3::trace))
        .route("/", get(|| async { StatusCode::OK }))
        .fallback(|| async {
            JaegerError(StatusCode::NOT_FOUND, "page not found".to_owned()).into_response()
        })
        .with_state(backend)
}

/// An error in Jaeger's shape.
#[derive(Debug)]
struct JaegerError(StatusCode, String);

impl JaegerError {
    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }

    fn answer(self, backend: &Backend) -> Response {
        if self.0.is_client_error() && self.0 != StatusCode::NOT_FOUND {
            add(&backend.stats.bad_queries, 1);
        }
        self.into_response()
    }
}

impl IntoResponse for JaegerError {
    fn into_response(self) -> Response {
        let errors = json!([{"code": self.0.as_u16(), "msg": self.1}]);
        (self.0, Json(envelope(&Value::Null, 0, &errors))).into_response()
    }
}

impl From<BadParams> for JaegerError {
    fn from(BadParams(status, message): BadParams) -> Self {
        Self(status, message)
    }
}

impl From<ReadError> for JaegerError {
    fn from(error: ReadError) -> Self {
        let status = match error {
            ReadError::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

impl From<Stopped> for JaegerError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TimedOut => ReadError::TimedOut.into(),
            Stopped::Broken => Self(StatusCode::INTERNAL_SERVER_ERROR, "the query failed".to_owned()),
        }
    }
}

fn envelope(data: &Value, total: usize, errors: &Value) -> Value {
    json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": errors})
}

fn success(data: &Value, total: usize) -> Response {
    Json(envelope(data, total, &Value::Null)).into_response()
}

/// A whole-number parameter.
fn number(params: &Params, name: &str) -> Result<Option<i64>, JaegerError> {
    let parsed = params.get(name).map(|text| go::parse_int(text, 64)).transpose();
    parsed.map_err(|e| parameter(name, &e))
}

/// A parameter that cannot be read.
fn parameter(name: &str, why: &str) -> JaegerError {
    JaegerError::bad(format!("unable to parse param '{name}': {why}"))
}
