//! Metrics as they were at the moments of the grid, and what counters grew by in between.
//!
//! Counters are read raw and subtracted here, where `rate()` would be shorter: `rate()` loses the first value of a
//! series that begins, and the first errors are exactly such a beginning.

use query::Labels;
use std::collections::{BTreeMap, BTreeSet};

/// The family that says whether a target answered its scrapes: the share of them, from 0 to 1, in the slice before.
pub const ANSWERED: &str = "up";

/// One series at the moments of the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The series.
    pub labels: Labels,
    /// Its values; none where it had none.
    pub values: Vec<Option<f64>>,
}

impl Reading {
    /// A label, or nothing.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// Its known values at some moments.
    pub fn known(&self, moments: std::ops::Range<usize>) -> impl Iterator<Item = f64> {
        self.values.get(moments).unwrap_or_default().iter().flatten().copied()
    }
}

/// What something grew by in each slice; none where that is not known.
pub type Growth = Vec<Option<f64>>;

/// Its sum over some slices.
#[must_use]
pub fn total(growth: &[Option<f64>], slices: std::ops::Range<usize>) -> f64 {
    growth.get(slices).unwrap_or_default().iter().flatten().sum()
}

/// All series, by the name of their family.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metrics {
    families: BTreeMap<String, Vec<Reading>>,
}

impl Metrics {
    /// Takes a series in.
    pub fn add(&mut self, family: &str, reading: Reading) {
        self.families.entry(family.to_owned()).or_default().push(reading);
    }

    /// The series of a family; none if there is no such family.
    #[must_use]
    pub fn of(&self, family: &str) -> &[Reading] {
        self.families.get(family).map_or(&[], Vec::as_slice)
    }

    /// The names of the families.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.families.keys().map(String::as_str)
    }

    /// What the counters of a family grew by, added up under the keys that `key` gives; series without a key are left out.
    pub fn growth<K: Ord>(&self, family: &str, key: impl Fn(&Reading) -> Option<K>) -> BTreeMap<K, Growth> {
        let mut sums: BTreeMap<K, Growth> = BTreeMap::new();
        for reading in self.of(family) {
            let Some(key) = key(reading) else { continue };
            let growth = self.grown(reading);
            match sums.get_mut(&key) {
                Some(sum) => add(sum, &growth),
                None => drop(sums.insert(key, growth)),
            }
        }
        sums
    }

    /// What one counter grew by.
    fn grown(&self, reading: &Reading) -> Growth {
        let watched = self.watched(reading);
        let mut known: Option<f64> = None;
        let pairs = reading.values.windows(2).enumerate();
        pairs
            .map(|(slice, pair)| {
                known = pair[0].or(known);
                let end = pair[1]?;
                match known {
                    // A counter that is lower than before has begun again.
                    Some(start) if end < start => Some(end),
                    Some(start) => Some(end - start),
                    // It appeared: from zero, if somebody was looking before.
                    None => watched.get(slice).copied().unwrap_or(false).then_some(end),
                }
            })
            .collect()
    }

    /// Whether the target of a series was already scraped at each moment.
    fn watched(&self, reading: &Reading) -> Vec<bool> {
        let same = |other: &&Reading| {
            ["job", "instance"].iter().all(|name| other.labels.get(*name) == reading.labels.get(*name))
        };
        let target = self.of(ANSWERED).iter().find(same);
        let mut seen = false;
        let watched = |value: &Option<f64>| {
            seen |= value.is_some();
            seen
        };
        // Who names no target is taken as watched from the start.
        target.map_or_else(|| vec![true; reading.values.len()], |up| up.values.iter().map(watched).collect())
    }

    /// The services that answer requests: those that count them.
    #[must_use]
    pub fn servers(&self) -> BTreeSet<String> {
        self.services("http_server_request_duration_seconds_bucket")
    }

    /// The services that call others.
    #[must_use]
    pub fn callers(&self) -> BTreeSet<String> {
        self.services("http_client_request_duration_seconds_bucket")
    }

    fn services(&self, family: &str) -> BTreeSet<String> {
        let names = self.of(family).iter().map(|reading| reading.label("service").to_owned());
        names.filter(|name| !name.is_empty()).collect()
    }
}

/// Adds slice by slice; what is known of one is better than nothing.
pub(crate) fn add(sum: &mut Growth, other: &[Option<f64>]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        if let Some(other) = other {
            *sum = Some(sum.unwrap_or(0.0) + other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(labels: &[(&str, &str)], values: &[Option<f64>]) -> Reading {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Reading { labels, values: values.to_vec() }
    }

    const TARGET: [(&str, &str); 2] = [("job", "a"), ("instance", "1")];

    fn grown(values: &[Option<f64>], up: &[Option<f64>]) -> Growth {
        let mut metrics = Metrics::default();
        metrics.add(ANSWERED, reading(&TARGET, up));
        metrics.add("c_total", reading(&TARGET, values));
        metrics.growth("c_total", |_| Some(())).remove(&()).unwrap()
    }

    #[test]
    fn the_first_errors_of_a_watched_target_count_from_zero() {
        let up = [Some(1.0); 4];
        assert_eq!(grown(&[None, None, Some(7.0), Some(9.0)], &up), [None, Some(7.0), Some(2.0)]);
    }

    #[test]
    fn what_was_counted_before_anybody_looked_is_not_counted() {
        let up = [None, None, Some(1.0), Some(1.0)];
        assert_eq!(grown(&[None, None, Some(700.0), Some(702.0)], &up), [None, None, Some(2.0)]);
    }

    #[test]
    fn a_restart_is_no_negative_growth_and_a_hole_is_not_zero() {
        let up = [Some(1.0); 5];
        let values = [Some(10.0), Some(12.0), None, Some(3.0), Some(5.0)];
        assert_eq!(grown(&values, &up), [Some(2.0), None, Some(3.0), Some(2.0)]);
    }
}
