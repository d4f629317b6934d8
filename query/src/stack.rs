//! The three clients together.

use crate::{Error, Jaeger, Limits, Loki, Prometheus};

/// One client of each API. Cheap to clone: clones share their connections.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Metrics.
    pub prometheus: Prometheus,
    /// Logs.
    pub loki: Loki,
    /// Traces.
    pub jaeger: Jaeger,
}

impl Stack {
    /// Clients of the APIs at these base URLs (`http://127.0.0.1:9090`; a path prefix is kept). Nothing is asked yet.
    ///
    /// # Errors
    /// A URL is malformed, is not `http`, or carries credentials.
    pub fn new(prometheus: &str, loki: &str, jaeger: &str) -> Result<Self, Error> {
        Self::with_limits(prometheus, loki, jaeger, Limits::default())
    }

    /// The same, with limits of one's own.
    ///
    /// # Errors
    /// As [`Stack::new`].
    pub fn with_limits(prometheus: &str, loki: &str, jaeger: &str, limits: Limits) -> Result<Self, Error> {
        Ok(Self {
            prometheus: Prometheus::new(prometheus, limits)?,
            loki: Loki::new(loki, limits)?,
            jaeger: Jaeger::new(jaeger, limits)?,
        })
    }
}
