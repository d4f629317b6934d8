//! One series: chunks that are done and the one that grows, and the snapshot of it that a query reads.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Refused;
use super::chunk::{Chunk, Head, Sample};
use crate::labels::Labels;

/// Samples per chunk: few enough that dropping the oldest frees little by little.
const CHUNK_SAMPLES: usize = 240;
const _: () = assert!(CHUNK_SAMPLES <= Head::MOST);
/// What a series costs beside its chunks; an estimate that keeps the bound honest.
pub(super) const SERIES_BYTES: usize = 640;

/// A range of time, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Span {
    pub(super) fn is_everything(self) -> bool {
        self == Self { start: i64::MIN, end: i64::MAX }
    }

    fn overlaps(self, min_t: i64, max_t: i64) -> bool {
        max_t >= self.start && min_t <= self.end
    }
}

/// A series as a query sees it: a snapshot that later appends do not change.
#[derive(Debug, Clone)]
pub(crate) struct SeriesView {
    pub(crate) labels: Labels,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Chunks(Vec<Chunk>),
    /// Samples that were never compressed.
    Plain(Arc<Vec<Sample>>),
}

impl SeriesView {
    /// Replaces `out` by the samples with `start < t <= end`, in order, staleness markers included.
    pub(crate) fn read(&self, start: i64, end: i64, out: &mut Vec<Sample>) {
        out.clear();
        match &self.content {
            Content::Chunks(chunks) => chunks.iter().for_each(|chunk| chunk.read(start, end, out)),
            Content::Plain(samples) => {
                let from = samples.partition_point(|s| s.t <= start);
                let to = samples.partition_point(|s| s.t <= end);
                out.extend_from_slice(samples.get(from..to).unwrap_or_default());
            }
        }
    }

    /// A series of samples in order of time, as they are.
    pub(crate) fn plain(labels: Labels, samples: Arc<Vec<Sample>>) -> Self {
        Self { labels, content: Content::Plain(samples) }
    }

    /// A series from plain samples.
    #[cfg(test)]
    pub(crate) fn from_samples(labels: Labels, samples: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let samples: Vec<(i64, f64)> = samples.into_iter().collect();
        let chunk = |part: &[(i64, f64)]| {
            let mut head = Head::default();
            part.iter().for_each(|(t, v)| head.push(*t, *v));
            head.chunk()
        };
        Self { labels, content: Content::Chunks(samples.chunks(Head::MOST).filter_map(chunk).collect()) }
    }
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) chunks: VecDeque<Chunk>,
    pub(super) head: Head,
    /// The latest sample.
    last: Option<Sample>,
    /// The epoch of the log in which the series was described last.
    pub(super) described: u32,
}

impl Series {
    pub(super) fn new(labels: Labels) -> Self {
        Self { labels, chunks: VecDeque::new(), head: Head::default(), last: None, described: 0 }
    }

    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().map(Chunk::bytes).sum::<usize>() + self.head.bytes() + SERIES_BYTES
    }

    /// The time of the first sample that is held.
    pub(super) fn min_t(&self) -> i64 {
        self.chunks.front().map_or(self.head.min_t(), Chunk::min_t)
    }

    /// The time of the latest sample.
    pub(super) fn max_t(&self) -> i64 {
        self.last.map_or(i64::MIN, |s| s.t)
    }

    /// Whether a sample may be appended: `false` when it is the latest one again.
    ///
    /// # Errors
    /// The sample is older than the latest one, or another one at its time.
    pub(super) fn check(&self, t: i64, v: f64) -> Result<bool, Refused> {
        match self.last {
            Some(last) if t < last.t => Err(Refused::OutOfOrder),
            Some(last) if t == last.t && v.to_bits() == last.v.to_bits() => Ok(false),
            Some(last) if t == last.t => Err(Refused::Duplicate),
            _ => Ok(true),
        }
    }

    /// Appends a sample that [`Series::check`] has let pass, and answers the chunk that it filled.
    pub(super) fn push(&mut self, t: i64, v: f64) -> Option<Chunk> {
        self.head.push(t, v);
        self.last = Some(Sample { t, v });
        if self.head.len() < CHUNK_SAMPLES {
            return None;
        }
        let full = std::mem::take(&mut self.head).seal();
        self.chunks.extend(full.clone());
        full
    }

    /// Takes a chunk whose samples are all newer than those there are. The chunk that grew is done with it.
    pub(super) fn adopt(&mut self, chunk: Chunk) {
        self.chunks.extend(std::mem::take(&mut self.head).seal());
        // Its last value is not looked up: to repeat it is no error either way.
        self.last = Some(Sample { t: chunk.max_t(), v: f64::NAN });
        self.chunks.push_back(chunk);
    }

    /// Whether any chunk reaches into the span.
    pub(super) fn overlaps(&self, span: Span) -> bool {
        self.head.len() > 0 && span.overlaps(self.head.min_t(), self.head.max_t())
            || self.chunks.iter().rev().any(|c| span.overlaps(c.min_t(), c.max_t()))
    }

    /// What a query of `start < t <= end` may need; `None` when there is nothing.
    pub(super) fn view(&self, start: i64, end: i64) -> Option<SeriesView> {
        let span = Span { start: start.saturating_add(1), end };
        let mut chunks: Vec<_> =
            self.chunks.iter().filter(|c| span.overlaps(c.min_t(), c.max_t())).cloned().collect();
        if self.head.len() > 0 && span.overlaps(self.head.min_t(), self.head.max_t()) {
            chunks.extend(self.head.chunk());
        }
        (!chunks.is_empty())
            .then(|| SeriesView { labels: self.labels.clone(), content: Content::Chunks(chunks) })
    }

    /// Drops chunks whose samples are all before `cutoff`. `false` when nothing is left.
    pub(super) fn drop_before(&mut self, cutoff: i64) -> bool {
        while self.chunks.front().is_some_and(|c| c.max_t() < cutoff) {
            self.chunks.pop_front();
        }
        if self.head.len() > 0 && self.head.max_t() < cutoff {
            self.head = Head::default();
        }
        !self.chunks.is_empty() || self.head.len() > 0
    }
}
