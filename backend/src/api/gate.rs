//! Lets a bounded number of queries run at once, each within its time, off the threads that serve sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Why a query did not come to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// No place became free, or the query took too long.
    TimedOut,
    /// The query's code failed.
    Broken,
}

/// The places for queries.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    timeout: Duration,
}

impl Gate {
    pub(crate) fn new(places: usize, timeout: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), timeout }
    }

    /// Runs `query` on a thread for blocking work. It is given its deadline and has to keep it.
    ///
    /// # Errors
    /// [`Stopped`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        query: impl FnOnce(Instant) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let timeout = timeout.map_or(self.timeout, |t| t.min(self.timeout));
        let deadline = Instant::now() + timeout;
        let place = tokio::time::timeout(timeout, Arc::clone(&self.places).acquire_owned());
        let place = place.await.map_err(|_| Stopped::TimedOut)?;
        let running = tokio::task::spawn_blocking(move || {
            let _place = place;
            query(deadline)
        });
        running.await.map_err(|_| Stopped::Broken)
    }
}
