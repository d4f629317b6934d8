//! The thread that writes the log. It takes what was gathered, several times a second; begins a new file of recent samples
//! when the last is large; drops files of chunks that are too old or too much.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::buffer::Buffer;
use super::files::{FOLDER, Kind, unfinished};
use super::record::{MAGIC, put_chunk, put_samples, put_series};
use super::replay::{ChunkFile, replay};
use crate::labels::Labels;
use crate::stats::{Stats, add};
use crate::store::samples::Samples;
use crate::store::samples::chunk::Chunk;
use crate::{Config, Error};

/// Time between two writes: what is lost at most when the process is killed.
const FLUSH: Duration = Duration::from_millis(200);
/// Time between two tries while the disk takes nothing.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of a file of recent samples at which the next is begun.
const RECENT_BYTES: u64 = 16 << 20;
/// Bytes of a file of chunks at which the next is begun; smaller where all may hold little.
const CHUNK_BYTES: u64 = 16 << 20;
/// Most chunks that wait for a disk that takes nothing.
const MAX_WAITING: usize = 500_000;

/// Waits for the log's end.
#[derive(Debug)]
pub(crate) struct LogHandle {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl LogHandle {
    /// Returns when everything appended so far is on disk, or cannot be.
    ///
    /// # Errors
    /// The thread failed, and what was appended last is not on disk.
    pub(crate) fn finish(self) -> Result<(), Error> {
        drop(self.stop);
        self.thread.join().map_err(|_| Error::Stopped("the sample log's writer"))
    }
}

/// Reads the log back into `samples` and starts writing on.
///
/// # Errors
/// The folder cannot be used.
pub(in crate::store::samples) fn start(
    config: &Config,
    samples: &Arc<Samples>,
    stats: &Arc<Stats>,
) -> Result<LogHandle, Error> {
    let folder = config.data_dir.join(FOLDER);
    let failed = |error: io::Error| Error::io(&folder, &error);
    match fs::create_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other.map_err(failed)?,
    }
    let started = Instant::now();
    let found = replay(&folder, samples, stats).map_err(failed)?;
    let series = samples.gauges().series;
    if series > 0 {
        tracing::info!(
            series,
            took_ms = started.elapsed().as_millis() as u64,
            "read the stored samples back"
        );
    }
    samples.begin_log();
    let writer = Writer {
        samples: Arc::clone(samples),
        stats: Arc::clone(stats),
        max_bytes: config.metrics_disk_bytes,
        chunk_bytes: (config.metrics_disk_bytes / 16).clamp(64 << 10, CHUNK_BYTES),
        next_chunks: found.files.last().map_or(1, |f| f.number + 1),
        sealed: found.files,
        chunks: None,
        recent: None,
        last_recent: found.recent,
        waiting: found.full,
        behind: false,
        folder: folder.clone(),
    };
    let (stop, stopped) = channel();
    let thread = std::thread::Builder::new()
        .name("sample-log".to_owned())
        .spawn(move || writer.run(&stopped))
        .map_err(|e| Error::Store { path: folder, message: e.to_string() })?;
    Ok(LogHandle { stop, thread })
}

struct Writer {
    samples: Arc<Samples>,
    stats: Arc<Stats>,
    folder: PathBuf,
    max_bytes: u64,
    chunk_bytes: u64,
    /// The file of chunks that is written.
    chunks: Option<Chunks>,
    next_chunks: u64,
    /// Files of chunks that are done, oldest first.
    sealed: Vec<ChunkFile>,
    /// The file of recent samples; none before the first and after a failure.
    recent: Option<Log>,
    last_recent: u64,
    /// Chunks that are not in a file yet.
    waiting: Vec<(u32, Labels, Chunk)>,
    /// The last write failed.
    behind: bool,
}

/// A file of chunks that is written.
struct Chunks {
    log: Log,
    file: ChunkFile,
    /// The series that it describes.
    described: HashSet<u32>,
}

impl Writer {
    fn run(mut self, stop: &Receiver<()>) {
        loop {
            let pause = if self.behind { PAUSE } else { FLUSH };
            let stopped = stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
            let done = self.flush();
            self.count(&done);
            if stopped {
                return;
            }
            self.retain();
        }
    }

    /// Says that the disk takes nothing, or takes something again; each once.
    fn count(&mut self, done: &io::Result<bool>) {
        if let Ok(true) = done {
            add(&self.stats.sample_log_writes, 1);
        }
        if let Err(error) = done {
            add(&self.stats.sample_log_failures, 1);
            if !self.behind {
                tracing::warn!(folder = %self.folder.display(), %error, "samples are not written to disk: a restart would lose them; trying again every second");
            }
        } else if self.behind {
            tracing::info!("samples are written to disk again");
        }
        self.behind = done.is_err();
        self.stats.sample_log_behind.store(u64::from(self.behind), Relaxed);
        let current = self.chunks.as_ref().map_or(0, |c| c.log.bytes);
        let recent = self.recent.as_ref().map_or(0, |log| log.bytes);
        let sealed: u64 = self.sealed.iter().map(|f| f.bytes).sum();
        self.stats.sample_log_bytes.store(sealed + current + recent, Relaxed);
    }

