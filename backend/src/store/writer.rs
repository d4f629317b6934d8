//! The one thread that writes: gathers batches for up to 50 ms, lays them out in blocks, commits them together,
//! and rolls and drops segments. Readers never wait for it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::active::Active;
use super::batch::Batch;
use super::segment::{self, ReadError, Segment};
use super::{Busy, Segments};
use crate::stats::{Stats, add};
use crate::{Config, Error, time};

/// Longest time between accepting a record and committing it.
const FLUSH_AFTER: Duration = Duration::from_millis(50);
/// A transaction is committed early when it has gathered this much.
const FLUSH_BYTES: usize = 4 << 20;
/// Time between two tries while the disk takes no write.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// The way in: bounded by bytes.
#[derive(Debug)]
pub(crate) struct Queue {
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
    pub(crate) fn push(&self, batch: Batch) -> Result<(), Busy> {
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
    pub(crate) fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
    }
}

/// Waits for the writer's end.
#[derive(Debug)]
pub(crate) struct WriterHandle(JoinHandle<()>);

impl WriterHandle {
    /// Returns when everything accepted is on disk. The [`super::Store`] must have been closed.
    ///
    /// # Errors
    /// The writer failed, and what was accepted last is lost.
    pub(crate) fn finish(self) -> Result<(), Error> {
        self.0.join().map_err(|_| Error::Stopped("the store's writer"))
    }
}

/// Says that the writer's thread has ended, in whatever way it did.
struct End(Arc<State>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.stopped.store(true, Relaxed);
        if std::thread::panicking() {
            tracing::error!(
                "the store's writer has failed: spans and logs not yet written are lost, and ingest is refused until a restart"
            );
        }
    }
}

/// Opens the active segment and starts the thread, which keeps the directory's `lock` until it ends.
pub(crate) fn start(
    config: &Config,
    segments: Segments,
    stats: Arc<Stats>,
    lock: fs::File,
) -> Result<(Queue, WriterHandle), Error> {
    let state = Arc::new(State::default());
    let (sender, receiver) = channel();
    let mut writer = Writer {
        dir: config.data_dir.clone(),
        segment_bytes: (config.max_bytes / 16).max(256 << 10),
        segment_ms: (config.retention.as_millis() as i64 / 24).max(1000),
        max_bytes: config.max_bytes,
        retention_ms: config.retention.as_millis() as i64,
        segments,
        stats: Arc::clone(&stats),
        state: Arc::clone(&state),
        active: None,
        encoder: snap::raw::Encoder::new(),
        checked: Instant::now(),
    };
    writer.activate().map_err(|e| match e {
        ReadError::Sqlite(error) => Error::sqlite(&config.data_dir, &error),
        other => Error::Store { path: config.data_dir.clone(), message: other.to_string() },
    })?;
    writer.retain();
    let thread = std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || {
            let _end = End(Arc::clone(&writer.state));
            writer.run(&receiver);
            drop(lock);
        })
        .map_err(|e| Error::Store { path: config.data_dir.clone(), message: e.to_string() })?;
    let queue =
        Queue { sender: Mutex::new(Some(sender)), state, max_bytes: config.limits.queue_bytes, stats };
    Ok((queue, WriterHandle(thread)))
}

struct Writer {
    dir: PathBuf,
    segment_bytes: u64,
    segment_ms: i64,
    max_bytes: u64,
    retention_ms: i64,
    segments: Segments,
    stats: Arc<Stats>,
    state: Arc<State>,
    active: Option<Active>,
    encoder: snap::raw::Encoder,
    checked: Instant,
}

impl Writer {
    fn run(&mut self, receiver: &Receiver<Batch>) {
        loop {
            let (batches, open) = gather(receiver);
            let open = if batches.is_empty() { open } else { self.flush(batches, open, receiver) };
            if !open {
                break;
            }
            if self.checked.elapsed() >= Duration::from_secs(1) || self.is_full() {
                self.retain();
            }
        }
        if let Some(active) = self.active.take() {
            // Leaves one plain file behind, which any SQLite tool can open.
            active.segment.close_readers();
            let _ = active.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
        }
    }

