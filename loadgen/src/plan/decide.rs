//! Decisions by hash: the same question (seed, stream, session, step, attempt) has the same answer on every
//! machine, whatever else runs at the time. A shared random stream would make the outcome depend on the order in
//! which concurrent sessions draw from it. Integer arithmetic and exactly rounded float operations only, so that
//! platforms cannot differ.

use sha2::{Digest, Sha256};

/// What a decision is about. The numbers are part of the plan's digest: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Stream {
    /// The gap before a session.
    Arrival = 1,
    /// Which journey a session is.
    Journey = 2,
    /// Which user acts.
    User = 3,
    /// Which product, and whether a hot one.
    Product = 4,
    /// How many.
    Quantity = 5,
    /// Pause after a step.
    Think = 6,
    /// Category, page, search word.
    Listing = 7,
    /// How many steps an open-ended journey has.
    Length = 8,
    /// Trace ids.
    Trace = 9,
    /// Span ids.
    Span = 10,
    /// Idempotency keys.
    Key = 11,
    /// Which of the pieces that pass a link of the relay break its connection.
    Reset = 12,
    /// How much earlier or later than its delay a piece leaves the relay.
    Jitter = 13,
    /// When a fault begins.
    Onset = 14,
    /// How long it lasts.
    Lasting = 15,
    /// How bad it is.
    Severity = 16,
    /// Whom it hits.
    Victim = 17,
    /// Which fault comes next.
    Fault = 18,
    /// Which instance of a service is asked.
    Instance = 20,
}

/// One decision as 64 well-mixed bits.
#[must_use]
pub fn decide(seed: u64, stream: Stream, session: u64, step: u64, attempt: u64) -> u64 {
    let mut state = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
    for part in [stream as u64, session, step, attempt] {
        state = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ part.wrapping_mul(0xd6e8_feb8_6659_fd93));
    }
    state
}

/// A name as a number, to decide about what has one.
#[must_use]
pub fn number_of(name: &str) -> u64 {
    Sha256::digest(name).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The finaliser of SplitMix64: every input bit reaches every output bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `0..n` from a decision's bits (`n` at least 1).
#[must_use]
pub fn below(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// A number in `(0, 1]` with 53 bits.
#[must_use]
pub fn unit(bits: u64) -> f64 {
    ((bits >> 11) + 1) as f64 / (1u64 << 53) as f64
}

/// An exponential variate of mean 1.
#[must_use]
pub fn exponential(bits: u64) -> f64 {
    -ln(unit(bits))
}

/// Natural logarithm of a positive normal number, from exactly rounded operations only: the standard library's
/// may differ in the last bit between platforms, and the plan's digest must not.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) as i64 - 1023) as f64;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    // mantissa in [1, 2): ln m = 2 artanh(s), s = (m - 1) / (m + 1) <= 1/3; terms fall by s² <= 1/9.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    let mut n = 35;
    while n >= 1 {
        sum = sum * square + 1.0 / f64::from(n);
        n -= 2;
    }
    exponent * std::f64::consts::LN_2 + 2.0 * s * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_the_logarithm() {
        for x in [1.0, 0.5, 0.75, 1e-10, 0.999_999, 3.7, 1.0 / (1u64 << 53) as f64] {
            assert!((ln(x) - x.ln()).abs() <= 1e-14 * x.ln().abs().max(1.0), "{x}");
        }
    }

    #[test]
    fn golden_vectors() {
        let got = [
            decide(1, Stream::Journey, 0, 0, 0),
            decide(1, Stream::Journey, 1, 0, 0),
            decide(1, Stream::User, 0, 0, 0),
            decide(2, Stream::Journey, 0, 0, 0),
            decide(1, Stream::Journey, 0, 1, 0),
            decide(1, Stream::Journey, 0, 0, 1),
        ];
        assert_eq!(got, GOLDEN, "{got:#x?}");
    }
    const GOLDEN: [u64; 6] = [
        0xa4e0_6fc9_e092_eeb2,
        0x7246_d4c3_ca3d_ab10,
        0x81e6_3bb3_b1a3_a816,
        0xa36c_a345_2549_4c38,
        0xee39_ec1c_ecb7_4f03,
        0xfefd_2a53_6013_a647,
    ];

    #[test]
    fn neighbouring_questions_have_unrelated_answers() {
        let n = 20_000;
        let mut counts = [0u32; 16];
        let mut mean = 0.0;
        for session in 0..n {
            counts[below(decide(7, Stream::Product, session, 0, 0), 16) as usize] += 1;
            mean += exponential(decide(7, Stream::Arrival, session, 0, 0)) / n as f64;
        }
        let expected = n as f64 / 16.0;
        let chi: f64 = counts.iter().map(|c| (f64::from(*c) - expected).powi(2) / expected).sum();
        assert!(chi < 40.0, "chi squared of 15 degrees of freedom is {chi}: {counts:?}");
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
    }
}
