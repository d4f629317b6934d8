//! Alertmanager's API, version 2, as `amtool`, Grafana and Prometheus speak it, and what surrounds it.
//!
//! It is open to everybody who reaches the listener, as the original's is; only a browser that another site has sent is
//! turned away from what changes anything.

mod alerts;
mod answer;
mod filter;
mod groups;
mod silences;
mod site;
mod status;
mod times;

use std::sync::Arc;

use axum::routing::{any, get, post};
use axum::{Router, middleware};
use http::{Method, StatusCode, Uri, header};

use crate::Backend;
use answer::ApiError;

/// The largest body.
const MAX_BODY: usize = 4 << 20;

pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    let api = Router::new()
        .route("/alerts", get(alerts::list).post(alerts::post).fallback(not_allowed("GET,POST")))
        .route("/alerts/groups", get(groups::list).fallback(not_allowed("GET")))
        .route("/silences", get(silences::list).post(silences::post).fallback(not_allowed("GET,POST")))
        .route(
            "/silence/{id}",
            get(silences::one).delete(silences::delete).fallback(not_allowed("DELETE,GET")),
        )
        .route("/receivers", get(status::receivers).fallback(not_allowed("GET")))
        .route("/status", get(status::status).fallback(not_allowed("GET")))
        .fallback(|uri: Uri| async move {
            let message = format!("path /api/v2{} was not found", uri.path());
            ApiError::coded(StatusCode::NOT_FOUND, 404, message)
        })
        .layer(middleware::map_response(|answer: axum::response::Response| async move {
            ([(header::CACHE_CONTROL, "no-store")], answer)
        }));
    Router::new()
        .nest("/api/v2", api)
        .route("/-/healthy", any(|| async { "OK" }))
        .route("/-/ready", any(|| async { "OK" }))
        .route("/-/reload", post(status::reload))
        .route("/metrics", get(status::metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .layer(middleware::from_fn(site::turn_away_others))
        .with_state(backend)
}

/// The answer to a method that a path does not know.
fn not_allowed(
    known: &'static str,
) -> impl Fn(Method) -> std::future::Ready<ApiError> + Clone + Send + Sync + 'static {
    move |method| {
        let message = format!("method {method} is not allowed, but [{known}] are");
        std::future::ready(ApiError::coded(StatusCode::METHOD_NOT_ALLOWED, 405, message))
    }
}
