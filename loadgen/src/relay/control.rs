//! The relay's control listener: links come and go, and their conditions change, for a time or for good. Everything but
//! `/healthz` wants the bearer token.

use super::condition::{Change, allowed};
use super::network::{Absent, Network, Refused, Unchanged};
use crate::bearer::{Token, guard, problem, problem_with};
use crate::leases::length;
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response, Result};
use axum::routing::{get, patch, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::future::ready;
use std::sync::Arc;
use unread::ReadOn;

/// Largest body read.
const LARGEST_BODY: usize = 4_096;

/// The routes.
pub(super) fn routes(network: Arc<Network>, token: &str) -> Router {
    Router::new()
        .route("/links", get(list).post(add))
        .route("/links/{name}", patch(change).delete(remove))
        .route("/leases/{id}", put(prolong).delete(end))
        .route_layer(from_fn_with_state(Arc::new(Token::new(token)), guard))
        .route("/healthz", get(healthz))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(map_request(|request: Request| ready(ReadOn::within(request).map(Body::new))))
        .with_state(network)
}

async fn healthz() -> StatusCode {
    StatusCode::OK
}

type Sent<T> = Result<Json<T>, JsonRejection>;

/// What was sent makes no sense: why, and further fields of the answer.
struct Wrong(StatusCode, String, Value);

impl Wrong {
    fn new(why: String) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, why, Value::Null)
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        problem_with(self.0, self.1, self.2)
    }
}

/// The body, or what it should have been.
fn body<T>(sent: Sent<T>, wanted: &str) -> Result<T, Wrong> {
    sent.map(|Json(body)| body).map_err(|e| {
        let why = format!("send {wanted} in at most {LARGEST_BODY} bytes: {}", e.body_text());
        Wrong(e.status(), why, Value::Null)
    })
}

impl IntoResponse for Absent {
    fn into_response(self) -> Response {
        problem(StatusCode::NOT_FOUND, self.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Known(_) => StatusCode::CONFLICT,
            Self::Listen(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        problem(status, self.to_string())
    }
}

impl IntoResponse for Unchanged {
    fn into_response(self) -> Response {
        match self {
            Self::Absent(absent) => absent.into_response(),
            Self::TooManyLeases => problem(StatusCode::CONFLICT, self.to_string()),
        }
    }
}

async fn list(State(network): State<Arc<Network>>) -> Json<Value> {
    Json(json!({ "links": network.list() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLink {
    name: String,
    target: String,
}

async fn add(State(network): State<Arc<Network>>, sent: Sent<NewLink>) -> Result<Response> {
    let NewLink { name, target } = body(sent, r#"{"name": NAME, "target": "HOST:PORT"}"#)?;
    network.bind(&name, target).await?;
    Ok((StatusCode::CREATED, Json(network.show(&name)?)).into_response())
}

async fn remove(State(network): State<Arc<Network>>, Path(name): Path<String>) -> Result<StatusCode, Absent> {
    network.remove(&name).map(|()| StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCondition {
    condition: Map<String, Value>,
    lease_s: Option<f64>,
}

async fn change(
    State(network): State<Arc<Network>>,
    Path(name): Path<String>,
    sent: Sent<NewCondition>,
) -> Result<Json<Value>> {
    let NewCondition { condition, lease_s } =
        body(sent, r#"{"condition": {KEY: VALUE}, "lease_s": SECONDS}"#)?;
    let change = Change::read(&condition)
        .map_err(|why| Wrong(StatusCode::UNPROCESSABLE_ENTITY, why, json!({ "allowed": allowed() })))?;
    let lease = lease_s.map(length).transpose().map_err(Wrong::new)?;
    let (mut link, id) = network.change(&name, change, lease)?;
    if let Some(id) = id {
        link["lease"] = id.to_string().into();
    }
    Ok(Json(link))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Length {
    lease_s: f64,
}

async fn prolong(
    State(network): State<Arc<Network>>,
    Path(id): Path<String>,
    sent: Sent<Length>,
) -> Result<Json<Value>> {
    let Length { lease_s } = body(sent, r#"{"lease_s": SECONDS}"#)?;
    let length = length(lease_s).map_err(Wrong::new)?;
    network.prolong(&id, length)?;
    Ok(Json(json!({ "lease": id, "lease_s": lease_s })))
}

async fn end(State(network): State<Arc<Network>>, Path(id): Path<String>) -> Result<StatusCode, Absent> {
    network.end(&id).map(|()| StatusCode::NO_CONTENT)
}
