//! The one thread that writes: lays gathered batches out in blocks, commits them together, and rolls and drops
//! segments. Readers never wait for it.

mod repeated;
mod retry;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, mem};

use super::Segments;
use super::active::Active;
use super::batch::Batch;
use super::queue::{Outlet, Queue, queue};
use super::segment::{self, ReadError, Segment};
use crate::stats::{Stats, add};
use crate::{Config, Error, time};

pub(super) use repeated::Repeated;

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

/// Opens the active segment and starts the thread, which keeps the directory's `lock` until it ends.
pub(crate) fn start(
    config: &Config,
    segments: Segments,
    stats: Arc<Stats>,
    lock: fs::File,
) -> Result<(Queue, WriterHandle), Error> {
    let (queue, mut outlet) = queue(config.limits.queue_bytes, Arc::clone(&stats));
    let mut writer = Writer {
        dir: config.data_dir.clone(),
        segment_bytes: (config.max_bytes / 16).max(256 << 10),
        segment_ms: (config.retention.as_millis() as i64 / 24).max(1000),
        max_bytes: config.max_bytes,
        queue_bytes: config.limits.queue_bytes,
        retention_ms: config.retention.as_millis() as i64,
        segments,
        stats,
        active: None,
        encoder: snap::raw::Encoder::new(),
        repeated: Repeated::default(),
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
            writer.run(&mut outlet);
            drop(lock);
        })
        .map_err(|e| Error::Store { path: config.data_dir.clone(), message: e.to_string() })?;
    Ok((queue, WriterHandle(thread)))
}

struct Writer {
    dir: PathBuf,
    segment_bytes: u64,
    segment_ms: i64,
    max_bytes: u64,
    queue_bytes: usize,
    retention_ms: i64,
    segments: Segments,
    stats: Arc<Stats>,
    active: Option<Active>,
    encoder: snap::raw::Encoder,
    repeated: Repeated,
    checked: Instant,
}

impl Writer {
    fn run(&mut self, outlet: &mut Outlet) {
        while outlet.is_open() {
            let batches = outlet.gather();
            if batches.is_empty() {
                self.reopen(outlet);
            } else {
                self.flush(batches, outlet);
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

    /// Commits the batches together and counts them.
    fn write(&mut self, batches: &[Batch]) -> Result<(), ReadError> {
        let (spans, sent) = items(batches);
        let (encoder, mut repeated) = (&mut self.encoder, mem::take(&mut self.repeated));
        let written = match self.active.as_mut() {
            Some(active) if !active.is_damaged() => active.write(batches, &mut repeated, encoder),
            _ => Err(ReadError::Damaged),
        };
        // A damaged file is replaced by a new one, and the batch is written there.
        let written = match written {
            Err(ReadError::Damaged) => {
                // What was written there is not found any more, and is welcome again.
                repeated = Repeated::default();
                let active = self.replace_active();
                active.and_then(|active| active.write(batches, &mut repeated, &mut snap::raw::Encoder::new()))
            }
            other => other,
        };
        self.repeated = repeated;
        let logs = written?;
        add(&self.stats.repeated_logs, sent - logs);
        add(&self.stats.spans.ingested, spans);
        add(&self.stats.logs.ingested, logs);
        add(&self.stats.stored_spans, spans);
        add(&self.stats.stored_logs, logs);
        add(&self.stats.flushes, 1);
        Ok(())
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
