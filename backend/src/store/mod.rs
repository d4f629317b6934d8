//! The store: spans and logs in segment files on disk, metric samples in memory with a log of them on disk. One thread
//! writes each, any number of readers. Opening it takes the data directory for this process alone.

mod active;
mod aside;
pub(crate) mod batch;
pub(crate) mod block;
mod catalogue;
pub(crate) mod logs;
mod queue;
pub(crate) mod read;
pub(crate) mod samples;
pub(crate) mod segment;
pub(crate) mod span_index;
pub(crate) mod spans;
pub(crate) mod tail;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::stats::{Stats, add};
use crate::{Backend, Config, Error, time};

pub(crate) use aside::aside_of;
use batch::Batch;
use samples::{LogHandle, Samples};
use segment::{ReadError, Segment};
use writer::WriterHandle;

/// The segments in use, oldest first.
pub(crate) type Segments = Arc<RwLock<Vec<Arc<Segment>>>>;

/// Access to everything stored.
#[derive(Debug)]
pub(crate) struct Store {
    segments: Segments,
    queue: queue::Queue,
    pub(crate) samples: Arc<Samples>,
    stats: Arc<Stats>,
}

/// Waits for the end of the threads that write.
#[derive(Debug)]
pub(crate) struct Writers {
    writer: WriterHandle,
    log: LogHandle,
}

impl Writers {
    /// Returns when everything accepted is on disk. The [`Store`] must have been closed.
    ///
    /// # Errors
    /// One of them failed, and what was accepted last is lost.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let samples = self.log.finish();
        self.writer.finish().and(samples)
    }
}

/// Ingest has to wait: too much is queued, the disk refuses, or nothing is written any more.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Busy {
    QueueFull,
    DiskFull,
    Stopped,
}

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "the ingest queue is full, try again",
            Self::DiskFull => "the disk is full or cannot be written, try again later",
            Self::Stopped => "the store has stopped; restart the backend",
        })
    }
}

impl Store {
    /// Takes the data directory, sets damaged files aside, reads samples back, and starts the writers.
    ///
    /// # Errors
    /// The directory cannot be used; [`Error`] says why.
    pub(crate) fn open(config: &Config, stats: Arc<Stats>) -> Result<(Self, Writers), Error> {
        let dir = &config.data_dir;
        let lock = take(dir)?;
        let segments: Segments = Arc::new(RwLock::new(open_segments(dir, &stats)?));
        let (samples, log) = Samples::open(config, &stats)?;
        let (queue, writer) = writer::start(config, Arc::clone(&segments), Arc::clone(&stats), lock)?;
        Ok((Self { segments, queue, samples, stats }, Writers { writer, log }))
    }

    /// Hands a batch to the writer; it is readable within about 50 ms.
    ///
    /// # Errors
    /// [`Busy`]: nothing was taken, the sender may try again.
    pub(crate) fn push(&self, batch: Batch) -> Result<(), Busy> {
        if batch.is_empty() { Ok(()) } else { self.queue.push(batch) }
    }

    /// Takes nothing more; the writer ends when what it has is written.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// The segments now in use, newest first. Damaged ones found meanwhile are set aside.
    pub(crate) fn newest_first(&self) -> Vec<Arc<Segment>> {
        let segments = self.segments.read().map(|s| s.clone()).unwrap_or_default();
        if segments.iter().any(|s| s.damaged.load(Relaxed)) {
            self.set_damaged_aside();
        }
        segments.into_iter().rev().filter(|s| !s.damaged.load(Relaxed)).collect()
    }

    /// Reads every segment from the newest to the oldest until `read` answers `false`. A damaged segment is set aside
    /// and skipped, so that one bad file does not take the others' data with it.
    ///
    /// # Errors
    /// A failure that is not damage.
    pub(crate) fn each_segment(
        &self,
        mut read: impl FnMut(&rusqlite::Connection) -> Result<bool, ReadError>,
    ) -> Result<(), ReadError> {
        for segment in self.newest_first() {
            match segment.read(&mut read) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(ReadError::Damaged) => self.set_damaged_aside(),
                // Dropped by retention between listing and reading: its data is gone, which is what retention means.
                Err(ReadError::Sqlite(_)) if !segment.path.exists() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn set_damaged_aside(&self) {
        let Ok(mut segments) = self.segments.write() else { return };
        // The newest segment is the writer's, which would go on writing to the renamed file: it replaces it itself.
        let newest = segments.last().cloned();
        segments.retain(|segment| {
            let is_newest = newest.as_ref().is_some_and(|n| Arc::ptr_eq(n, segment));
            let damaged = segment.damaged.load(Relaxed) && !is_newest;
            if damaged {
                segment.close_readers();
                put_aside(&segment.path, &self.stats);
            }
            !damaged
        });
    }

    /// Frees what only speeds up repeated reads.
    fn close_idle_readers(&self) {
        for segment in self.newest_first() {
            segment.close_readers();
        }
    }
}

/// Drops old samples and idle read connections every few seconds until `stop`.
pub(crate) async fn maintain(backend: Arc<Backend>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    let mut rounds = 0u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        backend.store.samples.maintain(time::now_ms());
        rounds = rounds.wrapping_add(1);
        if rounds.is_multiple_of(12) {
            backend.store.close_idle_readers();
        }
    }
}

/// Creates the directory where it is missing, proves that it can be written, and locks it.
fn take(dir: &Path) -> Result<fs::File, Error> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        Err(error) => return Err(Error::io(dir, &error)),
        Ok(()) => {}
    }
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join("lock"))
        .map_err(|e| Error::io(dir, &e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(Error::InUse(dir.to_owned())),
        Err(fs::TryLockError::Error(error)) => return Err(Error::io(dir, &error)),
    }
    // A full disk still lets empty files be made: writing a page shows it.
    let probe = dir.join("probe");
    let written = fs::write(&probe, [0u8; 8192]);
    let _ = fs::remove_file(&probe);
    written.map_err(|e| Error::io(dir, &e))?;
    Ok(file)
}

