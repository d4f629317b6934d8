//! Why an operation on the services was not carried out.

use std::fmt;

/// The kind, which becomes the status of an answer, and the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::up) enum Refused {
    /// There is no such service, instance or lease.
    Unknown(String),
    /// It is at odds with what runs.
    Conflict(String),
    /// It makes no sense.
    Wrong(String),
    /// It was tried, and did not work; what had been begun was undone.
    Failed(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unknown(what) | Self::Conflict(what) | Self::Wrong(what) | Self::Failed(what)) = self;
        f.write_str(what)
    }
}
