//! `/health`, `/ready` and `/openapi.json`.
//!
//! `/health` is constant: it says that the process answers. `/ready` asks the database, and says no while draining, and after
//! a write that failed until one works again.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use telemetry::db::Database;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long readiness waits for the database.
const READY_TIMEOUT: Duration = Duration::from_millis(500);

/// What the probes look at.
#[derive(Clone)]
pub struct Probes {
    /// The service's name.
    pub service: &'static str,
    /// Its database.
    pub database: Database,
    /// Cancelled when the service was told to stop.
    pub draining: CancellationToken,
}

/// The answer of `/health`.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// Always `healthy`.
    pub status: String,
    /// The service's name.
    pub service: String,
}

/// The answer of `/ready`.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Ready {
    /// `ready` or `not ready`.
    pub status: String,
    /// The service's name.
    pub service: String,
    /// Why it is not ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// `/health` and `/ready`, documented.
pub fn routes(probes: Probes) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ready)).with_state(probes)
}

/// `/openapi.json`: the document, serialised once.
pub fn document(openapi: &utoipa::openapi::OpenApi) -> Router {
    let text = serde_json::to_string(openapi).unwrap_or_else(|error| {
        // The document is built from constants; a failure is shown where it is read, not hidden.
        serde_json::json!({ "error": error.to_string() }).to_string()
    });
    let text = Bytes::from(text);
    let answer = move || {
        let text = text.clone();
        async move { ([(CONTENT_TYPE, "application/json")], text) }
    };
    Router::new().route("/openapi.json", get(answer))
}

/// Says that the process answers, whatever else is wrong.
#[utoipa::path(get, path = "/health", tag = "probes", responses((status = 200, body = Health)))]
async fn health(State(probes): State<Probes>) -> Json<Health> {
    Json(Health { status: "healthy".to_owned(), service: probes.service.to_owned() })
}

/// Says whether requests can be served now.
#[utoipa::path(get, path = "/ready", tag = "probes", responses(
    (status = 200, body = Ready),
    (status = 503, description = "With the reasons", body = Ready),
))]
async fn ready(State(probes): State<Probes>) -> Response {
    let mut reasons = Vec::new();
    if probes.draining.is_cancelled() {
        reasons.push("draining".to_owned());
    }
    match tokio::time::timeout(READY_TIMEOUT, probes.database.ping()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => reasons.push(format!("database: {error}")),
        Err(_) => reasons.push(format!("database: no answer within {} ms", READY_TIMEOUT.as_millis())),
    }
    let (status, word) = if reasons.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let body = Ready { status: word.to_owned(), service: probes.service.to_owned(), reasons };
    (status, Json(body)).into_response()
}
