//! Where a file is wrong. One error for one mistake: file, line, key, what is wrong and what would be right.

use std::fmt;

/// A mistake in a file, while the file's name is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The way to the key, such as `spec.objectives[0].target`; empty for the document itself.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    /// A mistake at this place.
    pub fn new(line: usize, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { line, key: key.into(), message: message.into() }
    }

    /// The same, in this file.
    #[must_use]
    pub fn in_file(self, file: &str) -> Error {
        Error { file: file.to_owned(), problem: self }
    }
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file.
    pub file: String,
    /// The rest.
    pub problem: Problem,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.problem.line)?;
        if !self.problem.key.is_empty() {
            write!(f, "{}: ", self.problem.key)?;
        }
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Error {}
