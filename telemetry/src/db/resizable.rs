//! The pool of this moment, whose size can change while it is in use.
//!
//! sqlx's pool keeps the size that it was made with. So another one takes its place, and the old one is closed: its idle
//! connections end at once, those in use when they come back, and whoever waited for one goes on waiting at the new pool. Until
//! the last one is back there are more connections than the new size says, never more callers served from the new pool.

use std::sync::{Arc, PoisonError, RwLock};

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool};
use tokio::runtime::Handle;

use super::{Settings, open};

/// The pool, and where its upkeep runs. Clones share it.
#[derive(Clone)]
pub(super) struct Resizable(Arc<Inner>);

struct Inner {
    current: RwLock<Current>,
    settings: Settings,
    /// The runtime that the database was opened on: a change may come from another one, which may end earlier.
    runtime: Handle,
}

#[derive(Clone)]
struct Current {
    pool: SqlitePool,
    /// Counts the pools, so that a closed one can be told from the last one.
    number: u64,
}

impl Resizable {
    /// Within a runtime: the pool's upkeep runs there.
    pub(super) fn new(settings: Settings) -> Self {
        let current = Current { pool: open::pool(&settings, settings.max_connections), number: 0 };
        Self(Arc::new(Inner { current: RwLock::new(current), settings, runtime: Handle::current() }))
    }

    /// A connection that is there already.
    pub(super) fn try_acquire(&self) -> Option<PoolConnection<Sqlite>> {
        self.current().pool.try_acquire()
    }

    /// Waits for a connection, for as long as the caller likes.
    pub(super) async fn acquire(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        loop {
            let Current { pool, number } = self.current();
            match pool.acquire().await {
                Err(sqlx::Error::PoolClosed) if self.current().number != number => {}
                outcome => return outcome,
            }
        }
    }

    /// Lets there be at most so many connections from now on.
    pub(super) fn resize(&self, max_connections: u32) {
        let _upkeep = self.0.runtime.enter();
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.pool.options().get_max_connections() == max_connections.max(1) || current.pool.is_closed()
        {
            return;
        }
        let next =
            Current { pool: open::pool(&self.0.settings, max_connections), number: current.number + 1 };
        let old = std::mem::replace(&mut *current, next).pool;
        self.0.runtime.spawn(async move { old.close().await });
    }

    /// Closes all connections once their users are done.
    pub(super) async fn close(&self) {
        self.current().pool.close().await;
    }

    /// The pool, for its figures.
    pub(super) fn pool(&self) -> SqlitePool {
        self.current().pool
    }

    fn current(&self) -> Current {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
