//! Configuration, read once from the environment.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chassis::env::{ConfigError, Env};
use chassis::limits::{HttpLimits, database_settings};
use chassis::retention;
use telemetry::db;

/// Everything the service can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// `LISTEN_ADDR` (127.0.0.1:5001).
    pub listen: SocketAddr,
    /// `DATABASE_PATH` (user-service.db), `DB_MAX_CONNECTIONS`, `DB_ACQUIRE_TIMEOUT_MS`, `DB_BUSY_TIMEOUT_MS`,
    /// `DB_SPAN_FROM_MS`.
    pub database: db::Settings,
    /// `SETTINGS_PATH`: where run-time settings are kept. Without it they last as long as the process.
    pub settings: Option<PathBuf>,
    /// `RETENTION_S` (86,400): how long notifications are kept.
    pub retention: Duration,
    /// The HTTP server's bounds.
    pub http: HttpLimits,
    /// Password checks and session tokens.
    pub sessions: SessionConfig,
    /// `RESELLER_ORDERS` (50,000): how many notifications the account with the most of them begins with; 0 for none.
    pub reseller_orders: u32,
}

/// Password checks and session tokens.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// `SESSION_SECRET`: signs the tokens. Without it a random one is made, and tokens end with the process.
    pub secret: Option<String>,
    /// `SESSION_TTL_MS` (3,600,000): how long a token is good.
    pub ttl: Duration,
    /// `PASSWORD_HASH_MEMORY_KIB` (4,096): argon2id's memory. A login with an older cost stores a new hash.
    pub hash_memory_kib: u32,
    /// `PASSWORD_HASH_ITERATIONS` (2): argon2id's passes.
    pub hash_iterations: u32,
    /// `PASSWORD_HASH_CONCURRENCY` (2): checks at the same time; each holds its memory while it runs.
    pub hash_concurrency: usize,
    /// `PASSWORD_HASH_QUEUE_MS` (1,000): how long a login waits for its turn.
    pub hash_queue: Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            secret: None,
            ttl: Duration::from_secs(3600),
            hash_memory_kib: 4096,
            hash_iterations: 2,
            hash_concurrency: 2,
            hash_queue: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// The defaults with this database file.
    #[must_use]
    pub fn new(database: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5001)),
            database: db::Settings::new(database),
            settings: None,
            retention: retention::DEFAULT,
            http: HttpLimits::default(),
            sessions: SessionConfig::default(),
            reseller_orders: 50_000,
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
        let default = Self::new("user-service.db");
        Ok(Self {
            listen: env.address("LISTEN_ADDR", default.listen)?,
            database: database_settings(env, "user-service.db")?,
            settings: env.text("SETTINGS_PATH").map(PathBuf::from),
            retention: retention::from_env(env)?,
            http: HttpLimits::from_env(env)?,
            sessions: SessionConfig::read(env)?,
            reseller_orders: env.number("RESELLER_ORDERS", default.reseller_orders, 0..=1_000_000)?,
        })
    }
}

impl SessionConfig {
    fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let default = Self::default();
        Ok(Self {
            secret: env.text("SESSION_SECRET"),
            ttl: env.millis("SESSION_TTL_MS", default.ttl)?,
            hash_memory_kib: env.number("PASSWORD_HASH_MEMORY_KIB", default.hash_memory_kib, 64..=262_144)?,
            hash_iterations: env.number("PASSWORD_HASH_ITERATIONS", default.hash_iterations, 1..=64)?,
            hash_concurrency: env.number("PASSWORD_HASH_CONCURRENCY", default.hash_concurrency, 1..=64)?,
            hash_queue: env.millis("PASSWORD_HASH_QUEUE_MS", default.hash_queue)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_names_its_variable() {
        let lookup = |name: &str| (name == "PASSWORD_HASH_ITERATIONS").then(|| "many".to_owned());
        let error = Config::from_env(lookup).unwrap_err();
        assert_eq!(error.variable, "PASSWORD_HASH_ITERATIONS");
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let config = Config::from_env(|_| None).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:5001");
        assert_eq!(config.database.max_connections, 8);
    }
}
