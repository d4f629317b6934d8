//! Opening a database file: settings, the checks at the start, and the pool.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, Sqlite, SqlitePool};

use super::{Error, OpenError, corrupt};

/// Above this size the whole-file check at the start is skipped: it would read every page.
const FULL_CHECK_LIMIT: u64 = 64 << 20;

/// Page cache per connection in KiB. SQLite's default of 2,000 would let eight connections hold 16 MB.
const CACHE_KIB: &str = "-512";

/// Longer than anybody waits for a connection.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// Where the database is and how the pool behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file; it is created if missing, its directory is not.
    pub path: PathBuf,
    /// The most connections open at the same time, at least 1.
    pub max_connections: u32,
    /// How long a caller waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long a writer waits for another writer's lock.
    pub busy_timeout: Duration,
    /// From how long on a transaction's begin or end, or the wait for the turn to write, is a span of its own.
    pub span_from: Duration,
}

impl Settings {
    /// The usual values for a file: 8 connections, 1 s to acquire, 5 s for a lock, spans from 1 ms on.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(1),
            busy_timeout: Duration::from_secs(5),
            span_from: Duration::from_millis(1),
        }
    }

    fn connect_options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(self.busy_timeout)
            .pragma("cache_size", CACHE_KIB)
            .pragma("journal_size_limit", "16777216")
            .thread_name(|id| format!("sqlite-{id}"))
            .disable_statement_logging()
    }
}

/// Checks the file with a connection of its own, and sets a damaged one aside.
pub(super) async fn prepare(settings: &Settings) -> Result<(), OpenError> {
    let path = &settings.path;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if directory.is_some_and(|directory| !directory.is_dir()) {
        return Err(OpenError::MissingDirectory(path.clone()));
    }
    if path.exists() && !path.is_file() {
        return Err(OpenError::NotAFile(path.clone()));
    }
    let options = settings.connect_options();
    match check(&options, path).await {
        Ok(()) => {}
        Err(Error::Corrupt(reason)) => {
            corrupt::set_aside(path, &reason)?;
            check(&options, path).await.map_err(|error| OpenError::sort(path, error))?;
        }
        Err(error) => return Err(OpenError::sort(path, error)),
    }
    Ok(())
}

/// A pool that opens its connections when they are asked for.
pub(super) fn pool(settings: &Settings, max_connections: u32) -> SqlitePool {
    PoolOptions::<Sqlite>::new()
        .max_connections(max_connections.max(1))
        // Whoever waits says for how long, which may change.
        .acquire_timeout(LONGEST_WAIT)
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(None)
        // A connection to a local file cannot go stale in the pool; the test would double each query's round trips.
        .test_before_acquire(false)
        // But a full disk lets SQLite end a transaction by itself. Its ROLLBACK is then an error, after which sqlx believes that
        // the connection is within that transaction for ever, and begins no other.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    // A rollback may be under way, which is the usual end of a transaction that was dropped.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_lazy_with(settings.connect_options())
}

/// Opens, verifies and proves that a write lock can be had.
async fn check(options: &SqliteConnectOptions, path: &Path) -> Result<(), Error> {
    let mut connection = options.connect().await?;
    let size = std::fs::metadata(path).map_or(0, |meta| meta.len());
    let check = if size <= FULL_CHECK_LIMIT { "PRAGMA quick_check(1)" } else { "PRAGMA schema_version" };
    let row = sqlx::query(check).fetch_one(&mut connection).await?;
    if let Ok(verdict) = row.try_get::<String, _>(0)
        && verdict != "ok"
    {
        connection.close().await?;
        return Err(Error::Corrupt(verdict));
    }
    // Reading works on a read-only disk as well; only a write lock shows that the file can be written.
    let probe = connection.begin_with("BEGIN IMMEDIATE").await?;
    probe.rollback().await?;
    connection.close().await?;
    Ok(())
}
