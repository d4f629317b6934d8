//! One observed request from begin to end. The end is an answer, a panic, or, by being dropped, a client that went away.
//! Numbers are recorded signed: the span layer turns unsigned ones into text.

use std::net::SocketAddr;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath};
use axum::http::{Request, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::Detail;
use crate::metrics::{Metrics, ServerLabels, route};
use crate::names::{CLIENT_CLOSED_REQUEST, OTHER_METHOD, UNKNOWN_ROUTE, attribute};
use crate::semconv;

/// Longest path, query and user agent that go onto a span, in bytes.
const MAX_TEXT: usize = 1024;

/// A request being served: its span, its clock and its place among the active ones.
pub(super) struct InFlight {
    metrics: Metrics,
    method: &'static str,
    route: &'static str,
    started: Instant,
    span: Span,
    finished: bool,
}

impl InFlight {
    /// Begins observing `request`; the active context becomes the parent of its span.
    pub(super) fn begin(metrics: &Metrics, request: &Request<Body>) -> InFlight {
        let method = semconv::method(request.method());
        let matched = request.extensions().get::<MatchedPath>().map(|path| route(path.as_str()));
        metrics.families().active.inc();
        InFlight {
            metrics: metrics.clone(),
            method,
            route: matched.unwrap_or(UNKNOWN_ROUTE),
            started: Instant::now(),
            span: server_span(request, method, matched),
            finished: false,
        }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// The handler answered, with this detail where it refused. Called inside the span.
    pub(super) fn answered(mut self, status: StatusCode, detail: Option<&Detail>) {
        self.span.record(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
        if status.is_server_error() {
            self.span.record(attribute::ERROR_TYPE, status.as_str());
            self.span.record("otel.status_code", "error");
        }
        self.finish(status.as_u16(), detail.map(|detail| semconv::bounded(&detail.0, MAX_TEXT)));
    }

    /// The handler panicked; the client gets a 500. Called inside the span.
    pub(super) fn panicked(mut self, message: &str) {
        let status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
        self.span.record(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
        self.span.record(attribute::ERROR_TYPE, "panic");
        self.span.set_status(Status::error("the handler panicked"));
        self.span.add_event(
            "exception",
            vec![
                KeyValue::new(attribute::EXCEPTION_TYPE, "panic"),
                KeyValue::new(attribute::EXCEPTION_MESSAGE, semconv::bounded(message, MAX_TEXT).to_owned()),
            ],
        );
        self.finish(status, None);
    }

    fn finish(&mut self, status: u16, detail: Option<&str>) {
        self.finished = true;
        let elapsed = self.started.elapsed();
        let families = self.metrics.families();
        families.active.dec();
        families.observe_server(&ServerLabels { method: self.method, route: self.route, status }, elapsed);
        // Whole microseconds: more digits are noise to read over.
        log_line(self.method, self.route, status, detail, elapsed.as_micros() as f64 / 1e3);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.finished {
            self.span.record(attribute::ERROR_TYPE, "client_disconnected");
            let span = self.span.clone();
            span.in_scope(|| self.finish(CLIENT_CLOSED_REQUEST, None));
        }
    }
}

fn server_span(request: &Request<Body>, method: &'static str, route: Option<&'static str>) -> Span {
    let uri = request.uri();
    let headers = request.headers();
    let host = semconv::host_and_port(headers);
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let user_agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
    let query = uri.query().map(|query| semconv::redacted_query(semconv::bounded(query, MAX_TEXT)));
    tracing::info_span!(
        "http server",
        otel.name = &*semconv::span_name(method, route),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = method,
        http.request.method_original = (method == OTHER_METHOD).then(|| request.method().as_str()),
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        url.path = semconv::bounded(uri.path(), MAX_TEXT),
        url.query = query.as_deref(),
        url.scheme = "http",
        server.address = host.map(|(name, _)| name),
        server.port = host.and_then(|(_, port)| port).map(i64::from),
        client.address = client.map(|ConnectInfo(address)| tracing::field::display(address.ip())),
        user_agent.original = user_agent.map(|text| semconv::bounded(text, MAX_TEXT)),
        network.protocol.version = semconv::protocol_version(request.version()),
        error.type = tracing::field::Empty,
    )
}

fn log_line(method: &'static str, route: &'static str, status: u16, detail: Option<&str>, duration_ms: f64) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                http.request.method = method,
                http.route = route,
                http.response.status_code = status,
                detail,
                duration_ms,
                "request"
            )
        };
    }
    match status {
        500.. => line!(error),
        400..500 => line!(warn),
        _ => line!(info),
    }
}
