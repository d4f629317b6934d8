//! All series with what finds them: by their labels whole, and by conditions on labels. No lock and no clock: `mod` has
//! the one and is told the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use super::chunk::Chunk;
use super::log::Buffer;
use super::postings::Postings;
use super::series::{SERIES_BYTES, Series};
use super::{Metadata, Refused, exemplars};
use crate::labels::Labels;
use crate::matcher::Matcher;

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) series: HashMap<u32, Series>,
    by_hash: HashMap<u64, u32>,
    /// Series whose hash another one has already.
    colliding: Vec<(u64, u32)>,
    hasher: RandomState,
    next_id: u32,
    pub(super) postings: Postings,
    strings: HashSet<Arc<str>>,
    pub(super) exemplars: exemplars::Exemplars,
    pub(super) metadata: BTreeMap<String, BTreeSet<Metadata>>,
    /// Bytes of all series with their chunks, brought up to date by `maintain`.
    pub(super) bytes: usize,
    /// What is to be written to disk; none where nothing is.
    pub(super) log: Option<Buffer>,
    /// Whether it was said that there is no room for more series; said again only after there was some.
    told_full: bool,
}

impl Inner {
    fn hash<'l>(&self, labels: impl Iterator<Item = (&'l str, &'l str)>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for (name, value) in labels {
            hasher.write(name.as_bytes());
            hasher.write_u8(0xff);
            hasher.write(value.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }

    /// The series with these labels, which are sorted by name and not empty.
    pub(super) fn find<'l>(&self, labels: impl Iterator<Item = (&'l str, &'l str)> + Clone) -> Option<u32> {
        let hash = self.hash(labels.clone());
        let first = self.by_hash.get(&hash).copied();
        let others = self.colliding.iter().filter(|(h, _)| *h == hash).map(|(_, id)| *id);
        let is_it = move |id: &u32| {
            let mut wanted = labels.clone();
            let equal = |(name, value)| wanted.next().is_some_and(|(n, v)| n == name && v == value);
            self.series.get(id).is_some_and(|s| s.labels.iter().all(equal)) && wanted.next().is_none()
        };
        first.into_iter().chain(others).find(is_it)
    }

    /// Makes a series of labels that no other has.
    pub(super) fn create<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)> + Clone) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let hash = self.hash(labels.clone());
        // Shared strings: thousands of series repeat the same few names and values.
        let shared: Vec<_> = labels.map(|(k, v)| (self.intern(k), self.intern(v))).collect();
        let labels = Labels::new(shared);
        self.postings.add(id, labels.pairs());
        self.series.insert(id, Series::new(labels));
        if *self.by_hash.entry(hash).or_insert(id) != id {
            self.colliding.push((hash, id));
        }
        self.bytes += SERIES_BYTES;
        id
    }

    /// Says that there is no room for another series, once.
    pub(super) fn refuse_series(&mut self, max: usize) {
        if !std::mem::replace(&mut self.told_full, true) {
            tracing::warn!(
                max_series = max,
                "new metric series are refused: there are as many as are allowed"
            );
        }
    }

    fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.strings.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = Arc::from(text);
        self.strings.insert(Arc::clone(&text));
        text
    }

    pub(super) fn append(&mut self, id: u32, t: i64, v: f64) -> Result<(), Refused> {
        let Some(series) = self.series.get_mut(&id) else { return Err(Refused::OutOfOrder) };
        if !series.check(t, v)? {
            return Ok(());
        }
        let full = series.push(t, v);
        self.bytes += full.as_ref().map_or(0, Chunk::bytes);
        if let Some(log) = &mut self.log {
            log.sample(id, &series.labels, &mut series.described, t, v);
            if let Some(full) = full {
                log.chunk(id, &series.labels, full);
            }
        }
        Ok(())
    }

    /// The series that satisfy all matchers.
    pub(super) fn matching(&self, matchers: &[Matcher]) -> Vec<u32> {
        let (candidates, unchecked) = self.postings.candidates(matchers);
        let mut found = candidates.unwrap_or_else(|| self.series.keys().copied().collect());
        for matcher in unchecked {
            // Values are shared: each is compared once, however many series have it.
            let mut known: HashMap<*const u8, bool> = HashMap::new();
            found.retain(|id| {
                let Some(series) = self.series.get(id) else { return false };
                let value = series.labels.get(&matcher.name);
                *known.entry(value.as_ptr()).or_insert_with(|| matcher.matches(value))
            });
        }
        found
    }

    /// Drops what is older than `cutoff` from these series, and those that are then empty. Answers the bytes of the others.
    pub(super) fn drop_before(&mut self, ids: &[u32], cutoff: i64) -> usize {
        let mut bytes = 0;
        for id in ids {
            let Some(series) = self.series.get_mut(id) else { continue };
            if series.drop_before(cutoff) {
                bytes += series.bytes();
            } else {
                self.remove(*id);
            }
        }
        bytes
    }

    /// Forgets the strings that no series uses any more: only the set itself holds them.
    pub(super) fn forget_strings(&mut self) {
        self.strings.retain(|s| Arc::strong_count(s) > 1);
    }

    fn remove(&mut self, id: u32) {
        let Some(series) = self.series.remove(&id) else { return };
        self.told_full = false;
        self.postings.remove(id, series.labels.pairs());
        let hash = self.hash(series.labels.iter());
        self.colliding.retain(|(_, other)| *other != id);
        if self.by_hash.get(&hash) == Some(&id) {
            self.by_hash.remove(&hash);
            if let Some(at) = self.colliding.iter().position(|(h, _)| *h == hash) {
                let (hash, other) = self.colliding.swap_remove(at);
                self.by_hash.insert(hash, other);
            }
        }
    }
}
