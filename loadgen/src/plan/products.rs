//! Which product a shopper wants: few are hot, most are cold. Only the part of the catalogue with stock to spare.

use super::decide::{below, unit};

/// First id of the generated catalogue, which has a million of each.
const FIRST: u64 = 1_001;
/// How many there are.
const COUNT: u64 = 1_000;
/// Steps through the catalogue from rank to rank. Prime to the count, so that hot products lie spread over it.
const STRIDE: u64 = 617;

/// Products by interest: the hot ones by 1/rank (Zipf), all of them evenly for the rest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Catalogue {
    /// Sums of the weights 1/rank of the hot products, in units of 2^-32.
    cumulative: Vec<u64>,
    hot_share: f64,
}

impl Catalogue {
    /// Categories of the generated catalogue.
    pub(super) const CATEGORIES: [&'static str; 8] =
        ["keyboard", "hub", "stand", "audio", "cable", "mouse", "camera", "light"];

    /// `hot` of the products get `hot_share` of the interest.
    #[must_use]
    pub(super) fn new(hot: u64, hot_share: f64) -> Self {
        let mut sum = 0;
        let cumulative = (1..=hot.clamp(1, COUNT)).map(|rank| {
            sum += (1u64 << 32) / rank;
            sum
        });
        Self { cumulative: cumulative.collect(), hot_share }
    }

    /// Picks a product id; `bits(0)` decides hot or cold, `bits(1)` which one.
    pub(super) fn pick(&self, bits: impl Fn(u64) -> u64) -> u64 {
        let rank = if unit(bits(0)) <= self.hot_share {
            let total = self.cumulative.last().copied().unwrap_or(1);
            let at = below(bits(1), total);
            self.cumulative.partition_point(|sum| *sum <= at) as u64
        } else {
            below(bits(1), COUNT)
        };
        FIRST + rank * STRIDE % COUNT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::decide::{Stream, decide};
    use std::collections::HashMap;

    #[test]
    fn hot_products_get_their_share_and_only_stocked_ones_are_picked() {
        let catalogue = Catalogue::new(10, 0.8);
        let mut counts = HashMap::new();
        for n in 0..20_000 {
            *counts.entry(catalogue.pick(|p| decide(3, Stream::Product, n, 0, p))).or_insert(0u32) += 1;
        }
        assert!(counts.keys().all(|id| (1_001..=2_000).contains(id)));
        let mut sorted: Vec<u32> = counts.values().copied().collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let hot: u32 = sorted[..10].iter().sum();
        assert!((15_800..=16_500).contains(&hot), "{hot} of 20000");
        assert!(sorted[0] > 2 * sorted[2], "not by rank: {:?}", &sorted[..10]);
    }
}
