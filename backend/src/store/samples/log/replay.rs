//! Reads the log back into memory, before anything is served. What a file has before a damaged place is kept; the rest is
//! set aside with a line that says so.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use super::files::{Kind, cut, set_tail_aside};
use super::record::{self, End, Record};
use crate::labels::Labels;
use crate::stats::{Stats, add};
use crate::store::samples::Samples;
use crate::store::samples::chunk::{Chunk, Sample};
use crate::store::samples::index::Inner;
use crate::time::now_ms;

/// A file of chunks, as far as dropping it has to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkFile {
    pub(super) number: u64,
    pub(super) bytes: u64,
    /// The latest sample's time.
    pub(super) max_t: i64,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The files of chunks, oldest first.
    pub(super) files: Vec<ChunkFile>,
    /// Chunks that are in none of them: recent samples have filled them.
    pub(super) full: Vec<(u32, Labels, Chunk)>,
    /// The number of the last file of recent samples, or 0.
    pub(super) recent: u64,
}

/// What a file has of a series.
enum Content {
    Chunk(Chunk),
    Sample(Sample),
}

/// Reads all files of the folder into `samples`.
///
/// # Errors
/// The folder or a file cannot be read at all.
pub(super) fn replay(folder: &Path, samples: &Samples, stats: &Stats) -> io::Result<Found> {
    let mut found = Found::default();
    for (number, path) in Kind::Chunks.list(folder)? {
        let mut max_t = i64::MIN;
        let bytes = read(&path, samples, stats, &mut |inner, id, content| {
            let Content::Chunk(chunk) = content else { return };
            max_t = max_t.max(chunk.max_t());
            if let Some(series) = inner.series.get_mut(&id)
                && series.max_t() < chunk.min_t()
            {
                series.adopt(chunk);
            }
        })?;
        found.files.push(ChunkFile { number, bytes, max_t });
        // Never much more than the bound, however much the files hold.
        samples.maintain(now_ms());
    }
    for (number, path) in Kind::Recent.list(folder)? {
        let full = &mut found.full;
        read(&path, samples, stats, &mut |inner, id, content| match content {
            Content::Chunk(chunk) => chunk.iter().for_each(|sample| append(inner, id, sample, full)),
            Content::Sample(sample) => append(inner, id, sample, full),
        })?;
        found.recent = number;
    }
    samples.maintain(now_ms());
    Ok(found)
}

/// Appends a sample unless it is there already, and keeps the chunk that it filled.
fn append(inner: &mut Inner, id: u32, sample: Sample, full: &mut Vec<(u32, Labels, Chunk)>) {
    let Some(series) = inner.series.get_mut(&id) else { return };
    if series.check(sample.t, sample.v) == Ok(true)
        && let Some(chunk) = series.push(sample.t, sample.v)
    {
        full.push((id, series.labels.clone(), chunk));
    }
}

/// Reads one file, and answers how many of its bytes were good. What it has of series for which there is room is handed to
/// `take`.
fn read(
    path: &Path,
    samples: &Samples,
    stats: &Stats,
    take: &mut dyn FnMut(&mut Inner, u32, Content),
) -> io::Result<u64> {
    let bytes = fs::read(path)?;
    let mut inner = samples.write();
    // The file's numbers of series, and ours; none where there is no room for the series.
    let mut ids: HashMap<u32, Option<u32>> = HashMap::new();
    let (end, at) = record::each(&bytes, |record| {
        match record {
            Record::Series(number, labels) => {
                let id = inner.find(labels.iter());
                let room = inner.series.len() < samples.max_series;
                let id = id.or_else(|| room.then(|| inner.create(labels.iter())));
                ids.insert(number, id);
            }
            Record::Chunk(number, chunk) => {
                if let Some(id) = ids.get(&number)? {
                    take(&mut inner, *id, Content::Chunk(chunk));
                }
            }
            Record::Samples(packed) => {
                let mut known = true;
                record::samples(packed, |number, t, v| match ids.get(&number) {
                    Some(Some(id)) => take(&mut inner, *id, Content::Sample(Sample { t, v })),
                    Some(None) => {}
                    None => known = false,
                })?;
                return known.then_some(());
            }
        }
        Some(())
    });
    drop(inner);
    let rest = bytes.len() - at;
    let file = path.display();
    match end {
        End::Whole => {}
        End::Torn => {
            tracing::info!(%file, bytes = rest, "the sample log ends within a record, which was not written whole");
            if let Err(error) = cut(path, at) {
                tracing::warn!(%file, %error, "the sample log could not be cut at its last whole record");
            }
        }
        End::Damaged => {
            add(&stats.segments_set_aside, 1);
            match set_tail_aside(path, &bytes, at) {
                Ok(aside) => tracing::warn!(
                    %file, kept_as = %aside.display(), bytes = rest,
                    "the sample log is damaged: its end was set aside, the samples in it are lost"
                ),
                Err(error) => tracing::error!(
                    %file, bytes = rest, %error,
                    "the end of the sample log is damaged and could not be set aside"
                ),
            }
        }
    }
    Ok(at as u64)
}
