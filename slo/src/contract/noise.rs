//! Events as people make them: so many on average, never quite so many. The same seed draws the same numbers.

/// Numbers that are a hash of seed, what is being drawn, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise(pub(super) u64);

impl Noise {
    /// How many of a kind of event happen at a moment, when `mean` do on average.
    pub(super) fn events(self, kind: u64, moment: u64, mean: f64) -> f64 {
        if mean <= 0.0 {
            return 0.0;
        }
        if mean > 50.0 {
            // Near enough to a bell at this size, and never below zero.
            return (mean + mean.sqrt() * self.bell(kind, moment)).round().max(0.0);
        }
        // Count how often a share can be taken before less than e^-mean is left.
        let (limit, mut left, mut count) = ((-mean).exp(), 1.0, 0_u32);
        loop {
            left *= self.share(kind, moment, u64::from(count));
            if left <= limit || count > 1000 {
                return f64::from(count);
            }
            count += 1;
        }
    }

    /// Normally distributed, mean 0 and deviation 1: the sum of twelve shares less six.
    fn bell(self, kind: u64, moment: u64) -> f64 {
        (0..12).map(|n| self.share(kind, moment, n)).sum::<f64>() - 6.0
    }

    /// From 0 up to 1.
    fn share(self, kind: u64, moment: u64, n: u64) -> f64 {
        let bits = mixed(mixed(mixed(mixed(self.0) ^ kind) ^ moment) ^ n);
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Spreads every bit over all others.
fn mixed(bits: u64) -> u64 {
    let mut z = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_and_the_spread_are_those_of_independent_events() {
        for mean in [0.5, 8.0, 600.0] {
            let drawn: Vec<f64> = (0..4000).map(|moment| Noise(7).events(1, moment, mean)).collect();
            let average = drawn.iter().sum::<f64>() / 4000.0;
            let variance = drawn.iter().map(|n| (n - average).powi(2)).sum::<f64>() / 4000.0;
            assert!((average / mean - 1.0).abs() < 0.06, "{mean}: mean {average}");
            assert!((variance / mean - 1.0).abs() < 0.1, "{mean}: variance {variance}");
        }
        assert_eq!(Noise(7).events(1, 5, 8.0), Noise(7).events(1, 5, 8.0));
    }
}
