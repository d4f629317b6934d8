//! How a command ends: the exit codes and the one line that explains a failure, for people and for programs.

use std::{fmt, io::Write as _, process::ExitCode};

/// The exit code of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Done, and what was looked at is good.
    Good,
    /// Done, and what was looked at is not good.
    NotGood,
    /// The arguments make no sense.
    BadArguments,
    /// The environment lacks something, which the message names.
    Environment,
    /// The load generator could not keep its own schedule: its figures are void.
    Overloaded,
    /// A threshold failed.
    Threshold,
}

impl Code {
    /// The number that the shell sees.
    pub fn number(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::NotGood => 1,
            Self::BadArguments => 2,
            Self::Environment => 3,
            Self::Overloaded => 98,
            Self::Threshold => 99,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code.number())
    }
}

/// A command that could not do its work.
///
/// The message is one line: what happened, where, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// The line for the person at the terminal.
    pub message: String,
}

impl Failure {
    /// The environment lacks something.
    pub fn environment(message: impl Into<String>) -> Self {
        Self { code: Code::Environment, message: message.into() }
    }

    /// The arguments make no sense.
    pub fn arguments(message: impl Into<String>) -> Self {
        Self { code: Code::BadArguments, message: message.into() }
    }

    /// The work was done and its outcome is bad, or it broke in the middle.
    pub fn not_good(message: impl Into<String>) -> Self {
        Self { code: Code::NotGood, message: message.into() }
    }

    /// Tells the person, and with `json` the program that reads standard output.
    pub fn tell(&self, json: bool) {
        say(&format!("firedrill: {self}"));
        if json {
            self.print_json();
        }
    }

    /// The failure as the last line of standard output. A reader that went away has no use for it.
    pub fn print_json(&self) {
        let mut out = std::io::stdout().lock();
        let line = serde_json::json!({"error": self.to_string()});
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Says a line on standard error. Nobody to hear it is no reason to fail.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An error's cause may bring line breaks of its own; a failure stays one line.
        for (i, line) in self.message.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            write!(f, "{}{line}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::not_good(format!("{error:#}"))
    }
}

/// What every command returns.
pub type Outcome = Result<Code, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_its_cause_says() {
        let failure = Failure::environment("port 9090 is taken\n  by prometheus\n\n");
        assert_eq!(failure.to_string(), "port 9090 is taken by prometheus");
    }
}
