//! Why the backend could not start or go on. Each message is one line that says what, where and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of [`crate::run`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder that should hold the data directory does not exist.
    #[error("the data directory {} cannot be created: its parent folder does not exist; create it or name another", .0.display())]
    MissingDirectory(PathBuf),
    /// The data directory is not a folder.
    #[error("the data directory {} is not a folder; name another", .0.display())]
    NotADirectory(PathBuf),
    /// The data directory cannot be written.
    #[error("the data directory {} is read-only; make it writable or name another", .0.display())]
    ReadOnly(PathBuf),
    /// The disk under the data directory is full.
    #[error("the disk that holds {} is full; free some space or name another data directory", .0.display())]
    DiskFull(PathBuf),
    /// Another process holds the data directory.
    #[error("the data directory {} is in use by another backend; stop it or name another", .0.display())]
    InUse(PathBuf),
    /// The store answered something else.
    #[error("the store in {} failed: {message}", path.display())]
    Store {
        /// The data directory.
        path: PathBuf,
        /// What SQLite or the system said.
        message: String,
    },
    /// A part ended before it should.
    #[error("{0} ended unexpectedly")]
    Stopped(&'static str),
}

impl Error {
    /// Whether the environment is to blame (a folder, a disk, another process), rather than the backend.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        matches!(
            self,
            Self::MissingDirectory(_)
                | Self::NotADirectory(_)
                | Self::ReadOnly(_)
                | Self::DiskFull(_)
                | Self::InUse(_)
        )
    }

    /// Names an I/O failure on the data directory.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::MissingDirectory(path.to_owned()),
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                Self::NotADirectory(path.to_owned())
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly(path.to_owned())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path.to_owned()),
            _ => Self::Store { path: path.to_owned(), message: error.to_string() },
        }
    }

    /// Names an SQLite failure on the data directory.
    pub(crate) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull(path.to_owned()),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly(path.to_owned())
            }
            _ => Self::Store { path: path.to_owned(), message: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_refuses_is_named_in_one_line() {
        let path = Path::new("/data");
        for (kind, said) in [
            (io::ErrorKind::StorageFull, "is full"),
            (io::ErrorKind::ReadOnlyFilesystem, "is read-only"),
            (io::ErrorKind::PermissionDenied, "is read-only"),
            (io::ErrorKind::NotFound, "parent folder does not exist"),
        ] {
            let error = Error::io(path, &kind.into());
            let text = error.to_string();
            assert!(text.contains(said) && text.contains("/data") && text.lines().count() == 1, "{text}");
            assert!(error.is_environment());
        }
        let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        let error = Error::sqlite(path, &rusqlite::Error::SqliteFailure(full, None));
        assert!(matches!(error, Error::DiskFull(_)));
    }
}
