//! Durations as histograms over the grid: shares and quantiles of either period.

use crate::metrics::{Growth, Metrics, Reading, total};
use std::{collections::BTreeMap, ops::Range};

/// Durations of one kind, counted in buckets, slice by slice.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Upper bounds in seconds, ascending; the last one is infinite.
    bounds: Vec<f64>,
    /// What was counted up to each bound.
    cumulative: Vec<Growth>,
}

impl Histogram {
    /// The histograms of a family's buckets (`…_bucket`), added up under the keys that `key` gives.
    pub fn of<K: Ord + Clone>(
        metrics: &Metrics,
        family: &str,
        key: impl Fn(&Reading) -> Option<K>,
    ) -> BTreeMap<K, Self> {
        let bound = |reading: &Reading| query::prometheus::parse_value(reading.label("le"));
        // Bounds order as their bits do: they are positive.
        let buckets =
            metrics.growth(family, |reading| Some((key(reading)?, bound(reading)?.max(0.0).to_bits())));
        let mut found: BTreeMap<K, Self> = BTreeMap::new();
        for ((key, bits), growth) in buckets {
            let histogram =
                found.entry(key).or_insert_with(|| Self { bounds: Vec::new(), cumulative: Vec::new() });
            histogram.bounds.push(f64::from_bits(bits));
            histogram.cumulative.push(growth);
        }
        found
    }

    /// How many there were in some slices.
    #[must_use]
    pub fn count(&self, slices: Range<usize>) -> f64 {
        self.cumulative.last().map_or(0.0, |all| total(all, slices))
    }

    /// How many of them took longer than the bound at this index.
    #[must_use]
    pub fn above(&self, bound: usize, slices: Range<usize>) -> f64 {
        let up_to = self.cumulative.get(bound).map_or(0.0, |up_to| total(up_to, slices.clone()));
        (self.count(slices) - up_to).max(0.0)
    }

    /// The index of the first bound that is at least this long; none if that is only the infinite one.
    #[must_use]
    pub fn bound_from(&self, seconds: f64) -> Option<usize> {
        let index = self.bounds.iter().position(|bound| *bound >= seconds)?;
        self.bounds[index].is_finite().then_some(index)
    }

    /// The bound at an index, in seconds.
    #[must_use]
    pub fn bound(&self, index: usize) -> f64 {
        self.bounds.get(index).copied().unwrap_or(f64::INFINITY)
    }

    /// The duration that this share stays below, in seconds, straight between the bounds; beyond the last finite bound, that
    /// bound. None without any count.
    #[must_use]
    pub fn quantile(&self, share: f64, slices: Range<usize>) -> Option<f64> {
        let all = self.count(slices.clone());
        if all <= 0.0 {
            return None;
        }
        let rank = all * share;
        let (mut below, mut from) = (0.0, 0.0);
        for (bound, growth) in self.bounds.iter().zip(&self.cumulative) {
            let up_to = total(growth, slices.clone());
            if up_to >= rank && bound.is_finite() {
                let within = (up_to - below).max(f64::MIN_POSITIVE);
                return Some(from + (bound - from) * ((rank - below) / within).clamp(0.0, 1.0));
            }
            if bound.is_finite() {
                (below, from) = (up_to, *bound);
            }
        }
        Some(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Histogram {
        let mut metrics = Metrics::default();
        // 10 in the first slice, all fast; 10 in the second, half of them slow.
        for (le, values) in
            [("0.1", [0.0, 10.0, 15.0]), ("1", [0.0, 10.0, 20.0]), ("+Inf", [0.0, 10.0, 20.0])]
        {
            let labels = [("le".to_owned(), le.to_owned())].into();
            metrics.add("d_bucket", Reading { labels, values: values.map(Some).to_vec() });
        }
        Histogram::of(&metrics, "d_bucket", |_| Some(())).remove(&()).unwrap()
    }

    #[test]
    fn counts_and_shares_are_those_of_the_slices() {
        let h = histogram();
        assert_eq!((h.count(0..1), h.count(1..2), h.count(0..2)), (10.0, 10.0, 20.0));
        let bound = h.bound_from(0.05).unwrap();
        assert_eq!((h.bound(bound), h.above(bound, 0..1), h.above(bound, 1..2)), (0.1, 0.0, 5.0));
        assert_eq!(h.bound_from(2.0), None, "only the infinite one is that long");
    }

    #[test]
    fn quantiles_lie_straight_between_the_bounds() {
        let h = histogram();
        assert_eq!(h.quantile(0.5, 0..1), Some(0.05));
        assert_eq!(h.quantile(0.75, 1..2), Some(0.55));
        assert_eq!(h.quantile(0.5, 5..6), None, "nothing was counted");
    }
}
