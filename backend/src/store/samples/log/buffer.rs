//! What was appended since the log was written last. Filled under the lock of the samples, so it does little: a number, a
//! time and a value are a dozen bytes.

use super::record::{put_sample, put_series};
use crate::labels::Labels;
use crate::store::samples::chunk::Chunk;

/// Most bytes of samples gathered. More only come together when the disk takes nothing for long, and what is left out then
/// is in the next file of recent samples all the same.
const MAX_BYTES: usize = 16 << 20;
/// Most chunks gathered: as many as memory holds by default.
const MAX_CHUNKS: usize = 200_000;

/// Gathered, to be written.
#[derive(Debug, Default)]
pub(in crate::store::samples) struct Buffer {
    /// Counts the files of recent samples: a series is described once in each.
    pub(in crate::store::samples) epoch: u32,
    /// Records that describe series.
    pub(super) series: Vec<u8>,
    /// Samples, not yet packed.
    pub(super) samples: Vec<u8>,
    last: (u32, i64),
    /// Chunks that were filled.
    pub(super) full: Vec<(u32, Labels, Chunk)>,
    /// Something was left out.
    pub(super) overflowed: bool,
}

impl Buffer {
    pub(in crate::store::samples) fn new(epoch: u32) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// Takes what was gathered and leaves an empty buffer of the same epoch.
    pub(in crate::store::samples) fn take(&mut self) -> Self {
        let epoch = self.epoch;
        std::mem::replace(self, Self::new(epoch))
    }

    /// Notes a sample. `described` is the epoch that the series was described in last.
    pub(in crate::store::samples) fn sample(
        &mut self,
        id: u32,
        labels: &Labels,
        described: &mut u32,
        t: i64,
        v: f64,
    ) {
        if self.samples.len() + self.series.len() > MAX_BYTES {
            self.overflowed = true;
            return;
        }
        if *described != self.epoch {
            put_series(&mut self.series, id, labels);
            *described = self.epoch;
        }
        put_sample(&mut self.samples, &mut self.last, id, t, v);
    }

    /// Notes a chunk that is full.
    pub(in crate::store::samples) fn chunk(&mut self, id: u32, labels: &Labels, chunk: Chunk) {
        if self.full.len() < MAX_CHUNKS {
            self.full.push((id, labels.clone(), chunk));
        } else {
            self.overflowed = true;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.full.is_empty() && !self.overflowed
    }
}
