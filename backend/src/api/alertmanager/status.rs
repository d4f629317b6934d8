//! What the Alertmanager says of itself: its configuration, its receivers, its metrics; and that it reads the former again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::times;
use crate::Backend;
use crate::alertmanager;

/// The Alertmanager release whose behaviour this API follows: programs switch features by it. Who answers in truth is said by
/// the revision and the branch.
const FOLLOWS: &str = "0.31.1";

pub(super) async fn status(State(backend): State<Arc<Backend>>) -> Json<Value> {
    let manager = &backend.alertmanager;
    Json(json!({
        "cluster": {"peers": [], "status": "disabled"},
        "config": {"original": manager.core().config.shown},
        "uptime": times::text(manager.started_at),
        "versionInfo": {
            "branch": "embedded", "buildDate": "", "buildUser": "", "goVersion": "",
            "revision": concat!("firedrill-", env!("CARGO_PKG_VERSION")), "version": FOLLOWS,
        },
    }))
}

pub(super) async fn receivers(State(backend): State<Arc<Backend>>) -> Json<Vec<Value>> {
    let core = backend.alertmanager.core();
    Json(core.config.receivers.iter().map(|receiver| json!({"name": receiver.name})).collect())
}

pub(super) async fn reload(State(backend): State<Arc<Backend>>) -> Response {
    match backend.alertmanager.reload() {
        Ok(()) => StatusCode::OK.into_response(),
        Err(what) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {what}\n")).into_response()
        }
    }
}

pub(super) async fn metrics(State(backend): State<Arc<Backend>>) -> Response {
    let text = alertmanager::render(&backend.alertmanager.core(), Timestamp::now());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
