//! Why the backend could not start or go on. Each message is one line that says what, where and what to do.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// A failure of [`crate::run`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The folder that should hold the data directory does not exist.
    MissingDirectory(PathBuf),
    /// The data directory is not a folder.
    NotADirectory(PathBuf),
    /// The data directory cannot be written.
    ReadOnly(PathBuf),
    /// The disk under the data directory is full.
    DiskFull(PathBuf),
    /// The system took no more bytes, and SQLite does not say why.
    WriteFailed {
        /// The data directory.
        path: PathBuf,
        /// SQLite's words.
        message: String,
    },
    /// Another process holds the data directory.
    InUse(PathBuf),
    /// The store answered something else.
    Store {
        /// The data directory.
        path: PathBuf,
        /// What SQLite or the system said.
        message: String,
    },
    /// A configuration has a mistake: its file, line and key, and what is wrong.
    Configuration(String),
    /// A part ended before it should.
    Stopped(&'static str),
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told("name another data directory"))
    }
}

/// SQLite's extended codes of I/O errors on the way of bytes to the disk: write, fsync, truncate, size of the shared memory.
const WRITING: [i32; 4] = [778, 1034, 1546, 4874];

impl Error {
    /// The line, for a program that places the data directory in its own way: `elsewhere` says how a person changes it.
    #[must_use]
    pub fn told(&self, elsewhere: &str) -> String {
        match self {
            Self::MissingDirectory(path) => format!(
                "the data directory {} cannot be created: its parent folder does not exist; create it or {elsewhere}",
                path.display()
            ),
            Self::NotADirectory(path) => {
                format!("the data directory {} is not a folder; {elsewhere}", path.display())
            }
            Self::ReadOnly(path) => {
                format!("the data directory {} is read-only; make it writable or {elsewhere}", path.display())
            }
            Self::DiskFull(path) => {
                format!("the disk that holds {} is full; free some space or {elsewhere}", path.display())
            }
            Self::WriteFailed { path, message } => format!(
                "the store in {} cannot be written: {message}: the disk or a size limit is full, or the disk fails; \
                 free some space or {elsewhere}",
                path.display()
            ),
            Self::InUse(path) => format!(
                "the data directory {} is in use by another backend; stop it or {elsewhere}",
                path.display()
            ),
            Self::Store { path, message } => {
                format!("the store in {} failed: {message}; move it away or {elsewhere}", path.display())
            }
            Self::Configuration(mistake) => mistake.clone(),
            Self::Stopped(part) => format!("{part} ended unexpectedly"),
        }
    }

    /// Whether the environment is to blame (a folder, a disk, a file, another process), rather than the backend.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        matches!(
            self,
            Self::MissingDirectory(_)
                | Self::NotADirectory(_)
                | Self::ReadOnly(_)
                | Self::DiskFull(_)
                | Self::WriteFailed { .. }
                | Self::InUse(_)
                | Self::Configuration(_)
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
        if error.sqlite_error().is_some_and(|inner| WRITING.contains(&inner.extended_code)) {
            return Self::WriteFailed { path: path.to_owned(), message: error.to_string() };
        }
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
        // What a disk of a few pages answers to the shared memory of the journal.
        let no_room = rusqlite::ffi::Error::new(4874);
        let error = Error::sqlite(path, &rusqlite::Error::SqliteFailure(no_room, None));
        let told = error.told("name another --home");
        assert!(told.contains("full") && told.ends_with("free some space or name another --home"), "{told}");
        assert!(error.is_environment());
    }
}
