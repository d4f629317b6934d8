//! The database handle: acquiring connections, with the wait as a span and a metric.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Span;
use tracing::field::Empty;

use super::metrics::PoolMetrics;
use super::resizable::Resizable;
use super::statement::{Parent, Parts};
use super::{
    Error, Migration, OpenError, Query, Row, Session, Settings, Statement, Transaction, boundary, migrate,
    open, query,
};
use crate::statement;

/// A pool on one SQLite file. Clones share it.
#[derive(Clone)]
pub struct Database {
    pub(super) shared: Arc<Shared>,
    pub(super) traced: bool,
}

pub(super) struct Shared {
    pool: Resizable,
    /// How long a caller waits for a connection, in milliseconds.
    acquire_timeout: AtomicU64,
    pub(super) settings: Settings,
    /// `db.namespace`: the file's name without its ending.
    pub(super) namespace: String,
    pub(super) metrics: PoolMetrics,
    /// The turn to write. SQLite has one writer; those who wait for it with its busy handler sleep up to 100 ms at a time
    /// and hold a connection meanwhile. Here they queue, first come first served, and hold nothing.
    turn: Arc<Semaphore>,
    /// The last write failed, and none has worked since.
    refuses_writes: AtomicBool,
}

/// A write that changes nothing.
static REWRITE: Statement =
    statement!("UPDATE", "schema_migrations", "UPDATE schema_migrations SET version = version");

impl Shared {
    /// Notes what a failure says of the disk.
    pub(super) fn failed(&self, error: &Error) {
        if error.refuses_writes() {
            self.refuses_writes.store(true, Relaxed);
        }
    }

    pub(super) fn refuses_writes(&self) -> bool {
        self.refuses_writes.load(Relaxed)
    }

    /// Something is on the disk.
    pub(super) fn wrote(&self) {
        self.refuses_writes.store(false, Relaxed);
    }
}

impl Database {
    /// Opens the file, setting a damaged one aside, and registers the pool's metrics.
    ///
    /// # Errors
    /// When the directory is missing, the file cannot be written, or the disk is full.
    pub async fn open(settings: Settings, metrics: &crate::Metrics) -> Result<Self, OpenError> {
        open::prepare(&settings).await?;
        let pool = Resizable::new(settings.clone());
        let namespace =
            settings.path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let metrics = PoolMetrics::register(metrics, &pool);
        Ok(Self {
            shared: Arc::new(Shared {
                pool,
                acquire_timeout: AtomicU64::new(millis(settings.acquire_timeout)),
                settings,
                namespace,
                metrics,
                turn: Arc::new(Semaphore::new(1)),
                refuses_writes: AtomicBool::new(false),
            }),
            traced: true,
        })
    }

