//! What can go wrong with a database, sorted by what the caller can do about it.

use std::{fmt, path::PathBuf};

/// A statement, a transaction or the wait for a connection failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection became free in time.
    #[error("no database connection became free within {0:?}")]
    PoolTimeout(std::time::Duration),
    /// The pool was closed (the process is stopping).
    #[error("the database is closed")]
    Closed,
    /// Another writer held the lock for longer than the busy time-out.
    #[error("the database is locked by another writer")]
    Busy,
    /// The disk, or the file's size limit, is full.
    #[error("the disk of the database is full")]
    Full,
    /// The file cannot be written.
    #[error("the database is read-only")]
    ReadOnly,
    /// A write came back from the system, which does not say more: a limit on the size of files, or a disk that fails.
    #[error("the database cannot be written: {0}")]
    Unwritable(sqlx::Error),
    /// The file is damaged.
    #[error("the database file is damaged: {0}")]
    Corrupt(String),
    /// A unique or primary key was there already.
    #[error("a row with this key exists already")]
    Unique,
    /// Anything else, as sqlx tells it.
    #[error(transparent)]
    Other(sqlx::Error),
}

impl Error {
    /// True when the same call may work a little later: no free connection, a lock, a full disk, a closing pool.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::PoolTimeout(_) | Self::Closed | Self::Busy | Self::Full | Self::Unwritable(_))
    }

    /// True when nothing can be written, whatever it is.
    #[must_use]
    pub fn refuses_writes(&self) -> bool {
        matches!(self, Self::Full | Self::ReadOnly | Self::Unwritable(_))
    }

    /// A low-cardinality name for `error.type` and metric labels.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PoolTimeout(_) => "pool_timeout",
            Self::Closed => "closed",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Unwritable(_) => "unwritable",
            Self::Corrupt(_) => "corrupt",
            Self::Unique => "unique",
            Self::Other(_) => "other",
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(inner) = &error else {
            return match error {
                sqlx::Error::PoolClosed => Self::Closed,
                other => Self::Other(other),
            };
        };
        if inner.is_unique_violation() {
            return Self::Unique;
        }
        if inner.code().is_some_and(|code| WRITING.contains(&&*code)) {
            return Self::Unwritable(error);
        }
        match inner.code().and_then(|code| primary_code(&code)) {
            Some(5 | 6) => Self::Busy,
            Some(8) => Self::ReadOnly,
            Some(11 | 26) => Self::Corrupt(inner.message().to_owned()),
            Some(13) => Self::Full,
            _ => Self::Other(error),
        }
    }
}

/// SQLite's primary result code: the low byte of the extended code that sqlx reports as decimal text.
pub(super) fn primary_code(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

/// SQLite's extended codes of I/O errors on the way of bytes to the disk: write, fsync, truncate, size of the shared memory.
const WRITING: [&str; 4] = ["778", "1034", "1546", "4874"];

/// The database could not be opened. Each message is one line that says what, where and what to do.
#[derive(Debug)]
pub enum OpenError {
    /// The directory of the file does not exist.
    MissingDirectory(PathBuf),
    /// The path names a directory or another thing that is no regular file.
    NotAFile(PathBuf),
    /// The file or its directory cannot be written.
    ReadOnly(PathBuf),
    /// No space is left.
    DiskFull(PathBuf),
    /// The system took no more bytes, and SQLite does not say why.
    WriteFailed {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        cause: Error,
    },
    /// Another process holds the file.
    Locked(PathBuf),
    /// The damaged file could not be renamed out of the way.
    CannotSetAside {
        /// The damaged file.
        path: PathBuf,
        /// Why the rename failed.
        cause: std::io::Error,
    },
    /// A database that this program has not made.
    Foreign {
        /// The file.
        path: PathBuf,
        /// One of its tables.
        table: String,
    },
    /// The schema is newer than this program, or was changed behind its back.
    Schema {
        /// The file.
        path: PathBuf,
        /// What does not fit, and what to do.
        reason: String,
    },
    /// Anything else.
    Other {
        /// The file.
        path: PathBuf,
        /// The cause.
        cause: Error,
    },
}

/// The message holds the cause's words; a chain of sources would tell them again.
impl std::error::Error for OpenError {}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told("set DATABASE_PATH to another place"))
    }
}

impl OpenError {
    /// The line, for a program that places its databases in its own way: `elsewhere` says how a person changes the place.
    #[must_use]
    pub fn told(&self, elsewhere: &str) -> String {
        let (path, what) = match self {
            Self::MissingDirectory(path) => {
                (path, format!("the directory does not exist; create it or {elsewhere}"))
            }
            Self::NotAFile(path) => (path, format!("not a file; move away what is there or {elsewhere}")),
            Self::ReadOnly(path) => (
                path,
                format!(
                    "cannot be written (read-only disk or missing permission); make it writable or {elsewhere}"
                ),
            ),
            Self::DiskFull(path) => (path, format!("the disk is full; free some space or {elsewhere}")),
            Self::WriteFailed { path, cause } => (
                path,
                format!(
                    "{cause}: the disk or a size limit is full, or the disk fails; free some space or {elsewhere}"
                ),
            ),
            Self::Locked(path) => (path, "locked by another process; stop that process first".to_owned()),
            Self::CannotSetAside { path, cause } => {
                (path, format!("damaged, and cannot be set aside: {cause}; move it away or {elsewhere}"))
            }
            Self::Foreign { path, table } => (
                path,
                format!(
                    "another program's: it has a table {table:?} of its own; move it away or {elsewhere}"
                ),
            ),
            Self::Schema { path, reason } => (path, reason.clone()),
            Self::Other { path, cause } => (path, format!("{cause}; move it away or {elsewhere}")),
        };
        format!("database {}: {what}", path.display())
    }

    /// Sorts a failure of the first statements on a file.
    pub(super) fn sort(path: &std::path::Path, error: Error) -> Self {
        let path = path.to_owned();
        match &error {
            Error::Busy => Self::Locked(path),
            Error::Full => Self::DiskFull(path),
            Error::ReadOnly => Self::ReadOnly(path),
            Error::Unwritable(sqlx::Error::Database(inner)) | Error::Other(sqlx::Error::Database(inner))
                if matches!(inner.code().and_then(|code| primary_code(&code)), Some(10 | 14)) =>
            {
                // CANTOPEN and IOERR come for several reasons; the file system knows which.
                match std::fs::OpenOptions::new().append(true).create(true).open(&path) {
                    Err(cause) if cause.kind() == std::io::ErrorKind::StorageFull => Self::DiskFull(path),
                    Err(_) => Self::ReadOnly(path),
                    Ok(_) if error.refuses_writes() => Self::WriteFailed { path, cause: error },
                    Ok(_) => Self::Other { path, cause: error },
                }
            }
            _ => Self::Other { path, cause: error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::primary_code;

    #[test]
    fn extended_codes_reduce_to_their_primary_code() {
        assert_eq!(primary_code("517"), Some(5), "SQLITE_BUSY_SNAPSHOT is a busy");
        assert_eq!(primary_code("2067"), Some(19), "SQLITE_CONSTRAINT_UNIQUE is a constraint");
        assert_eq!(primary_code("none"), None);
    }
}
