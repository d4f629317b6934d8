//! The Prometheus HTTP API, and the backend's own `/metrics`.

mod answer;
mod escape;
mod exemplars;
mod federate;
mod format;
mod metadata;
mod print;
mod query;
mod rules;
mod series;
mod status;
mod targets;
mod times;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::{any, get, post, put};
use http::{StatusCode, header};

use crate::Backend;
use crate::ingest::remote_write;

pub(crate) fn routes(backend: Arc<Backend>) -> Router {
    Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/query_exemplars", get(exemplars::exemplars).post(exemplars::exemplars))
        .route("/api/v1/format_query", get(format::format_query).post(format::format_query))
        .route("/api/v1/parse_query", get(format::parse_query).post(format::parse_query))
        .route("/api/v1/series", get(series::series).post(series::series))
        .route("/api/v1/labels", get(series::labels).post(series::labels))
        .route("/api/v1/label/{name}/values", get(series::label_values))
        .route("/api/v1/metadata", get(metadata::metadata))
        .route("/api/v1/targets", get(targets::targets))
        .route("/api/v1/scrape_pools", get(targets::pools))
        .route("/api/v1/rules", get(rules::rules))
        .route("/api/v1/alerts", get(rules::alerts))
        .route("/api/v1/alertmanagers", get(rules::alertmanagers))
        .route("/api/v1/status/buildinfo", get(status::buildinfo))
        .route("/api/v1/status/config", get(status::config))
        .route("/api/v1/status/flags", get(status::flags))
        .route("/api/v1/status/runtimeinfo", get(status::runtimeinfo))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/status/walreplay", get(status::walreplay))
        .route("/api/v1/write", post(remote_write::handle))
        .route("/api/v1/read", post(format::read))
        .route("/federate", get(federate::federate))
        .route("/-/reload", post(rules::reload).merge(put(rules::reload)))
        .route("/-/ready", any(|| async { "Prometheus Server is Ready.\n" }))
        .route("/-/healthy", any(|| async { "Prometheus Server is Healthy.\n" }))
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(backend)
}

async fn metrics(State(backend): State<Arc<Backend>>) -> axum::response::Response {
    let text = backend.stats.render(backend.store.samples.gauges()) + &backend.rules.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
