//! What came of a request.

use bytes::Bytes;
use http::HeaderMap;
use opentelemetry::trace::{SpanId, TraceId};
use std::fmt;
use std::time::{Duration, Instant};

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// No connection.
    Connect,
    /// The connection was closed before the answer was whole.
    Closed,
    /// What came is not HTTP.
    Protocol,
    /// The answer is larger than is read.
    TooLarge,
    /// No whole answer in time.
    Timeout,
}

impl Failure {
    /// The word for it in reports and as `error.type` on spans.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::TooLarge => "too-large",
            Self::Timeout => "timeout",
        }
    }
}

/// The status of the answer, or why there is none.
pub type Outcome = Result<u16, Failure>;

/// An outcome as reports write it: `201` or `timeout`.
pub(crate) struct Shown(pub(crate) Outcome);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(status) => status.fmt(f),
            Err(failure) => failure.name().fmt(f),
        }
    }
}

/// One answered (or unanswered) request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status or failure.
    pub outcome: Outcome,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The answer's body, whole.
    pub body: Bytes,
    /// Trace of the request.
    pub trace_id: TraceId,
    /// Its root span.
    pub span_id: SpanId,
    /// Whether the root span is exported.
    pub sampled: bool,
    /// Correlation id as sent.
    pub correlation_id: String,
    /// When it was handed to the connection (which may have to be made).
    pub fired: Instant,
    /// When the answer was whole, or given up.
    pub ended: Instant,
}

impl Answer {
    /// Status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.outcome.ok()
    }

    /// From fired to ended.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.ended - self.fired
    }

    /// A field of the JSON object in the body, as text. None if there is no such object or field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let value: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        match value.get(name)? {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}
