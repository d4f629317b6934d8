//! The layers around every route, outermost first: telemetry, problem bodies, the request's time-out, the body's limit.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use telemetry::Metrics;
use telemetry::names::UNOBSERVED_PATHS;

use crate::extract::BodyTimeout;
use crate::limits::HttpLimits;
use crate::places::Places;
use crate::problem::{self, Problem};
use crate::settings::{Integer, List};

/// What the layers do that can change while the service runs. Clones share it.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    request_timeout: Integer,
    places: Places,
}

impl HttpSettings {
    /// Lists them, beginning with the service's limits.
    pub fn add(list: &mut List, limits: &HttpLimits) -> Self {
        let request_timeout = list.millis(
            "http.request_timeout_ms",
            1..=3_600_000,
            limits.request_timeout,
            "How long a request may take before it is answered for with 503",
        );
        let most = list.count(
            "http.concurrency_limit",
            "requests",
            1..=65_536,
            limits.max_connections,
            "The most requests at the same time; others are refused with 503 at once",
        );
        let places = Places::new(most.count());
        list.watch(&["http.concurrency_limit"], {
            let places = places.clone();
            move || places.resize(most.count())
        });
        Self { request_timeout, places }
    }
}

/// Puts the layers around a service's routes and adds `/metrics`. A panic in a handler is answered by the telemetry layer.
pub fn around(routes: Router, limits: &HttpLimits, settings: &HttpSettings, metrics: &Metrics) -> Router {
    let settings = settings.clone();
    let body_timeout = BodyTimeout(limits.body_timeout);
    routes
        .fallback(|| async { Problem::not_found("no-such-route", "there is nothing at this path") })
        .layer(DefaultBodyLimit::max(limits.body_limit))
        .layer(axum::Extension(body_timeout))
        .layer(from_fn(move |request: Request, next: Next| within(settings.clone(), request, next)))
        .layer(from_fn(problem::render))
        .layer(telemetry::server::layer(metrics.clone()))
        .merge(telemetry::metrics::routes(metrics.clone()))
}

async fn within(settings: HttpSettings, request: Request, next: Next) -> Response {
    // Whoever asks how the service does is to be told, above all when it has too much to do.
    let counted = !UNOBSERVED_PATHS.contains(&request.uri().path());
    let place = if counted { settings.places.try_take() } else { None };
    if counted && place.is_none() {
        return Problem::unavailable("overloaded", "too many requests at the same time", 1).into_response();
    }
    let limit = settings.request_timeout.millis();
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} ms", limit.as_millis());
            Problem::unavailable("timeout", detail, 1).into_response()
        }
    }
}
