//! The envelope of Prometheus' answers and errors, and how it writes numbers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::Backend;
use crate::api::gate::Stopped;
use crate::api::params::BadParams;
use crate::promql::QueryError;
use crate::stats::add;

/// A successful answer.
#[derive(Serialize)]
struct Success<T> {
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    infos: Vec<String>,
}

/// Wraps data.
pub(super) fn success<T: Serialize>(data: T) -> Response {
    with_notes(data, Vec::new(), Vec::new())
}

/// Wraps data and what is to be said about it.
pub(super) fn with_notes<T: Serialize>(data: T, warnings: Vec<String>, infos: Vec<String>) -> Response {
    Json(Success { status: "success", data, warnings, infos }).into_response()
}

/// An error in Prometheus' shape.
#[derive(Debug, Serialize)]
pub(super) struct ApiError {
    #[serde(skip)]
    code: StatusCode,
    status: &'static str,
    #[serde(rename = "errorType")]
    kind: &'static str,
    error: String,
}

impl ApiError {
    fn new(code: StatusCode, kind: &'static str, error: impl Into<String>) -> Self {
        Self { code, status: "error", kind, error: error.into() }
    }

    pub(super) fn bad_data(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_data", error)
    }

    /// There is no query where one is needed.
    pub(super) fn no_query() -> Self {
        Self::parameter("query", "unknown position: parse error: no expression found in input")
    }

    /// A path of the original that has no counterpart here.
    pub(super) fn missing(what: &str) -> Self {
        let text = format!("{what} is not supported by the embedded backend");
        Self::new(StatusCode::NOT_FOUND, "not_found", text)
    }

    /// A parameter that cannot be read.
    pub(super) fn parameter(name: &str, error: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {error}"))
    }

    /// Counts the error when it is the client's, and prints it.
    pub(super) fn answer(self, backend: &Backend) -> Response {
        if self.code.is_client_error() {
            add(&backend.stats.bad_queries, 1);
        }
        (self.code, Json(self)).into_response()
    }
}

impl From<BadParams> for ApiError {
    fn from(BadParams(code, message): BadParams) -> Self {
        let kind = if code.is_server_error() { "unavailable" } else { "bad_data" };
        Self::new(code, kind, message)
    }
}

impl From<Stopped> for ApiError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TimedOut => QueryError::TimedOut.into(),
            Stopped::Broken => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the query failed"),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let text = error.to_string();
        match error {
            QueryError::Bad(_) => Self::parameter("query", text),
            QueryError::TimedOut => Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", text),
            QueryError::Execution(_) | QueryError::Unsupported(_) | QueryError::TooMuch => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "execution", text)
            }
        }
    }
}

/// A value the way Prometheus prints it in JSON: the shortest text, an exponent only far from one.
pub(super) fn number(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if v != 0.0 && (v.abs() < 1e-6 || v.abs() >= 1e21) {
        // Rust writes `1e-7`, Go `1e-07`.
        let text = format!("{v:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    v.to_string()
}

/// A time in seconds, with milliseconds where there are any.
pub(super) fn seconds(ms: i64) -> serde_json::Number {
    let whole = ms % 1000 == 0;
    let float = serde_json::Number::from_f64(ms as f64 / 1000.0).filter(|_| !whole);
    float.unwrap_or_else(|| (ms / 1000).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        for (value, text) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (-0.0, "-0"),
            (1e-7, "1e-07"),
            (1.5e21, "1.5e+21"),
            (1e20, "100000000000000000000"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(seconds(1500).to_string(), "1.5");
        assert_eq!(seconds(2000).to_string(), "2");
    }
}
