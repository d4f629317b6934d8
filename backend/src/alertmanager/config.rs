//! What an Alertmanager is told to do, in Alertmanager's own file format.
//!
//! The part of it that the built-in one does is read; all the rest (time intervals, templates, receivers of other kinds, TLS
//! and passwords) is refused by name and line: a part that is read and then ignored would be alerts that nobody gets.

mod duration;
mod read;
mod receiver;
mod route;

use std::path::Path;
use std::time::Duration;

use super::matchers::Matchers;

pub(crate) use receiver::{Integration, Receiver, Webhook};
pub(crate) use route::{GroupBy, Route};

/// What is done where nothing is said: everything goes to the terminal, one notification per name of an alert, and soon.
const NOTHING_SAID: &str = "\
route:
  receiver: terminal
  group_by: [alertname]
  group_wait: 1s
  group_interval: 10s
receivers:
  - name: terminal
";

/// A whole file.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The file's text, without the addresses of webhooks, which are secrets to Alertmanager.
    pub(crate) shown: String,
    /// How long an alert without an end lives after its last word.
    pub(crate) resolve_timeout: Duration,
    /// The root of the tree of routes.
    pub(crate) route: Route,
    /// Those who are told, by their names, in the order of the file.
    pub(crate) receivers: Vec<Receiver>,
    /// Which alerts hold back which.
    pub(crate) inhibit_rules: Vec<InhibitRule>,
}

/// Alerts of one kind that hold back those of another.
#[derive(Clone, Debug)]
pub(crate) struct InhibitRule {
    /// What the alert fulfils that holds others back.
    pub(crate) source: Matchers,
    /// What the alerts fulfil that are held back.
    pub(crate) target: Matchers,
    /// Labels that must be the same on both.
    pub(crate) equal: Vec<String>,
}

impl Config {
    /// Reads the file; without one, everything goes to the terminal.
    ///
    /// # Errors
    /// One line: the file, the line and the key of the first mistake.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, String> {
        let Some(file) = file else {
            return Self::parse(NOTHING_SAID).map_err(|problem| problem.message);
        };
        let text = std::fs::read_to_string(file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("{}: there is no such file", file.display()),
            _ => format!("{}: {error}", file.display()),
        })?;
        Self::parse(&text).map_err(|problem| problem.in_file(&file.display().to_string()).to_string())
    }

    /// The integrations of a receiver.
    pub(crate) fn integrations(&self, receiver: &str) -> &[Integration] {
        self.receivers.iter().find(|r| r.name == receiver).map_or(&[], |r| &r.integrations)
    }
}

/// Whether a file can be used, without starting anything.
///
/// # Errors
/// One line: the file, the line and the key of the first mistake.
pub fn check(file: &Path) -> Result<(), String> {
    Config::load(Some(file)).map(drop)
}
