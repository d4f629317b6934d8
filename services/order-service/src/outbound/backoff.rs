//! Pauses between attempts: exponential, with full jitter unless that is turned off, never shorter than what the peer asked for.

use std::time::Duration;

use super::RetryPolicy;

/// The pause before retry number `retry` (from 0). `random` is from 0 to 1; `asked` is the peer's `Retry-After`.
pub(super) fn pause(policy: &RetryPolicy, retry: u32, random: f64, asked: Option<Duration>) -> Duration {
    let ceiling = policy.base.saturating_mul(2_u32.saturating_pow(retry)).min(policy.cap);
    let share = if policy.jitter { random.clamp(0.0, 1.0) } else { 1.0 };
    ceiling.mul_f64(share).max(asked.unwrap_or_default())
}

/// `Retry-After` in seconds; the form with a date is not used between these services and is ignored.
pub(super) fn retry_after(value: Option<&http::HeaderValue>) -> Option<Duration> {
    let seconds: u32 = value?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy() -> RetryPolicy {
        super::super::Policy::default().retry
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let ceilings: Vec<u128> =
            (0..7).map(|retry| pause(&policy(), retry, 1.0, None).as_millis()).collect();
        assert_eq!(ceilings, [25, 50, 100, 200, 400, 500, 500]);
    }

    #[test]
    fn without_jitter_all_callers_come_back_together() {
        let policy = RetryPolicy { jitter: false, ..policy() };
        for random in [0.0, 0.3, 1.0] {
            assert_eq!(pause(&policy, 1, random, None), Duration::from_millis(50));
        }
    }

    #[test]
    fn the_peers_retry_after_is_a_lower_bound() {
        let asked = Some(Duration::from_secs(2));
        assert_eq!(pause(&policy(), 0, 0.5, asked), Duration::from_secs(2));
        assert_eq!(retry_after(Some(&http::HeaderValue::from(2))), asked);
        assert_eq!(retry_after(Some(&http::HeaderValue::from_static("tomorrow"))), None);
    }

    proptest! {
        #[test]
        fn a_pause_lies_between_nothing_and_the_cap(retry in 0_u32..10_000, random in -1.0_f64..2.0) {
            prop_assert!(pause(&policy(), retry, random, None) <= policy().cap);
        }
    }
}