fn open_segments(dir: &Path, stats: &Stats) -> Result<Vec<Arc<Segment>>, Error> {
    let entries = fs::read_dir(dir).map_err(|e| Error::io(dir, &e))?;
    let mut files: Vec<(i64, PathBuf)> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter_map(|path| segment::created_of(&path).map(|created| (created, path)))
        .collect();
    files.sort();
    files.retain(|(_, path)| !segment::is_unfinished(path) || segment::delete(path).is_err());
    let newest = files.last().map(|(created, _)| *created);
    let mut segments = Vec::with_capacity(files.len());
    for (created, path) in files {
        // Only the newest was open when the last process ended: it alone can be half written, and is read whole.
        match Segment::open(&path, created, Some(created) == newest) {
            Ok(segment) => segments.push(Arc::new(segment)),
            Err(ReadError::Sqlite(error)) => return Err(Error::sqlite(dir, &error)),
            Err(_) => put_aside(&path, stats),
        }
    }
    Ok(segments)
}

/// Sets a damaged file aside and says so, once.
fn put_aside(path: &Path, stats: &Stats) {
    add(&stats.segments_set_aside, 1);
    match segment::set_aside(path) {
        Ok(to) => tracing::warn!(
            file = %path.display(), kept_as = %to.display(),
            "a store file is damaged: it was set aside, its spans and logs are not readable"
        ),
        Err(error) => {
            tracing::error!(file = %path.display(), %error, "a damaged store file could not be set aside");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::batch::LogIn;

    fn one_log() -> Batch {
        let mut batch = Batch { streams: vec![r#"[["app","a"]]"#.to_owned()], ..Batch::default() };
        let body = batch.put_log("line", &[("k", "v")]);
        batch.logs.push(LogIn { stream: 0, ts_ns: 1, body, keys: (0, 0) });
        batch
    }

    fn wait_for_log(store: &Store) {
        let until = std::time::Instant::now() + Duration::from_secs(20);
        while !store.newest_first().iter().any(|s| s.logs.load(Relaxed) == 1) {
            assert!(std::time::Instant::now() < until, "the log is never readable");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_file_being_written_is_replaced_when_a_read_finds_it_damaged() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
        let (store, writer) = Store::open(&config, Arc::default()).expect("opened");
        store.push(one_log()).expect("taken");
        wait_for_log(&store);

        let segment = store.newest_first().remove(0);
        let found: Result<(), _> = segment.read(|_| Err(ReadError::Damaged));
        assert!(found.is_err());
        assert!(store.newest_first().is_empty(), "what is damaged is not read");
        store.push(one_log()).expect("taken");
        wait_for_log(&store);
        let aside = format!("{}.corrupt-", segment::file_name(segment.created_ms));
        let files = fs::read_dir(dir.path()).expect("a folder").flatten();
        assert!(files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with(&aside)));
        store.close();
        writer.finish().expect("an orderly end");
    }

    #[test]
    fn a_writer_that_has_failed_is_not_called_a_full_queue() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
        config.limits.queue_bytes = 1;
        let (store, writer) = Store::open(&config, Arc::default()).expect("opened");
        let mut broken = one_log();
        broken.logs[0].stream = 7;
        store.push(broken).expect("taken");
        assert!(matches!(writer.finish(), Err(Error::Stopped(_))));
        assert_eq!(store.push(one_log()), Err(Busy::Stopped));
    }

    #[test]
    fn reading_a_trace_ends_at_the_deadline() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = Config { data_dir: dir.path().to_owned(), ..Config::default() };
        let (store, writer) = Store::open(&config, Arc::default()).expect("opened");
        let now = std::time::Instant::now();
        let later = now + Duration::from_secs(60);
        assert!(matches!(store.traces(&[[1; 16]], later), Ok(traces) if traces.concat().is_empty()));
        assert!(matches!(store.traces(&[[1; 16]], now), Err(ReadError::TimedOut)));
        store.close();
        writer.finish().expect("an orderly end");
    }
}
