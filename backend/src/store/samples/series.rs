//! One series: sealed chunks and the open one, and the snapshot of it that a query reads.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Refused;
use super::chunk::{Chunk, Sample};
use crate::labels::Labels;

/// Samples per chunk: few enough that dropping the oldest frees little by little.
const CHUNK_SAMPLES: usize = 240;
/// What a series costs beside its chunks; an estimate that keeps the bound honest.
pub(super) const SERIES_BYTES: usize = 640;

/// A series as a query sees it: a snapshot that later appends do not change.
#[derive(Debug, Clone)]
pub(crate) struct SeriesView {
    pub(crate) labels: Labels,
    chunks: Vec<Arc<Chunk>>,
    open: Chunk,
}

impl SeriesView {
    /// Samples with `start < t <= end`, in order, staleness markers included.
    pub(crate) fn samples(&self, start: i64, end: i64) -> impl Iterator<Item = Sample> {
        self.chunks
            .iter()
            .map(AsRef::as_ref)
            .chain([&self.open])
            .filter(move |c| c.len() > 0 && c.max_t() > start && c.min_t() <= end)
            .flat_map(Chunk::iter)
            .filter(move |s| s.t > start && s.t <= end)
    }

    /// A series from plain samples.
    #[cfg(test)]
    pub(crate) fn from_samples(labels: Labels, samples: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let mut open = Chunk::default();
        for (t, v) in samples {
            open.push(t, v);
        }
        Self { labels, chunks: Vec::new(), open }
    }
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) chunks: VecDeque<Arc<Chunk>>,
    pub(super) open: Chunk,
}

impl Series {
    pub(super) fn new(labels: Labels) -> Self {
        Self { labels, chunks: VecDeque::new(), open: Chunk::default() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().map(|c| c.bytes() + 16).sum::<usize>() + self.open.bytes() + SERIES_BYTES
    }

    pub(super) fn min_t(&self) -> i64 {
        self.chunks.front().map_or(self.open.min_t(), |c| c.min_t())
    }
    /// The time of the latest sample.
    pub(super) fn max_t(&self) -> i64 {
        if self.open.len() > 0 {
            self.open.max_t()
        } else {
            self.chunks.back().map_or(i64::MIN, |c| c.max_t())
        }
    }

    /// Appends a sample and answers the bytes of the chunk it filled, or 0.
    ///
    /// # Errors
    /// The sample is not newer than the last one.
    pub(super) fn append(&mut self, t: i64, v: f64) -> Result<usize, Refused> {
        if t <= self.max_t() {
            return Err(Refused::OutOfOrder);
        }
        self.open.push(t, v);
        if self.open.len() < CHUNK_SAMPLES {
            return Ok(0);
        }
        let mut full = std::mem::take(&mut self.open);
        full.shrink();
        let bytes = full.bytes();
        self.chunks.push_back(Arc::new(full));
        Ok(bytes)
    }

    /// What a query of `start < t <= end` may need; `None` when there is nothing.
    pub(super) fn view(&self, start: i64, end: i64) -> Option<SeriesView> {
        let overlaps = |c: &Chunk| c.len() > 0 && c.max_t() > start && c.min_t() <= end;
        let chunks: Vec<_> = self.chunks.iter().filter(|c| overlaps(c)).cloned().collect();
        let open = if overlaps(&self.open) { self.open.clone() } else { Chunk::default() };
        (!chunks.is_empty() || open.len() > 0).then(|| SeriesView {
            labels: self.labels.clone(),
            chunks,
            open,
        })
    }

    /// Drops chunks whose samples are all before `cutoff`. `false` when nothing is left.
    pub(super) fn drop_before(&mut self, cutoff: i64) -> bool {
        while self.chunks.front().is_some_and(|c| c.max_t() < cutoff) {
            self.chunks.pop_front();
        }
        if self.open.len() > 0 && self.open.max_t() < cutoff {
            self.open = Chunk::default();
        }
        !self.chunks.is_empty() || self.open.len() > 0
    }
}
