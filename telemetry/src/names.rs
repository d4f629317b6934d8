//! The names this project puts into telemetry: attributes, labels, headers, metric names. One place, so that a dashboard,
//! a rule and the code that emits cannot drift apart.
//!
//! HTTP and database attributes follow the OpenTelemetry semantic conventions; only what has no convention is our own.

/// Request and response header that carries the correlation id.
pub const CORRELATION_HEADER: &str = "x-correlation-id";
/// Baggage key and span attribute of the correlation id.
pub const CORRELATION_ID: &str = "correlation.id";
/// Log attribute and JSON field of the correlation id.
pub const CORRELATION_ID_LOG: &str = "correlation_id";
/// JSON log field of the trace id.
pub const TRACE_ID_LOG: &str = "trace_id";
/// JSON log field of the span id.
pub const SPAN_ID_LOG: &str = "span_id";
/// Route label of a request that matched no route.
pub const UNKNOWN_ROUTE: &str = "<unknown>";
/// Method value of anything outside the known HTTP methods.
pub const OTHER_METHOD: &str = "_OTHER";
/// Status under which a request is counted whose client went away before the answer.
pub const CLIENT_CLOSED_REQUEST: u16 = 499;
/// Paths of the machinery: neither traced, nor measured, nor logged.
pub const UNOBSERVED_PATHS: [&str; 4] = ["/health", "/ready", "/metrics", "/openapi.json"];

/// Attribute names of the semantic conventions that this crate sets, and the few of our own.
pub mod attribute {
    pub use opentelemetry_semantic_conventions::attribute::{
        CLIENT_ADDRESS, DB_NAMESPACE, DB_OPERATION_NAME, DB_QUERY_SUMMARY, DB_QUERY_TEXT, DB_SYSTEM_NAME,
        ERROR_TYPE, EXCEPTION_MESSAGE, EXCEPTION_TYPE, HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL,
        HTTP_REQUEST_RESEND_COUNT, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, NETWORK_PROTOCOL_VERSION,
        SERVER_ADDRESS, SERVER_PORT, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, URL_FULL, URL_PATH,
        URL_QUERY, URL_SCHEME, USER_AGENT_ORIGINAL,
    };
    /// Name of the service a client span calls.
    pub const PEER_SERVICE: &str = "peer.service";
}

/// Names of the metric families, as they stand in the exposition.
pub mod metric {
    /// Histogram: how long the server took to answer, in seconds.
    pub const HTTP_SERVER_REQUEST_DURATION: &str = "http_server_request_duration_seconds";
    /// Histogram: how long a client call took to its answer, in seconds.
    pub const HTTP_CLIENT_REQUEST_DURATION: &str = "http_client_request_duration_seconds";
    /// Gauge: requests being served now.
    pub const HTTP_SERVER_ACTIVE_REQUESTS: &str = "http_server_active_requests";
    /// Counter: spans and log records that were to be exported, by signal.
    pub const TELEMETRY_CREATED: &str = "telemetry_created_total";
    /// Counter: spans and log records that the receiver took, by signal. What is neither exported nor dropped is queued.
    pub const TELEMETRY_EXPORTED: &str = "telemetry_exported_total";
    /// Counter: spans and log records that were lost, by signal.
    pub const TELEMETRY_DROPPED: &str = "telemetry_dropped_total";
    /// Counter: traces that begin in this process, by the kind of their first span: `client`, `server` or `other`.
    pub const TELEMETRY_ROOTS: &str = "telemetry_roots_total";
}

/// Values of the label `signal` of the three counters above; standard output has the last of them alone.
pub mod signal {
    /// Spans.
    pub const TRACES: &str = "traces";
    /// Log records on their way to the collector or to Loki.
    pub const LOGS: &str = "logs";
    /// JSON lines on their way to standard output.
    pub const STDOUT: &str = "stdout";
}
