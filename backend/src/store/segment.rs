//! A segment: one SQLite file that holds the spans and logs of a stretch of time.
//! Retention drops whole files, so nothing is ever deleted row by row and no vacuum runs. Sealed segments are only
//! read. A file that turns out to be damaged is renamed, never deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use rusqlite::{Connection, OpenFlags};

use super::aside::{aside_of, with_suffix};
use super::block::Damaged;

/// The layout's version; a file of another version is set aside like a damaged one.
const VERSION: i64 = 3;
/// Read connections kept per segment.
const KEPT_READERS: usize = 2;

const SCHEMA: &str = "
CREATE TABLE meta (spans INTEGER NOT NULL, logs INTEGER NOT NULL, last_write_ms INTEGER NOT NULL);
INSERT INTO meta VALUES (0, 0, 0);
CREATE TABLE blocks (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE keys (hash INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (hash, block)) WITHOUT ROWID;
CREATE TABLE origins (id INTEGER PRIMARY KEY, service INTEGER NOT NULL, resource BLOB NOT NULL, scope BLOB NOT NULL);
CREATE TABLE services (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE operations (service INTEGER NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (service, name, kind)) WITHOUT ROWID;
CREATE TABLE span_blocks (block INTEGER PRIMARY KEY, min_start_ns INTEGER NOT NULL, max_start_ns INTEGER NOT NULL, min_duration_ns INTEGER NOT NULL, max_duration_ns INTEGER NOT NULL, filter BLOB NOT NULL);
CREATE INDEX span_blocks_by_time ON span_blocks (max_start_ns, min_start_ns);
CREATE TABLE span_rows (block INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE TABLE streams (id INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE);
CREATE TABLE runs (stream INTEGER NOT NULL, min_ns INTEGER NOT NULL, max_ns INTEGER NOT NULL, block INTEGER NOT NULL, entries INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (stream, min_ns, block)) WITHOUT ROWID;
";

/// Why a read of a segment failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the stored file is damaged")]
    Damaged,
    #[error("{0}")]
    Sqlite(rusqlite::Error),
    #[error("the query took longer than it may")]
    TimedOut,
}

impl From<Damaged> for ReadError {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged,
            _ => Self::Sqlite(error),
        }
    }
}

/// One file of the store.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) created_ms: i64,
    pub(crate) last_write_ms: AtomicI64,
    pub(crate) spans: AtomicU64,
    pub(crate) logs: AtomicU64,
    pub(crate) damaged: AtomicBool,
    readers: Mutex<Vec<Connection>>,
}

/// The name of the file created at a time.
pub(crate) fn file_name(created_ms: i64) -> String {
    format!("segment-{created_ms:013}.db")
}

/// The time in a segment's file name; `None` for other files.
pub(crate) fn created_of(path: &Path) -> Option<i64> {
    path.file_name()?.to_str()?.strip_prefix("segment-")?.strip_suffix(".db")?.parse().ok()
}

/// Opens a segment for writing, creating it where it is missing.
///
/// # Errors
/// SQLite's own, or [`ReadError::Damaged`] when the file is not one of ours.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, ReadError> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096;
         PRAGMA wal_autocheckpoint = 512; PRAGMA journal_size_limit = 8388608; PRAGMA temp_store = MEMORY;",
    )?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0))?;
    if tables == 0 {
        connection.execute_batch(&format!("BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"))?;
    }
    check(&connection)?;
    Ok(connection)
}

/// The cheap checks that every file gets at start.
fn check(connection: &Connection) -> Result<(u64, u64, i64), ReadError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    if version != VERSION {
        return Err(ReadError::Damaged);
    }
    Ok(connection.query_row("SELECT spans, logs, last_write_ms FROM meta", [], |r| {
        Ok((r.get::<_, i64>(0)? as u64, r.get::<_, i64>(1)? as u64, r.get(2)?))
    })?)
}

/// Whether a file was created but never given its tables: the process ended at that moment, and nothing is in it.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    let tables = open_reader(path).and_then(|connection| {
        Ok(connection.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get::<_, i64>(0))?)
    });
    matches!(tables, Ok(0))
}

impl Segment {
    /// Opens an existing segment; `thorough` also walks every page.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when it is not whole.
    pub(crate) fn open(path: &Path, created_ms: i64, thorough: bool) -> Result<Self, ReadError> {
        let segment = Self {
            path: path.to_owned(),
            created_ms,
            last_write_ms: AtomicI64::new(created_ms),
            spans: AtomicU64::new(0),
            logs: AtomicU64::new(0),
            damaged: AtomicBool::new(false),
            readers: Mutex::new(Vec::new()),
        };
        let (spans, logs, last) = segment.read(|connection| {
            if thorough {
                let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
                if answer != "ok" {
                    return Err(ReadError::Damaged);
                }
            }
            check(connection)
        })?;
        segment.spans.store(spans, Relaxed);
        segment.logs.store(logs, Relaxed);
        segment.last_write_ms.store(last.max(created_ms), Relaxed);
        Ok(segment)
    }

    /// Runs a query on a read-only connection of this segment. Marks the segment when it proves damaged.
    ///
    /// # Errors
    /// Whatever `query` answers, or SQLite's failure to open.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let kept = self.readers.lock().ok().and_then(|mut readers| readers.pop());
        let connection = match kept {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let answer = query(&connection);
        match &answer {
            Err(ReadError::Damaged) => self.damaged.store(true, Relaxed),
            _ => {
                if let Ok(mut readers) = self.readers.lock()
                    && readers.len() < KEPT_READERS
                {
                    readers.push(connection);
                }
            }
        }
        answer
    }

    /// Bytes on disk, with the write-ahead log.
    pub(crate) fn bytes(&self) -> u64 {
        let size = |suffix: &str| fs::metadata(with_suffix(&self.path, suffix)).map_or(0, |m| m.len());
        size("") + size("-wal")
    }

    /// Deletes the file. Readers that still hold it finish undisturbed.
    pub(crate) fn delete(&self) -> io::Result<()> {
        self.close_readers();
        delete(&self.path)
    }

    /// Closes idle read connections; their caches go with them.
    pub(crate) fn close_readers(&self) {
        if let Ok(mut readers) = self.readers.lock() {
            readers.clear();
        }
    }
}

/// Deletes a segment's files; that somebody else did is as good.
///
/// # Errors
/// The database file cannot be deleted.
pub(crate) fn delete(path: &Path) -> io::Result<()> {
    let result = match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    for suffix in ["-wal", "-shm"] {
        // A clean file has neither.
        let _ = fs::remove_file(with_suffix(path, suffix));
    }
    result
}

fn open_reader(path: &Path) -> Result<Connection, ReadError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -128;")?;
    Ok(connection)
}

/// Renames a damaged segment (and its log) so that it is kept for a look but read no more.
///
/// # Errors
/// The rename failed.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let to = aside_of(path);
    fs::rename(path, &to)?;
    for suffix in ["-wal", "-shm"] {
        // A clean file has neither.
        let _ = fs::rename(with_suffix(path, suffix), with_suffix(&to, suffix));
    }
    Ok(to)
}
