//! A histogram of fixed bounds. It knows no unit.

use super::settings::BOUNDS;

/// Counts per bucket (not cumulative), and their sum.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Histogram {
    counts: [u64; BOUNDS + 1],
    pub(super) count: u64,
    pub(super) sum: f64,
}

/// The bucket that a value falls into: the first whose bound is not below it.
pub(super) fn bucket(bounds: &[f64; BOUNDS], value: f64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

impl Histogram {
    /// Counts a value `times` over.
    pub(super) fn observe(&mut self, bounds: &[f64; BOUNDS], value: f64, times: u64) {
        self.counts[bucket(bounds, value)] += times;
        self.count += times;
        self.sum += value * times as f64;
    }

    /// Counts of each bucket and all below it, the last one being all there are.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::BOUNDS_MS;
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_below_it_and_buckets_add_up() {
        let mut histogram = Histogram::default();
        for (value, times) in [(1.0, 1), (1.1, 2), (10_000.0, 1), (10_000.1, 1)] {
            histogram.observe(&BOUNDS_MS, value, times);
        }
        let cumulative: Vec<u64> = histogram.cumulative().collect();
        assert_eq!(cumulative.len(), BOUNDS + 1);
        assert_eq!((cumulative[0], cumulative[1], cumulative[14]), (1, 3, 3));
        assert_eq!((cumulative[15], cumulative[16], histogram.count), (4, 5, 5));
        assert!((histogram.sum - 20_003.3).abs() < 1e-9);
    }
}
