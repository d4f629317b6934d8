//! Client spans after the semantic conventions. reqwest-tracing's own backend writes status code and port as text and names
//! the span by the bare method. Numbers are recorded signed: the span layer turns unsigned ones into text.

use std::error::Error as _;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::Error;
use reqwest_tracing::ReqwestOtelSpanBackend;
use tracing::Span;

use super::wire::Peer;
use super::{ResendCount, Route};
use crate::names::{OTHER_METHOD, attribute};
use crate::semconv;

/// Longest URL and error text that go onto a span, in bytes.
const MAX_TEXT: usize = 1024;

/// The span backend; only its functions matter.
pub(super) struct SemconvBackend;

impl ReqwestOtelSpanBackend for SemconvBackend {
    fn on_request_start(request: &Request, extensions: &mut Extensions) -> Span {
        let method = semconv::method(request.method());
        let route = extensions.get::<Route>().map(|route| route.0);
        let resent =
            extensions.get::<ResendCount>().map(|count| i64::from(count.0)).filter(|count| *count > 0);
        let url = request.url();
        tracing::info_span!(
            "http client",
            otel.name = &*semconv::span_name(method, route),
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            otel.status_description = tracing::field::Empty,
            http.request.method = method,
            http.request.method_original = (method == OTHER_METHOD).then(|| request.method().as_str()),
            http.request.resend_count = resent,
            http.response.status_code = tracing::field::Empty,
            url.full = semconv::bounded(&semconv::full_url(url), MAX_TEXT),
            url.template = route,
            server.address = url.host_str(),
            server.port = url.port_or_known_default().map(i64::from),
            peer.service = extensions.get::<Peer>().map(|peer| peer.0),
            error.type = tracing::field::Empty,
        )
    }

    fn on_request_end(span: &Span, outcome: &Result<Response, Error>, _: &mut Extensions) {
        match outcome {
            Ok(response) => answered(span, response.status()),
            Err(error) => failed(span, error),
        }
    }
}

fn answered(span: &Span, status: reqwest::StatusCode) {
    span.record(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
    if status.as_u16() >= 400 {
        span.record(attribute::ERROR_TYPE, status.as_str());
        span.record("otel.status_code", "error");
    }
}

fn failed(span: &Span, error: &Error) {
    span.record(attribute::ERROR_TYPE, error_type(error));
    span.record("otel.status_code", "error");
    span.record("otel.status_description", semconv::bounded(&root_cause(error), MAX_TEXT));
}

/// A name for the failure with few values.
fn error_type(error: &Error) -> &'static str {
    match error {
        Error::Reqwest(error) if error.is_timeout() => "timeout",
        Error::Reqwest(error) if error.is_connect() => "connection",
        Error::Reqwest(error) if error.is_redirect() => "redirect",
        Error::Reqwest(error) if error.is_builder() => "invalid_request",
        Error::Reqwest(_) => "broken_connection",
        Error::Middleware(_) => "middleware",
    }
}

/// The innermost cause: the outer texts repeat the URL, which may hold credentials.
fn root_cause(error: &Error) -> String {
    let Error::Reqwest(error) = error else { return error.to_string() };
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "request failed".to_owned(), ToString::to_string)
}
