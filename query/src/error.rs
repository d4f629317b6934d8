//! The one error of this crate: what was asked of which API, where, and what came of it.
//!
//! It does not decide what to do next: callers match on [`ErrorKind`] where a case needs its own words (an unknown
//! trace, a backend that is down) and print the rest as it is.

use std::{fmt, time::Duration};

/// Which API was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// Metrics, asked in PromQL.
    Prometheus,
    /// Logs, asked in LogQL.
    Loki,
    /// Traces.
    Jaeger,
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prometheus => "Prometheus",
            Self::Loki => "Loki",
            Self::Jaeger => "Jaeger",
        })
    }
}

/// A question that got no usable answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{api} API, {asked}, at {url}: {kind}")]
pub struct Error {
    /// The API that was asked.
    pub api: Api,
    /// What was asked of it, in words: `instant query up`.
    pub asked: String,
    /// The URL without its query string, and without credentials.
    pub url: String,
    /// What came of it.
    pub kind: ErrorKind,
}

impl Error {
    /// The API knows no such thing (a trace that has not arrived or is older than the retention).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, ErrorKind::NotFound { .. })
    }

    /// The limit that passed without a whole answer, in words (`2 s`): what was asked hangs or is overloaded.
    #[must_use]
    pub fn hung_for(&self) -> Option<String> {
        match self.kind {
            ErrorKind::Timeout(limit) => Some(limit_text(limit)),
            _ => None,
        }
    }

    /// No server could be reached or none answered in time, as opposed to a server that answered with an error.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self.kind, ErrorKind::Refused { .. } | ErrorKind::Transport(_) | ErrorKind::Timeout(_))
    }
}

/// A time limit as it was set: `2 s`, or `1500 ms` where it is no whole number of seconds.
fn limit_text(limit: Duration) -> String {
    match (limit.as_secs(), limit.subsec_millis()) {
        (seconds, 0) => format!("{seconds} s"),
        _ => format!("{} ms", limit.as_millis()),
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ErrorKind {
    /// The connection was refused: no process listens there.
    #[error("nothing answers at {base} (connection refused)")]
    Refused {
        /// The base URL of the API.
        base: String,
    },
    /// The connection could not be made, or broke.
    #[error("the connection failed: {0}")]
    Transport(String),
    /// No whole answer within the limit.
    #[error("no whole answer within {}; it hangs or is overloaded", limit_text(*.0))]
    Timeout(Duration),
    /// The answer is longer than the limit; nothing of it is kept.
    #[error("the answer is larger than {limit} bytes; ask for less (a shorter time, a smaller limit)")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The API says that what was asked for does not exist.
    #[error("not found: {message}")]
    NotFound {
        /// The API's own words.
        message: String,
    },
    /// The API refused the question or failed over it.
    #[error("{}{message} (status {status})", .error_type.as_ref().map(|t| format!("{t}: ")).unwrap_or_default())]
    Api {
        /// The HTTP status.
        status: u16,
        /// Prometheus' `errorType` (`bad_data`, `execution`, …), where the API has one.
        error_type: Option<String>,
        /// The API's own words.
        message: String,
    },
    /// The answer is not of the API's form: most likely another program listens there.
    #[error("not an answer of this API: {0}")]
    Malformed(String),
    /// The question cannot be asked: a bad URL, or an argument the API has no form for.
    #[error("{0}")]
    BadRequest(String),
}
