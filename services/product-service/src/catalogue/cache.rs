//! Pages of the catalogue as they were answered, for requests that ask for the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chassis::problem::Problem;
use chassis::settings::{Choice, Flag, Integer, List, Number};
use tokio::time::Instant;

use crate::metrics::CacheMetrics;

/// What makes two requests ask for the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(super) category: Option<String>,
    pub(super) name_part: Option<String>,
    pub(super) page: (u32, u32),
    /// The id of the request, where each is to have a page of its own.
    pub(super) request: Option<String>,
}

/// What beside the query makes an answer another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vary {
    Nothing,
    Request,
}

/// The pages. Clones share them.
#[derive(Clone)]
pub(crate) struct PageCache(Arc<Inner>);

struct Inner {
    enabled: Flag,
    ttl: Integer,
    jitter: Number,
    single_flight: Flag,
    max_entries: Integer,
    vary: Choice<Vary>,
    entries: Mutex<HashMap<Key, Entry>>,
    flights: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
    metrics: CacheMetrics,
}

struct Entry {
    body: Bytes,
    until: Instant,
}

impl PageCache {
    pub(crate) fn add(list: &mut List, metrics: CacheMetrics) -> Self {
        let this = Self(Arc::new(Inner {
            enabled: list.flag("cache.enabled", false, "Whether pages of the catalogue are kept for the next who asks"),
            ttl: list.integer("cache.ttl_ms", "ms", 1..=86_400_000, 5_000, "How long a page is kept"),
            jitter: list.number(
                "cache.ttl_jitter_ratio",
                "",
                0.0..=1.0,
                0.1,
                "The share of that time by which a page may go earlier, by chance, so that not all go at once",
            ),
            single_flight: list.flag(
                "cache.single_flight",
                true,
                "Whether those who ask for a page that is being read wait for it instead of reading it, too",
            ),
            max_entries: list.integer("cache.max_entries", "pages", 0..=100_000, 1_000, "The most pages; 0 for no bound"),
            vary: list.choice(
                "cache.vary",
                &[("none", Vary::Nothing), ("request", Vary::Request)],
                Vary::Nothing,
                "What beside the query makes a page another one: nothing, or the request",
            ),
            entries: Mutex::default(),
            flights: Mutex::default(),
            metrics,
        }));
        let watching = this.clone();
        list.watch(&["cache."], move || watching.fit());
        this
    }

    /// Whether pages are kept at all.
    pub(super) fn is_enabled(&self) -> bool {
        self.0.enabled.get()
    }

    /// Whether each request has pages of its own.
    pub(super) fn is_per_request(&self) -> bool {
        self.0.vary.get() == Vary::Request
    }

    /// The page that is kept, or what `read` gives.
    pub(super) async fn page(
        &self,
        key: Key,
        read: impl AsyncFnOnce() -> Result<Bytes, Problem>,
    ) -> Result<Bytes, Problem> {
        if let Some(body) = self.fresh(&key) {
            self.0.metrics.count("hit");
            return Ok(body);
        }
        if !self.0.single_flight.get() {
            return self.read(key, read).await;
        }
        let flight = Arc::clone(lock(&self.0.flights).entry(key.clone()).or_default());
        let body = {
            let _turn = flight.lock().await;
            match self.fresh(&key) {
                Some(body) => {
                    self.0.metrics.count("joined");
                    Ok(body)
                }
                None => self.read(key, read).await,
            }
        };
        drop(flight);
        // Whoever waits for one has a clone of it.
        lock(&self.0.flights).retain(|_, flight| Arc::strong_count(flight) > 1);
        body
    }

    async fn read(
        &self,
        key: Key,
        read: impl AsyncFnOnce() -> Result<Bytes, Problem>,
    ) -> Result<Bytes, Problem> {
        self.0.metrics.count("miss");
        let body = read().await?;
        let until = Instant::now() + lifetime(self.0.ttl.millis(), self.0.jitter.get(), rand::random());
        let mut entries = lock(&self.0.entries);
        entries.insert(key, Entry { body: body.clone(), until });
        self.shrink(&mut entries);
        Ok(body)
    }

    fn fresh(&self, key: &Key) -> Option<Bytes> {
        let entries = lock(&self.0.entries);
        entries.get(key).filter(|entry| entry.until > Instant::now()).map(|entry| entry.body.clone())
    }

    /// Keeps what the settings of this moment let it keep.
    fn fit(&self) {
        let mut entries = lock(&self.0.entries);
        if !self.is_enabled() {
            *entries = HashMap::new();
        }
        self.shrink(&mut entries);
    }

    /// Removes what goes first until no more is left than may be.
    fn shrink(&self, entries: &mut HashMap<Key, Entry>) {
        let most = self.0.max_entries.count();
        while most > 0 && entries.len() > most {
            let first = entries.iter().min_by_key(|(_, entry)| entry.until).map(|(key, _)| key.clone());
            first.and_then(|key| entries.remove(&key));
        }
        self.0.metrics.entries(entries.len());
    }
}

/// How long a page is kept; `random` is from 0 to 1.
fn lifetime(ttl: Duration, jitter: f64, random: f64) -> Duration {
    ttl.mul_f64((1.0 - jitter * random).clamp(0.0, 1.0))
}

/// The guarded maps are consistent after every statement, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_lets_a_page_go_earlier_and_never_later() {
        let ttl = Duration::from_secs(10);
        assert_eq!(lifetime(ttl, 0.0, 0.7), ttl);
        assert_eq!(lifetime(ttl, 0.5, 1.0), ttl / 2);
        assert_eq!(lifetime(ttl, 1.0, 1.0), Duration::ZERO);
    }
}
