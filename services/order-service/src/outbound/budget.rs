//! The retry budget: calls and time earn tokens, a retry costs one. So retries stay a fixed share of the traffic, and a
//! peer that fails every call is not hit several times as hard.

use std::time::Instant;

use super::RetryPolicy;

/// The most tokens that can be saved up, in seconds of the minimum rate plus a hundred calls' share.
const SAVED_SECONDS: f64 = 2.0;

/// Tokens of one peer.
#[derive(Debug)]
pub(super) struct Budget {
    per_call: f64,
    per_second: f64,
    cap: f64,
    tokens: f64,
    refilled: Instant,
}

impl Budget {
    pub(super) fn new(policy: &RetryPolicy, now: Instant) -> Self {
        let per_call = f64::from(policy.budget_percent) / 100.0;
        let per_second = f64::from(policy.budget_min_per_second);
        let cap = per_second * SAVED_SECONDS + per_call * 100.0;
        Self { per_call, per_second, cap, tokens: per_second.min(cap), refilled: now }
    }

    /// Other rules from now on; of what was saved up, as much as they let be saved.
    pub(super) fn set_policy(&mut self, policy: &RetryPolicy, now: Instant) {
        let new = Self::new(policy, now);
        *self = Self { tokens: self.tokens.min(new.cap), refilled: self.refilled, ..new };
    }

    /// A call is made: it earns its share.
    pub(super) fn earn(&mut self) {
        self.tokens = (self.tokens + self.per_call).min(self.cap);
    }

    /// Takes a token for a retry, if there is one.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = self.refilled.max(now);
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.cap);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn budget(percent: u32, per_second: u32, now: Instant) -> Budget {
        let mut policy = super::super::Policy::default().retry;
        policy.budget_percent = percent;
        policy.budget_min_per_second = per_second;
        Budget::new(&policy, now)
    }

    #[test]
    fn ten_percent_of_the_calls_may_be_retried() {
        let now = Instant::now();
        let mut budget = budget(10, 0, now);
        let retries = (0..1000)
            .filter(|_| {
                budget.earn();
                budget.spend(now)
            })
            .count();
        // Ten additions of 0.1 need not reach 1.0 in binary; one retry of a hundred may come a call late.
        assert!((99..=100).contains(&retries), "{retries}");
    }

    #[test]
    fn quiet_times_earn_the_minimum_and_no_more_than_is_kept() {
        let start = Instant::now();
        let mut budget = budget(0, 2, start);
        assert!(budget.spend(start) && budget.spend(start) && !budget.spend(start));
        assert!(budget.spend(start + Duration::from_millis(500)));
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| budget.spend(later)).count(), 4);
    }

    #[test]
    fn what_was_saved_up_stays_as_far_as_new_rules_let_it() {
        let start = Instant::now();
        let mut budget = budget(0, 2, start);
        let mut policy = super::super::Policy::default().retry;
        (policy.budget_percent, policy.budget_min_per_second) = (100, 0);
        budget.set_policy(&policy, start);
        let spent = |budget: &mut Budget| (0..100).filter(|_| budget.spend(start)).count();
        assert_eq!(spent(&mut budget), 2);
        budget.earn();
        assert_eq!(spent(&mut budget), 1);
        budget.earn();
        (policy.budget_percent, policy.budget_min_per_second) = (0, 0);
        budget.set_policy(&policy, start);
        assert_eq!(spent(&mut budget), 0);
    }

    proptest! {
        #[test]
        fn retries_never_exceed_what_was_earned(steps in proptest::collection::vec((any::<bool>(), 0_u64..50), 1..400)) {
            let start = Instant::now();
            let mut budget = budget(10, 2, start);
            let (mut now, mut calls, mut retries) = (start, 0.0, 0.0);
            for (is_call, millis) in steps {
                now += Duration::from_millis(millis);
                if is_call {
                    budget.earn();
                    calls += 1.0;
                } else if budget.spend(now) {
                    retries += 1.0;
                }
                let earned = 2.0 + calls * 0.1 + (now - start).as_secs_f64() * 2.0;
                prop_assert!(retries <= earned + 1e-6);
            }
        }
    }
}