    /// Writes the batches, however long the disk takes to have room for them: they were acknowledged. New ones are
    /// refused meanwhile. `false` when nothing more will come, and then no try but the last is made.
    fn flush(&mut self, mut batches: Vec<Batch>, mut open: bool, receiver: &Receiver<Batch>) -> bool {
        loop {
            let error = match self.write(&batches) {
                Ok(()) => break,
                Err(error) => error,
            };
            add(&self.stats.failed_flushes, 1);
            if !open || !is_disk(&error) {
                self.give_up(&batches, &error);
                break;
            }
            self.refuse_ingest(&error);
            // What was accepted before ingest was refused joins in; the queue's bound holds for all of it.
            match receiver.recv_timeout(DISK_PAUSE) {
                Ok(batch) => {
                    batches.push(batch);
                    batches.extend(receiver.try_iter());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
            // Dropping what is too old may be what makes room.
            self.retain();
        }
        if self.state.disk_full.swap(false, Relaxed) {
            self.stats.disk_refuses.store(0, Relaxed);
            tracing::info!("the disk takes data again: ingest goes on");
        }
        let bytes: usize = batches.iter().map(Batch::bytes).sum();
        let left = self.state.queued.fetch_sub(bytes, Relaxed) - bytes;
        self.stats.queue_bytes.store(left as u64, Relaxed);
        open
    }

    /// Commits the batches together and counts them.
    fn write(&mut self, batches: &[Batch]) -> Result<(), ReadError> {
        let (spans, logs) = items(batches);
        let encoder = &mut self.encoder;
        let written = match self.active.as_mut() {
            Some(active) if !active.is_damaged() => active.write(batches, spans, logs, encoder),
            _ => Err(ReadError::Damaged),
        };
        // A damaged file is replaced by a new one, and the batch is written there.
        match written {
            Err(ReadError::Damaged) => self
                .replace_active()
                .and_then(|active| active.write(batches, spans, logs, &mut snap::raw::Encoder::new()))?,
            other => other?,
        }
        add(&self.stats.spans.ingested, spans);
        add(&self.stats.logs.ingested, logs);
        add(&self.stats.stored_spans, spans);
        add(&self.stats.stored_logs, logs);
        add(&self.stats.flushes, 1);
        Ok(())
    }

    fn refuse_ingest(&self, error: &ReadError) {
        if !self.state.disk_full.swap(true, Relaxed) {
            self.stats.disk_refuses.store(1, Relaxed);
            tracing::error!(
                dir = %self.dir.display(), %error,
                "spans and logs cannot be written: ingest is refused until the disk takes data again"
            );
        }
    }

    /// Counts batches that no further try would store.
    fn give_up(&self, batches: &[Batch], error: &ReadError) {
        let (spans, logs) = items(batches);
        add(&self.stats.spans.dropped, spans);
        add(&self.stats.logs.dropped, logs);
        tracing::error!(dir = %self.dir.display(), spans, logs, %error, "spans and logs could not be stored and are lost");
    }

    fn is_full(&self) -> bool {
        self.active.as_ref().is_some_and(|a| a.segment.bytes() > self.segment_bytes)
    }

    /// Continues the newest segment or begins one.
    fn activate(&mut self) -> Result<(), ReadError> {
        let newest = self.segments.read().ok().and_then(|s| s.last().cloned());
        let now = time::now_ms();
        let reusable =
            newest.filter(|s| s.bytes() <= self.segment_bytes && now - s.created_ms <= self.segment_ms);
        match reusable {
            Some(segment) => self.active = Some(Active::open(segment)?),
            None => {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<&mut Active, ReadError> {
        let newest = self.segments.read().ok().and_then(|s| s.last().map(|s| s.created_ms)).unwrap_or(0);
        let created = time::now_ms().max(newest + 1);
        let path = self.dir.join(segment::file_name(created));
        let create = || {
            drop(segment::open_writer(&path)?);
            Active::open(Arc::new(Segment::open(&path, created, false)?))
        };
        let active = create().inspect_err(|_| {
            // Half made, it is of no use, and each try would leave another.
            let _ = segment::delete(&path);
        })?;
        if let Ok(mut segments) = self.segments.write() {
            segments.push(Arc::clone(&active.segment));
        }
        Ok(self.active.insert(active))
    }

    fn replace_active(&mut self) -> Result<&mut Active, ReadError> {
        if let Some(active) = self.active.take()
            && let Ok(mut segments) = self.segments.write()
        {
            segments.retain(|s| !Arc::ptr_eq(s, &active.segment));
            drop(active.connection);
            active.segment.close_readers();
            if active.segment.path.exists() {
                super::put_aside(&active.segment.path, &self.stats);
            }
        }
        self.begin()
    }

    /// Rolls the active segment when it is full or old, then drops what is too old or too much.
    fn retain(&mut self) {
        self.checked = Instant::now();
        let now = time::now_ms();
        if self.active.as_ref().is_some_and(Active::is_damaged)
            && let Err(error) = self.replace_active()
        {
            tracing::error!(dir = %self.dir.display(), %error, "a new store file could not be made");
        }
        let roll = self.active.as_ref().is_some_and(|a| {
            let empty = a.next_block == 1;
            !empty && (a.segment.bytes() > self.segment_bytes || now - a.segment.created_ms > self.segment_ms)
        });
        if roll {
            if let Some(active) = self.active.take() {
                active.segment.close_readers();
                let _ = active.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
            }
            if let Err(error) = self.begin() {
                tracing::error!(dir = %self.dir.display(), %error, "a new store file could not be made");
            }
        }
        let segments = self.segments.read().map(|s| s.clone()).unwrap_or_default();
        let mut total: u64 = segments.iter().map(|s| s.bytes()).sum();
        let mut dropped = 0;
        let sealed = segments.len().saturating_sub(1);
        for segment in &segments[..sealed] {
            let expired = now - segment.last_write_ms.load(Relaxed) > self.retention_ms;
            if !expired && total <= self.max_bytes {
                break;
            }
            let bytes = segment.bytes();
            if let Err(error) = segment.delete() {
                tracing::error!(file = %segment.path.display(), %error, "an old store file could not be deleted");
                break;
            }
            total = total.saturating_sub(bytes);
            dropped += 1;
            let why = if expired { "age" } else { "size" };
            tracing::info!(file = %segment.path.display(), bytes, why, "dropped the oldest stored spans and logs");
        }
        if dropped > 0
            && let Ok(mut segments) = self.segments.write()
        {
            segments.drain(..dropped);
            add(&self.stats.segments_dropped, dropped);
        }
        self.count(total);
    }

    fn count(&self, bytes: u64) {
        let Ok(segments) = self.segments.read() else { return };
        let sum = |f: fn(&Segment) -> u64| segments.iter().map(|s| f(s)).sum();
        self.stats.stored_spans.store(sum(|s| s.spans.load(Relaxed)), Relaxed);
        self.stats.stored_logs.store(sum(|s| s.logs.load(Relaxed)), Relaxed);
        self.stats.stored_bytes.store(bytes, Relaxed);
        self.stats.segments.store(segments.len() as u64, Relaxed);
    }
}

/// Spans and log entries in the batches.
fn items(batches: &[Batch]) -> (usize, usize) {
    batches.iter().fold((0, 0), |(spans, logs), b| (spans + b.spans.len(), logs + b.logs.len()))
}

/// Whether the disk, and not what was to be written, is why a write failed: then a later try may succeed.
fn is_disk(error: &ReadError) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, PermissionDenied,
        ReadOnly, SystemIoFailure,
    };
    let ReadError::Sqlite(error) = error else { return false };
    matches!(
        error.sqlite_error_code(),
        Some(
            CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | FileLockingProtocolFailed
                | PermissionDenied
                | ReadOnly
                | SystemIoFailure
        )
    )
}

/// Takes what arrives within [`FLUSH_AFTER`] of the first batch. `false` when nothing more will come.
fn gather(receiver: &Receiver<Batch>) -> (Vec<Batch>, bool) {
    let first = match receiver.recv_timeout(Duration::from_secs(1)) {
        Ok(batch) => batch,
        Err(RecvTimeoutError::Timeout) => return (Vec::new(), true),
        Err(RecvTimeoutError::Disconnected) => return (Vec::new(), false),
    };
    let until = Instant::now() + FLUSH_AFTER;
    let mut bytes = first.bytes();
    let mut batches = vec![first];
    while bytes < FLUSH_BYTES {
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(batch) => {
                bytes += batch.bytes();
                batches.push(batch);
            }
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return (batches, false),
        }
    }
    (batches, true)
}
