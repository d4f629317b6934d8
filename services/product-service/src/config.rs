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
    /// `LISTEN_ADDR` (127.0.0.1:5002).
    pub listen: SocketAddr,
    /// `DATABASE_PATH` (product-service.db), `DB_MAX_CONNECTIONS`, `DB_ACQUIRE_TIMEOUT_MS`, `DB_BUSY_TIMEOUT_MS`,
    /// `DB_SPAN_FROM_MS`.
    pub database: db::Settings,
    /// `SETTINGS_PATH`: where run-time settings are kept. Without it they last as long as the process.
    pub settings: Option<PathBuf>,
    /// `RETENTION_S` (86,400): how long reservations are kept.
    pub retention: Duration,
    /// The HTTP server's bounds.
    pub http: HttpLimits,
}

impl Config {
    /// The defaults with this database file.
    #[must_use]
    pub fn new(database: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5002)),
            database: db::Settings::new(database),
            settings: None,
            retention: retention::DEFAULT,
            http: HttpLimits::default(),
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
        let default = Self::new("product-service.db");
        Ok(Self {
            listen: env.address("LISTEN_ADDR", default.listen)?,
            database: database_settings(env, "product-service.db")?,
            settings: env.text("SETTINGS_PATH").map(PathBuf::from),
            retention: retention::from_env(env)?,
            http: HttpLimits::from_env(env)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_names_its_variable() {
        let lookup = |name: &str| (name == "LISTEN_ADDR").then(|| "localhost".to_owned());
        let error = Config::from_env(lookup).unwrap_err().to_string();
        assert_eq!(error, "LISTEN_ADDR=\"localhost\": expected an address such as 127.0.0.1:5001");
    }
}
