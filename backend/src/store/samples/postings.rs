//! The label index: for each name and value the ids of the series that have it, in rising order. Answers which series
//! satisfy a set of conditions, as far as postings tell; the rest is looked up series by series in `index`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Count;
use crate::labels::NAME;
use crate::matcher::Matcher;

type Values = BTreeMap<Arc<str>, Vec<u32>>;

/// name -> value -> series.
#[derive(Debug, Default)]
pub(super) struct Postings(BTreeMap<Arc<str>, Values>);

/// Counts of the index: series per metric name, values per label name, bytes per label name, series per pair.
#[derive(Debug, Default)]
pub(crate) struct Cardinality {
    pub(crate) series_by_name: Vec<Count>,
    pub(crate) values_by_label: Vec<Count>,
    pub(crate) bytes_by_label: Vec<Count>,
    pub(crate) series_by_pair: Vec<Count>,
}

impl Postings {
    /// Adds a series; ids come in rising order.
    pub(super) fn add(&mut self, id: u32, pairs: &[(Arc<str>, Arc<str>)]) {
        for (name, value) in pairs {
            let ids = self.0.entry(Arc::clone(name)).or_default().entry(Arc::clone(value)).or_default();
            match ids.binary_search(&id) {
                Ok(_) => {}
                Err(at) => ids.insert(at, id),
            }
        }
    }

    pub(super) fn remove(&mut self, id: u32, pairs: &[(Arc<str>, Arc<str>)]) {
        for (name, value) in pairs {
            let Some(values) = self.0.get_mut(name) else { continue };
            if let Some(ids) = values.get_mut(value) {
                if let Ok(at) = ids.binary_search(&id) {
                    ids.remove(at);
                }
                if ids.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.0.remove(name);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = (&Arc<str>, &[u32])> {
        self.0.get(name).into_iter().flatten().map(|(value, ids)| (value, ids.as_slice()))
    }

    /// Series among which are all that satisfy the matchers, in rising order, with the matchers that have still to be
    /// checked; `None` when it could be any series.
    pub(super) fn candidates<'m>(&self, matchers: &'m [Matcher]) -> (Option<Vec<u32>>, Vec<&'m Matcher>) {
        let (exact, mut others): (Vec<&Matcher>, Vec<&Matcher>) =
            matchers.iter().partition(|m| m.exact().is_some());
        let mut lists: Vec<&[u32]> = exact
            .iter()
            .map(|m| {
                let ids = m.exact().and_then(|value| self.0.get(&*m.name)?.get(value));
                ids.map(Vec::as_slice).unwrap_or_default()
            })
            .collect();
        lists.sort_by_key(|ids| ids.len());
        if let Some((smallest, larger)) = lists.split_first() {
            let mut found = smallest.to_vec();
            for ids in larger {
                found.retain(|id| ids.binary_search(id).is_ok());
            }
            return (Some(found), others);
        }
        // A condition that a missing label does not meet: only series that have the label are left.
        let Some(at) = others.iter().position(|m| !m.matches("")) else { return (None, others) };
        let matcher = others.swap_remove(at);
        let wanted = self.values(&matcher.name).filter(|(value, _)| matcher.matches(value));
        let mut found: Vec<u32> = wanted.flat_map(|(_, ids)| ids).copied().collect();
        found.sort_unstable();
        (Some(found), others)
    }

    pub(super) fn cardinality(&self) -> Cardinality {
        let mut counts = Cardinality::default();
        for (name, values) in &self.0 {
            let mut bytes = 0;
            for (value, ids) in values {
                let count = ids.len();
                if &**name == NAME {
                    counts.series_by_name.push(Count { name: value.to_string(), count });
                }
                counts.series_by_pair.push(Count { name: format!("{name}={value}"), count });
                // As if each series had name and value of its own, with their lengths.
                bytes += (name.len() + value.len() + 2) * count;
            }
            counts.values_by_label.push(Count { name: name.to_string(), count: values.len() });
            counts.bytes_by_label.push(Count { name: name.to_string(), count: bytes });
        }
        counts
    }
}
