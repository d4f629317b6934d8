//! The Jaeger query API (`/api`): services, operations, traces, dependencies. `/api/v3` is not there yet and says so.

mod json;
mod search;

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use crate::Backend;
use crate::api::gate::Stopped;
use crate::api::params::{self, BadParams, Params};
use crate::stats::add;
use crate::store::segment::ReadError;
use crate::store::spans::kind_name;

pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operations_of))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search::search))
        .route("/api/traces/{id}", get(search::trace))
        .route("/api/dependencies", get(dependencies))
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

async fn services(State(backend): State<Arc<Backend>>) -> Response {
    let answer = async {
        let shared = Arc::clone(&backend);
        let names = backend.gate.run(None, move |_| shared.store.services()).await??;
        Ok(success(&json!(names), names.len()))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

async fn operations_of(State(backend): State<Arc<Backend>>, Path(service): Path<String>) -> Response {
    let answer = async {
        let shared = Arc::clone(&backend);
        let found = backend.gate.run(None, move |_| shared.store.operations(&service)).await??;
        let names: std::collections::BTreeSet<String> = found.into_iter().map(|(name, _)| name).collect();
        Ok(success(&json!(names), names.len()))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

async fn operations(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let service = params
            .get("service")
            .ok_or_else(|| JaegerError::bad("parameter 'service' is required"))?
            .to_owned();
        let kind = params.get("spanKind").map(str::to_ascii_lowercase);
        let shared = Arc::clone(&backend);
        let found = backend.gate.run(None, move |_| shared.store.operations(&service)).await??;
        let rows: Vec<Value> = found
            .into_iter()
            .map(|(name, k)| (name, kind_name(i32::from(k)).unwrap_or("")))
            .filter(|(_, k)| kind.as_deref().is_none_or(|wanted| wanted == *k))
            .map(|(name, k)| json!({"name": name, "spanKind": k}))
            .collect();
        Ok(success(&json!(rows), rows.len()))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

async fn dependencies(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let end_ms = number(&params, "endTs")?.ok_or_else(|| {
            JaegerError::bad("unable to parse param 'endTs': strconv.ParseInt: parsing \"\": invalid syntax")
        })?;
        let lookback_ms = number(&params, "lookback")?.unwrap_or(24 * 3_600_000);
        let (start, end) = (end_ms.saturating_sub(lookback_ms), end_ms);
        let shared = Arc::clone(&backend);
        let calls = backend
            .gate
            .run(None, move |deadline| {
                shared.store.calls(start.saturating_mul(1_000_000), end.saturating_mul(1_000_000), deadline)
            })
            .await??
            .ok_or_else(|| {
                JaegerError(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "too many spans in this time range, use a shorter lookback".to_owned(),
                )
            })?;
        let rows: Vec<Value> = calls
            .into_iter()
            .map(|((parent, child), count)| json!({"parent": parent, "child": child, "callCount": count}))
            .collect();
        Ok(success(&json!(rows), 0))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

/// A whole-number parameter.
fn number(params: &Params, name: &str) -> Result<Option<i64>, JaegerError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        JaegerError::bad(format!(
            "unable to parse param '{name}': strconv.ParseInt: parsing {text:?}: invalid syntax"
        ))
    })
}