    /// Brings the schema up to date; returns how many steps were applied.
    ///
    /// # Errors
    /// When the file holds a newer or a changed schema, or cannot be written.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<usize, OpenError> {
        let path = &self.shared.settings.path;
        let mut connection = self.shared.connection().await.map_err(|error| self.refused(error))?;
        migrate::apply(&mut connection, path, migrations).await
    }

    /// What a failure means to a process that is only starting: which file, and what to do about it.
    #[must_use]
    pub fn refused(&self, error: Error) -> OpenError {
        OpenError::sort(self.path(), error)
    }

    /// The same pool without spans, for periodic work that would fill a trace store with traces of nothing. Metrics stay.
    #[must_use]
    pub fn untraced(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), traced: false }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.settings.path
    }

    /// Waits for a free connection. The wait is a span; a connection that is there at once is none, so that the usual case
    /// costs no span.
    ///
    /// # Errors
    /// [`Error::PoolTimeout`] after the acquire time-out, [`Error::Closed`] when the pool is closed.
    pub async fn acquire(&self) -> Result<Connection, Error> {
        let shared = &self.shared;
        let inner = match shared.pool.try_acquire() {
            Some(inner) => {
                shared.metrics.waited(Duration::ZERO);
                inner
            }
            None => self.wait().await?,
        };
        Ok(Connection { inner, shared: Arc::clone(shared), traced: self.traced })
    }

    async fn wait(&self) -> Result<PoolConnection<Sqlite>, Error> {
        let shared = &self.shared;
        let span = if self.traced { acquire_span(shared) } else { Span::none() };
        let started = Instant::now();
        let outcome = {
            let _pending = shared.metrics.pending();
            shared.connection().await
        };
        shared.metrics.waited(started.elapsed());
        outcome.inspect_err(|error| {
            if matches!(error, Error::PoolTimeout(_)) {
                shared.metrics.timed_out();
            }
            span.record("error.type", error.kind());
            span.record("otel.status_code", "ERROR");
        })
    }

    /// Waits for the turn to write, acquires a connection and takes the write lock (`BEGIN IMMEDIATE`), so that a
    /// transaction never fails half-way because another writer came first.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), and [`Error::Busy`] when the turn or the lock cannot be had in time.
    pub async fn begin(&self) -> Result<Transaction<'static>, Error> {
        Transaction::begin(self).await
    }

    /// Lets the pool hold at most so many connections from now on, at least one. Connections in use are given back first.
    pub fn set_max_connections(&self, max_connections: u32) {
        self.shared.pool.resize(max_connections);
    }

    /// Lets callers that ask from now on wait so long for a connection.
    pub fn set_acquire_timeout(&self, timeout: Duration) {
        self.shared.acquire_timeout.store(millis(timeout), Relaxed);
    }

    /// One statement on a connection of its own: at most one row.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire) and [`Query::fetch_optional`].
    pub async fn fetch_optional(&self, query: Query) -> Result<Option<Row>, Error> {
        query.fetch_optional(&mut self.acquire().await?).await
    }

    /// One statement on a connection of its own: all rows, so bound them in the statement.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire) and [`Query::fetch_all`].
    pub async fn fetch_all(&self, query: Query) -> Result<Vec<Row>, Error> {
        query.fetch_all(&mut self.acquire().await?).await
    }

    /// One writing statement on a connection of its own: the number of rows it changed.
    ///
    /// # Errors
    /// As [`begin`](Self::begin) and [`Query::execute`].
    pub async fn execute(&self, query: Query) -> Result<u64, Error> {
        let parent = if self.traced { Parent::Current } else { Parent::Untraced };
        let _turn = self.shared.turn(parent).await?;
        query.execute(&mut self.acquire().await?).await
    }

    /// Answers when the database can be used, without a span: for readiness probes. It reads; after a write that failed, it
    /// writes, since whoever is not ready is sent no request that would.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire) and [`execute`](Self::execute).
    pub async fn ping(&self) -> Result<(), Error> {
        if self.shared.refuses_writes() {
            self.untraced().execute(query(&REWRITE)).await?;
        }
        let mut connection = self.shared.connection().await?;
        sqlx::query("SELECT 1 FROM schema_migrations LIMIT 1").fetch_optional(&mut *connection).await?;
        Ok(())
    }

    /// Closes all connections once their users are done; later calls fail with [`Error::Closed`].
    pub async fn close(&self) {
        self.shared.pool.close().await;
    }
}

impl Shared {
    /// A connection, waited for as long as callers may.
    async fn connection(&self) -> Result<PoolConnection<Sqlite>, Error> {
        let limit = Duration::from_millis(self.acquire_timeout.load(Relaxed));
        match tokio::time::timeout(limit, self.pool.acquire()).await {
            Ok(outcome) => outcome.map_err(Error::from),
            Err(_) => Err(Error::PoolTimeout(limit)),
        }
    }

    /// The turn to write, for at most the busy time-out.
    pub(super) async fn turn(&self, parent: Parent<'_>) -> Result<OwnedSemaphorePermit, Error> {
        let turn = Arc::clone(&self.turn).acquire_owned();
        let wait = async {
            match tokio::time::timeout(self.settings.busy_timeout, turn).await {
                Ok(turn) => turn.map_err(|_| Error::Closed),
                Err(_) => Err(Error::Busy),
            }
        };
        boundary::turn(self, parent, wait).await
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One connection; it goes back to the pool when dropped.
pub struct Connection {
    pub(super) inner: PoolConnection<Sqlite>,
    pub(super) shared: Arc<Shared>,
    pub(super) traced: bool,
}

impl Connection {
    /// Waits for the turn to write, with this connection in hand, and takes the write lock on it.
    ///
    /// # Errors
    /// [`Error::Busy`] when the turn or the lock cannot be had in time.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        Transaction::begin_on(self).await
    }
}

impl Session for Connection {
    fn parts(&mut self) -> Parts<'_> {
        let parent = if self.traced { Parent::Current } else { Parent::Untraced };
        Parts { connection: &mut self.inner, shared: &self.shared, parent }
    }

    fn changed(&mut self) {
        self.shared.wrote();
    }
}

fn acquire_span(shared: &Shared) -> Span {
    tracing::info_span!(
        "acquire",
        otel.kind = "internal",
        db.system.name = "sqlite",
        db.namespace = shared.namespace.as_str(),
        error.type = Empty,
        otel.status_code = Empty,
    )
}
