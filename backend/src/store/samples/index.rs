//! All series with the index that finds them by labels. No lock and no clock: `mod` has the one and is told the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::series::{SERIES_BYTES, Series};
use super::{Metadata, Refused, exemplars};
use crate::labels::Labels;
use crate::matcher::Matcher;

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) series: HashMap<u32, Series>,
    pub(super) ids: HashMap<Labels, u32>,
    pub(super) next_id: u32,
    /// name -> value -> series.
    pub(super) index: BTreeMap<Arc<str>, BTreeMap<Arc<str>, BTreeSet<u32>>>,
    pub(super) strings: HashSet<Arc<str>>,
    pub(super) exemplars: exemplars::Exemplars,
    pub(super) metadata: BTreeMap<String, BTreeSet<Metadata>>,
    /// Sealed and open chunks' bytes, brought up to date by `maintain`.
    pub(super) bytes: usize,
}

impl Inner {
    pub(super) fn create(&mut self, labels: &Labels) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        // Shared strings: thousands of series repeat the same few names and values.
        let shared: Vec<(Arc<str>, Arc<str>)> =
            labels.pairs().iter().map(|(k, v)| (self.intern(k), self.intern(v))).collect();
        let labels = Labels::new(shared);
        for (k, v) in labels.pairs() {
            self.index.entry(Arc::clone(k)).or_default().entry(Arc::clone(v)).or_default().insert(id);
        }
        self.ids.insert(labels.clone(), id);
        self.series.insert(id, Series::new(labels));
        self.bytes += SERIES_BYTES;
        id
    }

    fn intern(&mut self, text: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.strings.get(text) {
            return Arc::clone(known);
        }
        self.strings.insert(Arc::clone(text));
        Arc::clone(text)
    }

    pub(super) fn append(&mut self, id: u32, t: i64, v: f64) -> Result<(), Refused> {
        let Some(series) = self.series.get_mut(&id) else { return Err(Refused::OutOfOrder) };
        self.bytes += series.append(t, v)?;
        Ok(())
    }

    pub(super) fn matching(&self, matchers: &[Matcher]) -> Vec<u32> {
        let empty = BTreeSet::new();
        // The most selective equality decides whom to look at; the other matchers are checked one by one.
        let smallest = matchers
            .iter()
            .filter_map(|m| {
                m.exact().map(|v| self.index.get(&*m.name).and_then(|i| i.get(v)).unwrap_or(&empty))
            })
            .min_by_key(|ids| ids.len());
        let wanted = |id: &u32| {
            self.series.get(id).is_some_and(|s| matchers.iter().all(|m| m.matches(s.labels.get(&m.name))))
        };
        match smallest {
            Some(ids) => ids.iter().copied().filter(|id| wanted(id)).collect(),
            None => self.series.keys().copied().filter(|id| wanted(id)).collect(),
        }
    }

    pub(super) fn drop_before(&mut self, cutoff: i64) {
        let mut empty = Vec::new();
        let mut bytes = 0;
        for (id, series) in &mut self.series {
            if series.drop_before(cutoff) {
                bytes += series.bytes();
            } else {
                empty.push(*id);
            }
        }
        if !empty.is_empty() {
            for id in empty {
                self.remove(id);
            }
            // Held by nothing but the set itself: no series uses the string any more.
            self.strings.retain(|s| Arc::strong_count(s) > 1);
        }
        self.bytes = bytes;
    }

    fn remove(&mut self, id: u32) {
        let Some(series) = self.series.remove(&id) else { return };
        self.ids.remove(&series.labels);
        for (k, v) in series.labels.pairs() {
            if let Some(values) = self.index.get_mut(k)
                && let std::collections::btree_map::Entry::Occupied(mut ids) = values.entry(Arc::clone(v))
            {
                ids.get_mut().remove(&id);
                if ids.get().is_empty() {
                    ids.remove();
                }
            }
            if self.index.get(k).is_some_and(BTreeMap::is_empty) {
                self.index.remove(k);
            }
        }
    }
}
