//! The layers around every route, outermost first: telemetry, problem bodies, the request's time-out, the body's limit.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use telemetry::Metrics;

use crate::extract::BodyTimeout;
use crate::limits::HttpLimits;
use crate::problem::{self, Problem};

/// Puts the layers around a service's routes and adds `/metrics`. A panic in a handler is answered by the telemetry layer.
pub fn around(routes: Router, limits: &HttpLimits, metrics: &Metrics) -> Router {
    let request_timeout = limits.request_timeout;
    let body_timeout = BodyTimeout(limits.body_timeout);
    routes
        .fallback(|| async { Problem::not_found("no-such-route", "there is nothing at this path") })
        .layer(DefaultBodyLimit::max(limits.body_limit))
        .layer(axum::Extension(body_timeout))
        .layer(from_fn(move |request: Request, next: Next| within(request_timeout, request, next)))
        .layer(from_fn(problem::render))
        .layer(telemetry::server::layer(metrics.clone()))
        .merge(telemetry::metrics::routes(metrics.clone()))
}

async fn within(limit: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} ms", limit.as_millis());
            Problem::unavailable("timeout", detail, 1).into_response()
        }
    }
}