    /// Writes what was gathered, if there is anything.
    fn flush(&mut self) -> io::Result<bool> {
        let large = self.recent.as_ref().is_none_or(|log| log.bytes > RECENT_BYTES);
        if large {
            return self.begin_recent().map(|()| true);
        }
        let gathered = self.samples.take_log();
        if gathered.is_empty() && self.waiting.is_empty() {
            return Ok(false);
        }
        let overflowed = gathered.overflowed;
        self.write(gathered)?;
        if overflowed {
            self.begin_recent()?;
        }
        Ok(true)
    }

    /// Appends to the files there are. After a failure the next flush begins a new file of recent samples.
    fn write(&mut self, gathered: Buffer) -> io::Result<()> {
        self.waiting.extend(gathered.full);
        let excess = self.waiting.len().saturating_sub(MAX_WAITING);
        self.waiting.drain(..excess);
        if let Some(recent) = &mut self.recent {
            let mut records = gathered.series;
            if !gathered.samples.is_empty() {
                put_samples(&mut records, &gathered.samples);
            }
            if let Err(error) = recent.append(&records) {
                self.recent = None;
                return Err(error);
            }
        }
        self.write_chunks()
    }

    fn write_chunks(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let mut chunks = match self.chunks.take() {
                Some(chunks) => chunks,
                None => self.begin_chunks()?,
            };
            let mut records = Vec::new();
            let mut taken = 0;
            for (id, labels, chunk) in &self.waiting {
                if chunks.described.insert(*id) {
                    put_series(&mut records, *id, labels);
                }
                put_chunk(&mut records, *id, chunk);
                chunks.file.max_t = chunks.file.max_t.max(chunk.max_t());
                taken += 1;
                if chunks.log.bytes + records.len() as u64 > self.chunk_bytes {
                    break;
                }
            }
            let written = chunks.log.append(&records);
            chunks.file.bytes = chunks.log.bytes;
            match written {
                Ok(()) if chunks.file.bytes <= self.chunk_bytes => self.chunks = Some(chunks),
                Ok(()) => self.sealed.push(chunks.file),
                // What the file describes is no longer known: the next try begins another.
                Err(error) => {
                    if chunks.file.bytes > MAGIC.len() as u64 {
                        self.sealed.push(chunks.file);
                    } else {
                        let _ = fs::remove_file(&chunks.log.path);
                    }
                    return Err(error);
                }
            }
            self.waiting.drain(..taken);
        }
        Ok(())
    }

    fn begin_chunks(&mut self) -> io::Result<Chunks> {
        let number = self.next_chunks;
        let log = Log::create(Kind::Chunks.path(&self.folder, number))?;
        self.next_chunks += 1;
        let file = ChunkFile { number, bytes: log.bytes, max_t: i64::MIN };
        Ok(Chunks { log, file, described: HashSet::new() })
    }

    /// Begins a new file of recent samples with the chunks that are growing, and deletes the last one.
    fn begin_recent(&mut self) -> io::Result<()> {
        let (gathered, growing) = self.samples.turn_log();
        // Also into the last file: it is what counts, should the new one not come about.
        let written = self.write(gathered);
        let path = Kind::Recent.path(&self.folder, self.last_recent + 1);
        let mut log = Log::create(unfinished(&path))?;
        let mut records = Vec::new();
        for (id, labels, chunk) in growing {
            put_series(&mut records, id, &labels);
            put_chunk(&mut records, id, &chunk);
            if records.len() > 1 << 20 {
                log.append(&records)?;
                records.clear();
            }
        }
        log.append(&records)?;
        // The chunks must be there before the samples that they are made of are gone.
        written?;
        if let Some(chunks) = &self.chunks {
            chunks.log.file.sync_data()?;
        }
        log.file.sync_data()?;
        fs::rename(&log.path, &path)?;
        log.path = path;
        self.recent = Some(log);
        self.last_recent += 1;
        for (number, path) in Kind::Recent.list(&self.folder)? {
            if number < self.last_recent {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Drops files of chunks of which nothing is held any more, and the oldest while all are too much.
    fn retain(&mut self) {
        let held_since = self.samples.held_since();
        let mut total: u64 = self.sealed.iter().map(|f| f.bytes).sum();
        total += self.chunks.as_ref().map_or(0, |c| c.log.bytes);
        let max = self.max_bytes;
        let folder = &self.folder;
        self.sealed.retain(|file| {
            if file.max_t >= held_since && total <= max {
                return true;
            }
            let path = Kind::Chunks.path(folder, file.number);
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::error!(file = %path.display(), %error, "an old file of samples could not be deleted");
                return true;
            }
            total -= file.bytes;
            false
        });
    }
}

/// A file that is appended to, and its whole records.
struct Log {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Log {
    /// Makes the file anew, whatever was left under its name.
    fn create(path: PathBuf) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().create_new(true).append(true).open(&path)?;
        let mut log = Self { file, path, bytes: 0 };
        let begun = log.append(MAGIC);
        if begun.is_err() {
            let _ = fs::remove_file(&log.path);
        }
        begun.map(|()| log)
    }

    /// Appends whole records. After a failure the file ends where it did.
    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(records);
        if written.is_err() {
            // Should that fail too, reading finds a record that is not whole.
            let _ = self.file.set_len(self.bytes);
        } else {
            self.bytes += records.len() as u64;
        }
        written
    }
}
