//! Names of metrics and labels, as OpenTelemetry and Prometheus have them. No service and no route stands here.

use crate::metrics::Reading;
use query::quoted;

/// Durations of requests as servers see them.
pub const SERVER: &str = "http_server_request_duration_seconds";
/// Durations of calls as callers see them.
pub const CLIENT: &str = "http_client_request_duration_seconds";
/// Durations of statements.
pub const STATEMENT: &str = "db_client_operation_duration_seconds";
/// Waits for a connection of the pool.
pub const POOL_WAIT: &str = "db_client_connections_wait_time_seconds";
/// Waits for the turn to write.
pub const WRITE_TURN: &str = "db_client_write_turn_wait_time_seconds";

/// How late the runtime's own task ran.
pub const HEARTBEAT: &str = "runtime_heartbeat_delay_seconds";

/// The family of a histogram's buckets.
#[must_use]
pub fn buckets(family: &str) -> String {
    format!("{family}_bucket")
}

/// The operation that a series of a server or a client counts, named as its spans are.
#[must_use]
pub fn operation(reading: &Reading) -> String {
    format!("{} {}", reading.label("method"), reading.label("route"))
}

/// A selector: a family and the values of labels.
#[must_use]
pub fn selector(family: &str, labels: &[(&str, &str)]) -> String {
    let labels: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{family}{{{}}}", labels.join(","))
}

/// Method and route of an operation that is named by both.
#[must_use]
pub fn method_and_route(operation: &str) -> (&str, &str) {
    operation.split_once(' ').unwrap_or(("", operation))
}
