//! The Prometheus HTTP API, and the backend's own `/metrics`.

mod answer;
mod query;
mod series;
mod status;
mod times;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::{any, get};
use http::{StatusCode, header};

use crate::Backend;

pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    let both = |handler: axum::routing::MethodRouter<Arc<Backend>>| handler;
    Router::new()
        .route("/api/v1/query", both(get(query::instant).post(query::instant)))
        .route("/api/v1/query_range", both(get(query::range).post(query::range)))
        .route("/api/v1/query_exemplars", both(get(query::exemplars).post(query::exemplars)))
        .route("/api/v1/series", both(get(series::series).post(series::series)))
        .route("/api/v1/labels", both(get(series::labels).post(series::labels)))
        .route("/api/v1/label/{name}/values", get(series::label_values))
        .route("/api/v1/metadata", get(series::metadata))
        .route("/api/v1/targets", get(status::targets))
        .route("/api/v1/rules", get(status::rules))
        .route("/api/v1/alerts", get(status::alerts))
        .route("/api/v1/status/buildinfo", get(status::buildinfo))
        .route("/api/v1/status/runtimeinfo", get(status::runtimeinfo))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/-/ready", any(|| async { "Prometheus Server is Ready.\n" }))
        .route("/-/healthy", any(|| async { "Prometheus Server is Healthy.\n" }))
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(backend)
}

async fn metrics(State(backend): State<Arc<Backend>>) -> axum::response::Response {
    let text = backend.stats.render(backend.store.samples.gauges());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
