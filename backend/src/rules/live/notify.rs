//! Tells Alertmanagers of alerts, by the second version of their API. Each has a queue of its own: one that does not answer
//! holds up no other, nor any evaluation. A queue is bounded, and what does not fit is dropped, oldest first, and counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::labels::Labels;
use crate::rules::alert::{Active, link};
use crate::rules::definition::Rule;
use crate::stats::add;

/// Most alerts that wait for one Alertmanager, and most that one request has.
pub(super) const QUEUE: usize = 10_000;
const BATCH: usize = 256;
/// Longest that an Alertmanager may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long is tried to send what waits when the program ends.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);
/// How often an alert is told of again while it lasts.
pub(super) const RESEND_MS: i64 = 60_000;

/// An alert as Alertmanager takes it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    labels: Labels,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
}

impl Told {
    /// An alert, with the labels that name the program where it has none of that name.
    pub(super) fn of(rule: &Rule, active: &Active, external: &Labels, url: &str) -> Self {
        let annotations = active.found.annotations.iter().flat_map(|a| a.iter());
        let time =
            |ms: i64| jiff::Timestamp::from_millisecond(ms).map(|t| format!("{t:.3}")).unwrap_or_default();
        Self {
            labels: Labels::new(external.iter().chain(active.labels.iter())),
            annotations: annotations.map(|(name, text)| (name.to_string(), text.clone())).collect(),
            starts_at: time(active.fired_at_ms.unwrap_or(active.active_at_ms)),
            ends_at: time(active.resolved_at_ms.unwrap_or(active.valid_until_ms)),
            generator_url: format!("{url}{}", link(&rule.shown, 1)),
        }
    }
}

/// One Alertmanager.
#[derive(Debug)]
pub(super) struct Receiver {
    /// Where alerts are posted.
    pub(super) url: String,
    queue: Mutex<VecDeque<Told>>,
    wake: Notify,
    pub(super) sent: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) dropped: AtomicU64,
    /// Time of the requests that succeeded, in microseconds, and how many there were.
    pub(super) spent_us: AtomicU64,
    pub(super) requests: AtomicU64,
}

impl Receiver {
    /// The Alertmanager at a base address.
    pub(super) fn new(base: &str) -> Self {
        Self {
            url: format!("{}/api/v2/alerts", base.trim_end_matches('/')),
            queue: Mutex::default(),
            wake: Notify::new(),
            sent: AtomicU64::default(),
            errors: AtomicU64::default(),
            dropped: AtomicU64::default(),
            spent_us: AtomicU64::default(),
            requests: AtomicU64::default(),
        }
    }

    /// How many alerts wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Puts alerts into the queue; the oldest make room.
    pub(super) fn push(&self, alerts: &[Told]) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.extend(alerts.iter().cloned());
        let excess = queue.len().saturating_sub(QUEUE);
        queue.drain(..excess);
        drop(queue);
        add(&self.dropped, excess);
        self.wake.notify_one();
    }

    fn next(&self) -> Vec<Told> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let count = queue.len().min(BATCH);
        queue.drain(..count).collect()
    }

    /// Sends until `stop`, and then once more what waits.
    pub(super) async fn run(self: Arc<Self>, client: reqwest::Client, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wake.notified() => {}
            }
            loop {
                let batch = self.next();
                if batch.is_empty() || stop.is_cancelled() {
                    self.give_back(batch);
                    break;
                }
                self.send(&client, &batch, TIMEOUT).await;
            }
        }
        let until = Instant::now() + LAST_TIMEOUT;
        loop {
            let batch = self.next();
            let left = until.saturating_duration_since(Instant::now());
            if batch.is_empty() || left.is_zero() {
                return;
            }
            self.send(&client, &batch, left).await;
        }
    }

    /// Puts what was taken to the front again.
    fn give_back(&self, batch: Vec<Told>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        batch.into_iter().rev().for_each(|told| queue.push_front(told));
    }

    async fn send(&self, client: &reqwest::Client, batch: &[Told], timeout: Duration) {
        let started = Instant::now();
        let request = client.post(&self.url).json(batch).timeout(timeout).send();
        let failed = match request.await {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("bad response status {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let Some(error) = failed else {
            add(&self.sent, batch.len());
            add(&self.requests, 1);
            self.spent_us
                .fetch_add(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX), Relaxed);
            return;
        };
        add(&self.errors, batch.len());
        add(&self.dropped, batch.len());
        tracing::warn!(alertmanager = %self.url, count = batch.len(), %error, "alerts could not be sent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: usize) -> Told {
        Told {
            labels: Labels::new([("alertname", name.to_string().as_str())]),
            annotations: BTreeMap::new(),
            starts_at: String::new(),
            ends_at: String::new(),
            generator_url: String::new(),
        }
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let receiver = Receiver::new("http://127.0.0.1:9093/");
        assert_eq!(receiver.url, "http://127.0.0.1:9093/api/v2/alerts");
        let many: Vec<Told> = (0..QUEUE + 3).map(told).collect();
        receiver.push(&many);
        assert_eq!((receiver.waiting(), receiver.dropped.load(Relaxed)), (QUEUE, 3));
        let first = receiver.next();
        assert_eq!((first.len(), first[0].labels.get("alertname")), (BATCH, "3"));
    }
}
