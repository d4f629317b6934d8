//! The choice among instances by their shares. Pure: where in the line from 0 to 1 a request falls is the caller's to say.

/// Which of the shares holds the point `at` (0 up to 1), when they stand one after the other. None when nobody has a share.
pub(crate) fn holder(shares: impl Iterator<Item = (usize, f64)> + Clone, at: f64) -> Option<usize> {
    let total: f64 = shares.clone().map(|(_, share)| share).sum();
    let mut left = at.clamp(0.0, 1.0) * total;
    let mut last = None;
    for (index, share) in shares.filter(|(_, share)| *share > 0.0) {
        last = Some(index);
        if left < share {
            return last;
        }
        left -= share;
    }
    // Rounding may leave a little behind the last one.
    last
}

/// Point number `number` of a sequence that is even however short it is: after any number of requests each share has had its
/// part, give or take a few. (Multiples of the golden ratio, without their whole part.)
pub(crate) fn even(number: u64) -> f64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    // 53 bits are what a double holds.
    #[expect(clippy::cast_precision_loss, reason = "the shift leaves 53 bits")]
    let bits = (number.wrapping_mul(GOLDEN) >> 11) as f64;
    bits / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(shares: &[f64], requests: u64) -> Vec<u64> {
        let mut counts = vec![0; shares.len()];
        for number in 0..requests {
            let holder = holder(shares.iter().copied().enumerate(), even(number)).expect("somebody");
            counts[holder] += 1;
        }
        counts
    }

    #[test]
    fn nobody_has_what_nobody_takes() {
        assert_eq!(holder([].into_iter(), 0.5), None);
        assert_eq!(holder([(0, 0.0)].into_iter(), 0.0), None);
        assert_eq!(holder([(3, 0.0), (4, 1.0)].into_iter(), 0.0), Some(4));
        assert_eq!(holder([(3, 1.0), (4, 0.0)].into_iter(), 1.0), Some(3));
    }

    #[test]
    fn ten_requests_at_a_tenth_are_one_and_nine() {
        assert_eq!(counts(&[0.9, 0.1], 10), [9, 1]);
        assert_eq!(counts(&[0.5, 0.5], 10), [5, 5]);
    }

    proptest! {
        #[test]
        fn every_share_has_its_part_after_any_number_of_requests(
            shares in proptest::collection::vec(0.05_f64..1.0, 1..6), requests in 1_u64..2_000,
        ) {
            let total: f64 = shares.iter().sum();
            for (share, count) in shares.iter().zip(counts(&shares, requests)) {
                let due = share / total * requests as f64;
                prop_assert!((count as f64 - due).abs() <= 9.0, "{count} of {due}");
            }
        }
    }
}
