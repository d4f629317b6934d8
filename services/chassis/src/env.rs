//! Environment variables, read once at the start. A bad value ends the start with the variable, the value and what is expected.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={value:?}: expected {expected}")]
pub struct ConfigError {
    /// The variable's name.
    pub variable: String,
    /// What it holds.
    pub value: String,
    /// What it should hold.
    pub expected: String,
}

/// Reads variables through a function, so that configuration is tested without a process.
pub struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Env<'a> {
    /// Reads through `lookup`.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// The value if it is set and not empty.
    #[must_use]
    pub fn text(&self, variable: &str) -> Option<String> {
        (self.0)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// A path, or the default.
    #[must_use]
    pub fn path(&self, variable: &str, default: &str) -> PathBuf {
        self.text(variable).map_or_else(|| PathBuf::from(default), PathBuf::from)
    }

    /// `HOST:PORT` with a numeric host, or the default.
    ///
    /// # Errors
    /// When the value is no such address.
    pub fn address(&self, variable: &str, default: SocketAddr) -> Result<SocketAddr, ConfigError> {
        self.parse(variable, default, "an address such as 127.0.0.1:5001")
    }

    /// A number within bounds, or the default.
    ///
    /// # Errors
    /// When the value is no number or out of bounds.
    pub fn number<T: FromStr + PartialOrd + Display>(
        &self,
        variable: &str,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> Result<T, ConfigError> {
        let expected = format!("a number from {} to {}", bounds.start(), bounds.end());
        let value = self.parse(variable, default, &expected)?;
        if bounds.contains(&value) { Ok(value) } else { Err(error(variable, value.to_string(), expected)) }
    }

    /// A duration in milliseconds from 1 ms to one hour, or the default.
    ///
    /// # Errors
    /// When the value is no number or out of bounds.
    pub fn millis(&self, variable: &str, default: Duration) -> Result<Duration, ConfigError> {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        self.number(variable, default, 1..=3_600_000).map(Duration::from_millis)
    }

    /// An `http://` address without a path, or the default; a slash at the end is dropped.
    ///
    /// # Errors
    /// When the value is something else.
    pub fn base_url(&self, variable: &str, default: &str) -> Result<String, ConfigError> {
        let value = self.text(variable).unwrap_or_else(|| default.to_owned());
        let expected = "an address such as http://127.0.0.1:5001";
        let parsed = value.parse::<http::Uri>().ok().filter(|uri| {
            uri.scheme_str() == Some("http")
                && uri.authority().is_some_and(|authority| !authority.host().is_empty())
                && uri.query().is_none()
                && matches!(uri.path(), "" | "/")
        });
        match parsed {
            Some(_) => Ok(value.trim_end_matches('/').to_owned()),
            None => Err(error(variable, value, expected.to_owned())),
        }
    }

    fn parse<T: FromStr>(&self, variable: &str, default: T, expected: &str) -> Result<T, ConfigError> {
        match self.text(variable) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| error(variable, text, expected.to_owned())),
        }
    }
}

fn error(variable: &str, value: String, expected: String) -> ConfigError {
    ConfigError { variable: variable.to_owned(), value, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &'static str) -> impl Fn(&str) -> Option<String> {
        move |_| Some(value.to_owned())
    }

    #[test]
    fn a_missing_or_empty_variable_takes_the_default() {
        let empty = with("  ");
        assert_eq!(Env::new(&empty).number("N", 7, 1..=9), Ok(7));
        assert_eq!(Env::new(&|_| None).number("N", 7, 1..=9), Ok(7));
    }

    #[test]
    fn a_number_out_of_bounds_names_variable_value_and_bounds() {
        let lookup = with("0");
        let message = Env::new(&lookup).number("DB_MAX_CONNECTIONS", 8, 1..=64).unwrap_err().to_string();
        assert_eq!(message, "DB_MAX_CONNECTIONS=\"0\": expected a number from 1 to 64");
    }

    #[test]
    fn a_base_url_is_http_and_has_no_path() {
        for (value, good) in [
            ("http://127.0.0.1:5001", true),
            ("http://user-service:5001/", true),
            ("https://127.0.0.1", false),
            ("http://127.0.0.1/api", false),
            ("127.0.0.1:5001", false),
            ("http://", false),
        ] {
            let lookup = with(value);
            assert_eq!(Env::new(&lookup).base_url("U", "http://x").is_ok(), good, "{value}");
        }
    }
}
