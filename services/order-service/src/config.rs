//! Configuration, read once from the environment.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chassis::env::{ConfigError, Env};
use chassis::limits::{HttpLimits, database_settings};
use chassis::retention;
use telemetry::db;

use crate::outbound::Policy;

/// Everything the service can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// `LISTEN_ADDR` (127.0.0.1:5003).
    pub listen: SocketAddr,
    /// `DATABASE_PATH` (order-service.db), `DB_MAX_CONNECTIONS`, `DB_ACQUIRE_TIMEOUT_MS`, `DB_BUSY_TIMEOUT_MS`,
    /// `DB_SPAN_FROM_MS`.
    pub database: db::Settings,
    /// `SETTINGS_PATH`: where run-time settings are kept. Without it they last as long as the process.
    pub settings: Option<PathBuf>,
    /// `RETENTION_S` (86,400): how long orders, confirmed or failed, and refused events are kept.
    pub retention: Duration,
    /// The HTTP server's bounds.
    pub http: HttpLimits,
    /// `USER_SERVICE_URL` (`http://127.0.0.1:5001`).
    pub user_service: String,
    /// `PRODUCT_SERVICE_URL` (`http://127.0.0.1:5002`).
    pub product_service: String,
    /// How the neighbours are called.
    pub outbound: Policy,
    /// Keys, outbox and recovery.
    pub work: WorkConfig,
}

/// Idempotency keys, the outbox's relay and the recovery of unfinished orders.
#[derive(Debug, Clone)]
pub struct WorkConfig {
    /// `IDEMPOTENCY_TTL_S` (86,400): how long a stored answer is replayed.
    pub idempotency_ttl: Duration,
    /// `OUTBOX_POLL_MS` (500): how often the relay looks for events that wait for another attempt.
    pub outbox_poll: Duration,
    /// `OUTBOX_CONCURRENCY` (4): deliveries at the same time.
    pub outbox_concurrency: usize,
    /// `RECOVERY_AFTER_MS` (30,000): age at which a pending order counts as abandoned; longer than any order may take.
    pub recovery_after: Duration,
    /// `RECOVERY_INTERVAL_MS` (5,000): how often abandoned orders and expired keys are looked for.
    pub recovery_interval: Duration,
}

impl Default for WorkConfig {
    fn default() -> Self {
        Self {
            idempotency_ttl: Duration::from_secs(86_400),
            outbox_poll: Duration::from_millis(500),
            outbox_concurrency: 4,
            recovery_after: Duration::from_secs(30),
            recovery_interval: Duration::from_secs(5),
        }
    }
}

impl Config {
    /// The defaults with this database file.
    #[must_use]
    pub fn new(database: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5003)),
            database: db::Settings::new(database),
            settings: None,
            retention: retention::DEFAULT,
            http: HttpLimits::default(),
            user_service: "http://127.0.0.1:5001".to_owned(),
            product_service: "http://127.0.0.1:5002".to_owned(),
            outbound: Policy::default(),
            work: WorkConfig::default(),
        }
    }

    /// Reads through `lookup`, usually the process environment.
    ///
    /// # Errors
    /// For the first variable that cannot be used.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::read(&Env::new(&lookup))
    }

    /// Reads the variables named at the fields.
    ///
    /// # Errors
    /// For the first variable that cannot be used.
    pub fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let default = Self::new("order-service.db");
        Ok(Self {
            listen: env.address("LISTEN_ADDR", default.listen)?,
            database: database_settings(env, "order-service.db")?,
            settings: env.text("SETTINGS_PATH").map(PathBuf::from),
            retention: retention::from_env(env)?,
            http: HttpLimits::from_env(env)?,
            user_service: env.base_url("USER_SERVICE_URL", &default.user_service)?,
            product_service: env.base_url("PRODUCT_SERVICE_URL", &default.product_service)?,
            outbound: Policy::read(env)?,
            work: WorkConfig::read(env)?,
        })
    }
}

impl WorkConfig {
    fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let default = Self::default();
        let ttl = env.number("IDEMPOTENCY_TTL_S", default.idempotency_ttl.as_secs(), 1..=31_536_000)?;
        Ok(Self {
            idempotency_ttl: Duration::from_secs(ttl),
            outbox_poll: env.millis("OUTBOX_POLL_MS", default.outbox_poll)?,
            outbox_concurrency: env.number("OUTBOX_CONCURRENCY", default.outbox_concurrency, 1..=64)?,
            recovery_after: env.millis("RECOVERY_AFTER_MS", default.recovery_after)?,
            recovery_interval: env.millis("RECOVERY_INTERVAL_MS", default.recovery_interval)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let config = Config::from_env(|_| None).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:5003");
        assert_eq!(config.user_service, "http://127.0.0.1:5001");
    }

    #[test]
    fn a_bad_neighbour_address_names_its_variable() {
        let lookup = |name: &str| (name == "USER_SERVICE_URL").then(|| "https://users".to_owned());
        assert_eq!(Config::from_env(lookup).unwrap_err().variable, "USER_SERVICE_URL");
    }
}
