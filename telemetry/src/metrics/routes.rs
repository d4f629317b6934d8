//! `GET /metrics`.

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Metrics;
use super::format::Format;

/// The content type with which Prometheus keeps exemplars; it drops them with any other.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The content type of the form that readers get who do not name OpenMetrics.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A router with `GET /metrics`, to be merged into a service's own.
pub fn routes(metrics: Metrics) -> Router {
    Router::new().route(
        "/metrics",
        get(move |headers: HeaderMap| {
            let text = metrics.encode();
            async move { answer(&headers, text) }
        }),
    )
}

/// An exposition of OpenMetrics, in the form that the reader asks for: OpenMetrics where it names it in `Accept`, or else text.
#[must_use]
pub fn answer(headers: &HeaderMap, openmetrics: String) -> Response {
    let format = Format::asked_for(headers);
    let content_type = match format {
        Format::OpenMetrics => CONTENT_TYPE,
        Format::Text => TEXT_CONTENT_TYPE,
    };
    ([(header::CONTENT_TYPE, content_type)], format.of(openmetrics)).into_response()
}
