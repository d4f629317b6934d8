//! Retention: drops samples by age and by bytes. The lock is held for a few hundred series at a time, so that neither
//! queries nor appends wait long, however much there is.

use std::sync::atomic::Ordering::Relaxed;

use super::Samples;
use super::chunk::Chunk;
use super::series::{SERIES_BYTES, Series};

/// Series looked at under one lock.
const SLICE: usize = 512;

impl Samples {
    /// Drops samples that are too old, then the oldest until the bound on bytes holds, then empty series.
    pub(crate) fn maintain(&self, now_ms: i64) {
        let too_old = now_ms.saturating_sub(self.retention_ms);
        let ids: Vec<u32> = self.read().series.keys().copied().collect();
        let held: usize = ids.chunks(SLICE).map(|ids| self.sum(ids, Series::bytes)).sum();
        let cutoff = if held > self.max_bytes { too_old.max(self.cutoff(&ids, held)) } else { too_old };
        let kept = ids.chunks(SLICE).map(|ids| self.write().drop_before(ids, cutoff)).sum();
        self.held_since.fetch_max(cutoff, Relaxed);
        let mut inner = self.write();
        let gone = ids.len().saturating_sub(inner.series.len());
        inner.bytes = kept;
        if gone > 0 {
            inner.forget_strings();
        }
        let super::Inner { exemplars, series, .. } = &mut *inner;
        exemplars.forget(too_old, |id| series.contains_key(&id));
    }

    /// No sample before this is held.
    pub(super) fn held_since(&self) -> i64 {
        self.held_since.load(Relaxed)
    }

    fn sum(&self, ids: &[u32], f: impl Fn(&Series) -> usize) -> usize {
        let inner = self.read();
        ids.iter().filter_map(|id| inner.series.get(id)).map(f).sum()
    }

    /// The time before which everything must go for the bytes to be a little below their bound.
    fn cutoff(&self, ids: &[u32], held: usize) -> i64 {
        // What a cutoff beyond a time frees: chunks one by one, a series with the latest of its samples.
        let mut freed: Vec<(i64, usize)> = Vec::new();
        for ids in ids.chunks(SLICE) {
            let inner = self.read();
            for series in ids.iter().filter_map(|id| inner.series.get(id)) {
                freed.extend(series.chunks.iter().map(|c| (c.max_t(), Chunk::bytes(c))));
                freed.push((series.max_t(), series.head.bytes() + SERIES_BYTES));
            }
        }
        freed.sort_unstable_by_key(|(t, _)| *t);
        let mut excess = held - (self.max_bytes - self.max_bytes / 20);
        let last = freed.into_iter().find(|(_, bytes)| {
            excess = excess.saturating_sub(*bytes);
            excess == 0
        });
        last.map_or(i64::MAX, |(t, _)| t.saturating_add(1))
    }
}
