//! Why a call has no usable answer, and whether it may have had an effect all the same.

use std::time::Duration;

/// A call that failed after all its attempts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{peer}: {reason}")]
pub struct Failure {
    /// The peer.
    pub peer: &'static str,
    /// What the last attempt met.
    pub reason: Reason,
    /// True when any attempt may have reached the peer: then its effect must be assumed.
    pub may_have_arrived: bool,
}

/// What one attempt met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The breaker is open; for how long.
    #[error("circuit open for {0:?} more")]
    CircuitOpen(Duration),
    /// All places of the bulkhead are taken.
    #[error("too many calls under way")]
    BulkheadFull,
    /// No connection.
    #[error("no connection")]
    Connect,
    /// The connection broke before the whole answer was there.
    #[error("connection broken")]
    Broken,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The peer answered 5xx or 429, perhaps with `Retry-After`.
    #[error("status {status}")]
    Status {
        /// The status.
        status: u16,
        /// What the peer asked for.
        retry_after: Option<Duration>,
    },
    /// The answer is larger than is read, or no answer of this API.
    #[error("unusable answer: {0}")]
    BadAnswer(String),
}

impl Reason {
    /// A retry makes sense: the peer is there, or may be there in a moment. Refusals of our own are final.
    pub(super) fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Broken
                | Self::Timeout
                | Self::Status { status: 429 | 500 | 502 | 503 | 504, .. }
        )
    }

    /// It says that the peer is in trouble. 429 does not: the peer works, and sheds.
    pub(super) fn counts_against_the_peer(&self) -> bool {
        match self {
            Self::Connect | Self::Broken | Self::Timeout | Self::BadAnswer(_) => true,
            Self::Status { status, .. } => *status >= 500,
            Self::CircuitOpen(_) | Self::BulkheadFull => false,
        }
    }

    /// The request may have reached the peer.
    pub(super) fn may_have_arrived(&self) -> bool {
        match self {
            Self::CircuitOpen(_) | Self::BulkheadFull | Self::Connect => false,
            Self::Status { status, .. } => *status != 429,
            Self::Broken | Self::Timeout | Self::BadAnswer(_) => true,
        }
    }

    /// What the peer asked for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Failure {
    /// After how many seconds a client may try again, from 1 to 60.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u32 {
        let wait = match &self.reason {
            Reason::CircuitOpen(left) => Some(*left),
            other => other.retry_after(),
        };
        let seconds = wait.map_or(1, |wait| wait.as_millis().div_ceil(1000));
        u32::try_from(seconds.clamp(1, 60)).unwrap_or(60)
    }
}
