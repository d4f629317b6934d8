//! The way from ingest to the writer: bounded by bytes, and shut while the disk takes nothing or once the writer has
//! ended. What is written, and when, is not its matter.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Busy;
use super::batch::Batch;
use crate::stats::Stats;

/// Longest time between accepting a record and committing it.
const FLUSH_AFTER: Duration = Duration::from_millis(50);
/// A transaction is committed early when it has gathered this much.
const FLUSH_BYTES: usize = 4 << 20;
/// Longest wait for a first batch: the writer has other work to look after.
const IDLE: Duration = Duration::from_secs(1);

/// A queue that holds at most `max_bytes`: ingest's end and the writer's.
pub(super) fn queue(max_bytes: usize, stats: Arc<Stats>) -> (Queue, Outlet) {
    let state = Arc::new(State::default());
    let (sender, receiver) = channel();
    let outlet = Outlet { receiver, open: true, state: Arc::clone(&state), stats: Arc::clone(&stats) };
    (Queue { sender: Mutex::new(Some(sender)), state, max_bytes, stats }, outlet)
}

/// Ingest's end.
#[derive(Debug)]
pub(super) struct Queue {
    // A plain sender: `Mutex` because the queue is shared and the lock is held for a moment only.
    // `None` once closed.
    sender: Mutex<Option<Sender<Batch>>>,
    state: Arc<State>,
    max_bytes: usize,
    stats: Arc<Stats>,
}

#[derive(Debug, Default)]
struct State {
    queued: AtomicUsize,
    disk_full: AtomicBool,
    stopped: AtomicBool,
}

impl Queue {
    pub(super) fn push(&self, batch: Batch) -> Result<(), Busy> {
        // Asked first: what was queued when the writer failed stays queued, and would look like a full queue.
        if self.state.stopped.load(Relaxed) {
            return Err(Busy::Stopped);
        }
        if self.state.disk_full.load(Relaxed) {
            return Err(Busy::DiskFull);
        }
        let bytes = batch.bytes();
        let queued = self.state.queued.fetch_add(bytes, Relaxed);
        // A batch larger than the whole queue is let in when the queue is empty: bodies are bounded already.
        let sent = (queued == 0 || queued + bytes <= self.max_bytes)
            && self.sender.lock().is_ok_and(|s| s.as_ref().is_some_and(|s| s.send(batch).is_ok()));
        if !sent {
            self.state.queued.fetch_sub(bytes, Relaxed);
            return Err(Busy::QueueFull);
        }
        self.stats.queue_bytes.store((queued + bytes) as u64, Relaxed);
        Ok(())
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// The writer's end. Dropped, in whatever way, it says that the writer has ended.
pub(super) struct Outlet {
    receiver: Receiver<Batch>,
    open: bool,
    state: Arc<State>,
    stats: Arc<Stats>,
}

impl Outlet {
    /// Whether more may come.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Takes what arrives within [`FLUSH_AFTER`] of the first batch; nothing when none does in [`IDLE`].
    pub(super) fn gather(&mut self) -> Vec<Batch> {
        let Some(first) = self.receive(IDLE) else { return Vec::new() };
        let until = Instant::now() + FLUSH_AFTER;
        let mut bytes = first.bytes();
        let mut batches = vec![first];
        while bytes < FLUSH_BYTES {
            let Some(batch) = self.receive(until.saturating_duration_since(Instant::now())) else { break };
            bytes += batch.bytes();
            batches.push(batch);
        }
        batches
    }

    /// Waits up to `pause` for something to come, and adds all that has.
    pub(super) fn join(&mut self, batches: &mut Vec<Batch>, pause: Duration) {
        if let Some(batch) = self.receive(pause) {
            batches.push(batch);
            batches.extend(self.receiver.try_iter());
        }
    }

    fn receive(&mut self, patience: Duration) -> Option<Batch> {
        match self.receiver.recv_timeout(patience) {
            Ok(batch) => Some(batch),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.open = false;
                None
            }
        }
    }

    /// Makes room: the batches are on disk, or lost.
    pub(super) fn settle(&self, batches: &[Batch]) {
        let bytes: usize = batches.iter().map(Batch::bytes).sum();
        let left = self.state.queued.fetch_sub(bytes, Relaxed) - bytes;
        self.stats.queue_bytes.store(left as u64, Relaxed);
    }

    /// Whether the disk is known to take nothing.
    pub(super) fn is_shut(&self) -> bool {
        self.state.disk_full.load(Relaxed)
    }

    /// Says whether the disk takes data; while it does not, ingest is refused. Returns whether that is news.
    pub(super) fn disk_takes(&self, data: bool) -> bool {
        self.stats.disk_refuses.store(u64::from(!data), Relaxed);
        self.state.disk_full.swap(!data, Relaxed) == data
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.state.stopped.store(true, Relaxed);
        if std::thread::panicking() {
            tracing::error!(
                "the store's writer has failed: spans and logs not yet written are lost, and ingest is refused until a restart"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(bytes: usize) -> Batch {
        let mut batch = Batch::default();
        batch.put_log::<&str, &str>(&"x".repeat(bytes), &[]);
        batch
    }

    #[test]
    fn what_is_queued_is_bounded_until_it_is_settled() {
        let (queue, mut outlet) = queue(10_000, Arc::default());
        queue.push(batch(6_000)).expect("room");
        assert_eq!(queue.push(batch(6_000)), Err(Busy::QueueFull));
        queue.push(batch(1_000)).expect("what was refused takes no room");
        let batches = outlet.gather();
        assert_eq!(batches.len(), 2);
        assert_eq!(queue.push(batch(6_000)), Err(Busy::QueueFull));
        outlet.settle(&batches);
        queue.push(batch(20_000)).expect("an empty queue takes any batch");
    }

    #[test]
    fn a_disk_that_takes_nothing_is_news_once_and_shuts_the_queue_until_it_does() {
        let (queue, outlet) = queue(10_000, Arc::default());
        assert!(!outlet.disk_takes(true), "it always did");
        assert!(outlet.disk_takes(false));
        assert!(!outlet.disk_takes(false));
        assert_eq!(queue.push(batch(1)), Err(Busy::DiskFull));
        assert!(outlet.disk_takes(true));
        queue.push(batch(1)).expect("open again");
        drop(outlet);
        assert_eq!(queue.push(batch(1)), Err(Busy::Stopped));
    }

    #[test]
    fn a_closed_queue_gives_what_it_holds_and_then_says_that_no_more_will_come() {
        let (queue, mut outlet) = queue(10_000, Arc::default());
        queue.push(batch(1)).expect("room");
        queue.close();
        assert_eq!(outlet.gather().len(), 1);
        assert!(!outlet.is_open());
        assert_eq!(outlet.gather().len(), 0);
    }
}
