//! Reading variables: unset and empty are the same, as OpenTelemetry has it; a malformed value is an error that names its
//! variable. Of a choice, a value that is not known here is ignored and told, as the specification wants it: it may be a right
//! one for other programs of the same shell. Variables come through a function, so that configuration is tested without a process environment.

use std::cell::RefCell;
use std::str::FromStr;
use std::time::Duration;

/// Why the configuration was refused. Says which variable, what is wrong and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={value}: {problem}")]
pub struct ConfigError {
    /// The variable.
    pub variable: String,
    /// Its value, shortened.
    pub value: String,
    /// What is wrong with it and what is accepted.
    pub problem: String,
}

/// Variables by name.
pub(crate) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    ignored: RefCell<Vec<ConfigError>>,
}

impl<'a> Env<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, ignored: RefCell::default() }
    }

    /// Notes a choice that is not known here.
    pub(crate) fn ignore(&self, variable: &str, value: &str, problem: &str) {
        self.ignored.borrow_mut().push(invalid(variable, value, problem));
    }

    /// What was noted.
    pub(crate) fn into_ignored(self) -> Vec<ConfigError> {
        self.ignored.into_inner()
    }

    /// The trimmed value; `None` when unset or empty.
    pub(crate) fn text(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The first of `variables` that is set, with its name.
    pub(crate) fn first<'v>(&self, variables: &[&'v str]) -> Option<(&'v str, String)> {
        variables.iter().find_map(|variable| Some((*variable, self.text(variable)?)))
    }

    /// `true`, in any case; everything else is `false`.
    pub(crate) fn flag(&self, variable: &str) -> bool {
        let Some(value) = self.text(variable) else { return false };
        let is = value.eq_ignore_ascii_case("true");
        if !is && !value.eq_ignore_ascii_case("false") {
            self.ignore(variable, &value, "taken as false: use true or false");
        }
        is
    }

    /// A number, or `default` when unset.
    pub(crate) fn number<T: FromStr>(
        &self,
        variable: &str,
        default: T,
        accepted: &str,
    ) -> Result<T, ConfigError> {
        match self.text(variable) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| invalid(variable, &value, accepted)),
        }
    }

    /// Milliseconds.
    pub(crate) fn millis(&self, variable: &str) -> Result<Option<Duration>, ConfigError> {
        self.text(variable).map(|value| parse_millis(variable, &value)).transpose()
    }
}

/// `value` of `variable` as milliseconds.
pub(crate) fn parse_millis(variable: &str, value: &str) -> Result<Duration, ConfigError> {
    value
        .parse()
        .map(Duration::from_millis)
        .map_err(|_| invalid(variable, value, "use a whole number of milliseconds"))
}

/// An error about `variable`; a long value is shortened.
pub(crate) fn invalid(variable: &str, value: &str, problem: impl Into<String>) -> ConfigError {
    let value = crate::semconv::bounded(value, 120).to_owned();
    ConfigError { variable: variable.to_owned(), value, problem: problem.into() }
}
