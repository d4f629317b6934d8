//! The bounds of one HTTP server: nothing the network brings is unbounded in size, count or time.

use std::time::Duration;

use crate::env::{ConfigError, Env};

/// Bounds of the public listener.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// `REQUEST_TIMEOUT_MS` (10,000): a handler that takes longer is answered for with 503.
    pub request_timeout: Duration,
    /// `BODY_TIMEOUT_MS` (5,000): how long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// `BODY_LIMIT_BYTES` (65,536): larger bodies are refused with 413.
    pub body_limit: usize,
    /// `HEADER_TIMEOUT_MS` (30,000): how long a connection may sit without a complete request head.
    pub header_timeout: Duration,
    /// `MAX_CONNECTIONS` (1,024): further clients wait in the kernel's queue.
    pub max_connections: usize,
    /// `DRAIN_TIMEOUT_MS` (5,000): how long requests in flight may take to finish once the service is told to stop.
    pub drain_timeout: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(5),
            body_limit: 64 << 10,
            header_timeout: Duration::from_secs(30),
            max_connections: 1024,
            drain_timeout: Duration::from_secs(5),
        }
    }
}

impl HttpLimits {
    /// Reads the variables named at the fields.
    ///
    /// # Errors
    /// For the first variable that cannot be used.
    pub fn from_env(env: &Env<'_>) -> Result<Self, ConfigError> {
        let default = Self::default();
        Ok(Self {
            request_timeout: env.millis("REQUEST_TIMEOUT_MS", default.request_timeout)?,
            body_timeout: env.millis("BODY_TIMEOUT_MS", default.body_timeout)?,
            body_limit: env.number("BODY_LIMIT_BYTES", default.body_limit, 1024..=16 << 20)?,
            header_timeout: env.millis("HEADER_TIMEOUT_MS", default.header_timeout)?,
            max_connections: env.number("MAX_CONNECTIONS", default.max_connections, 1..=65_536)?,
            drain_timeout: env.millis("DRAIN_TIMEOUT_MS", default.drain_timeout)?,
        })
    }
}

/// Reads the database variables: `DATABASE_PATH` (the file), `DB_MAX_CONNECTIONS` (8), `DB_ACQUIRE_TIMEOUT_MS` (1,000),
/// `DB_BUSY_TIMEOUT_MS` (5,000), `DB_SPAN_FROM_MS` (1; 0: a span for each begin and end of a transaction).
///
/// # Errors
/// For the first variable that cannot be used.
pub fn database_settings(env: &Env<'_>, default_path: &str) -> Result<telemetry::db::Settings, ConfigError> {
    let default = telemetry::db::Settings::new(env.path("DATABASE_PATH", default_path));
    Ok(telemetry::db::Settings {
        max_connections: env.number("DB_MAX_CONNECTIONS", default.max_connections, 1..=64)?,
        acquire_timeout: env.millis("DB_ACQUIRE_TIMEOUT_MS", default.acquire_timeout)?,
        busy_timeout: env.millis("DB_BUSY_TIMEOUT_MS", default.busy_timeout)?,
        span_from: Duration::from_millis(env.number("DB_SPAN_FROM_MS", 1, 0..=3_600_000)?),
        path: default.path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_slow_steps_alone_or_of_each_step_can_be_had() {
        let slow = database_settings(&Env::new(&|_| None), "x.db").unwrap();
        assert_eq!(slow.span_from, Duration::from_millis(1));
        let each = |name: &str| (name == "DB_SPAN_FROM_MS").then(|| "0".to_owned());
        assert_eq!(database_settings(&Env::new(&each), "x.db").unwrap().span_from, Duration::ZERO);
    }
}
