//! Loki's ruler, as one that has no rules answers: rules over log lines are not evaluated here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};

use crate::Backend;
use crate::api::params;

/// `/prometheus/api/v1/rules`.
pub(super) async fn rules(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let params = match params::read(&backend.bodies, request).await {
        Ok(params) => params,
        Err(bad) => return bad.into_response(),
    };
    match params.get("type").map(str::to_lowercase).as_deref() {
        None | Some("alert" | "record") => success(&json!({"groups": []})),
        Some(other) => {
            let error = format!("not supported value {other:?}");
            let body = json!({"status": "error", "data": null, "errorType": "bad_data", "error": error});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// `/prometheus/api/v1/alerts`.
pub(super) async fn alerts() -> Response {
    success(&json!({"alerts": []}))
}

/// `/loki/api/v1/rules`: the files of rules.
pub(super) async fn files() -> Response {
    (StatusCode::NOT_FOUND, "no rule groups found\n").into_response()
}

fn success(data: &Value) -> Response {
    Json(json!({"status": "success", "data": data, "errorType": "", "error": ""})).into_response()
}
