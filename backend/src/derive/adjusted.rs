//! How many spans a sampled one stands for, told by its trace state (`ot=th:…`), as the collector counts. Pure.

/// The threshold's scale: 56 bits.
const WHOLE: u64 = 1 << 56;
/// Hex digits of 56 bits.
const DIGITS: usize = 14;
/// Longest trace state, and longest member of it, in bytes.
const MOST: usize = 1024;
const MOST_OF_MEMBER: usize = 256;

/// Spans that one with this W3C trace state stands for; 1 where it does not say. What is not whole is rounded up or down
/// in proportion, decided by `seed` (the span's id), so that the sum over many spans is right.
pub(super) fn count(trace_state: &str, seed: u64) -> u64 {
    let Some(threshold) = threshold(trace_state) else { return 1 };
    let kept = WHOLE - threshold;
    let (whole, rest) = (WHOLE / kept, WHOLE % kept);
    whole + u64::from(scramble(seed) % kept < rest)
}

/// The rejection threshold of the list member `ot`: up to 14 hex digits, the highest first. None where the member is not
/// as its specification has it.
fn threshold(trace_state: &str) -> Option<u64> {
    let member = trace_state.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    if trace_state.len() > MOST || member.len() > MOST_OF_MEMBER {
        return None;
    }
    let field = |name| member.split(';').find_map(|field| field.strip_prefix(name)?.strip_prefix(':'));
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    if field("rv").is_some_and(|random| random.len() != DIGITS || !is_hex(random)) {
        return None;
    }
    let digits = field("th").filter(|digits| (1..=DIGITS).contains(&digits.len()) && is_hex(digits))?;
    let value = u64::from_str_radix(digits, 16).ok()?;
    Some(value << (4 * (DIGITS - digits.len())))
}

/// Spreads ids that may be counted up over all numbers.
fn scramble(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_threshold_tells_how_many_spans_one_stands_for() {
        for (state, expected) in [
            ("", 1),
            ("vendor=x", 1),
            ("ot=rv:1;th:8", 1),
            ("ot=rv:0123456789abcd", 1),
            ("ot=th:0", 1),
            ("ot=th:8", 2),
            ("ot=th:c", 4),
            ("a=b, ot=rv:0123456789abcd;th:e", 8),
            ("ot=th:fffffffffffffff", 1),
            ("ot=th:zz", 1),
            ("ot=th:", 1),
        ] {
            assert_eq!(count(state, 7), expected, "{state}");
        }
    }

    #[test]
    fn what_is_not_whole_is_right_on_average() {
        // Two of three spans are kept: each stands for one and a half.
        let sum: u64 = (0..100_000).map(|id| count("ot=th:55555555555555", id)).sum();
        assert!((149_000..151_000).contains(&sum), "{sum}");
    }

    proptest! {
        #[test]
        fn no_trace_state_makes_it_panic(state in "(ot=)?(th:)?[0-9a-fA-F;,=: \\PC]{0,30}", seed in any::<u64>()) {
            prop_assert!(count(&state, seed) >= 1);
        }
    }
}
