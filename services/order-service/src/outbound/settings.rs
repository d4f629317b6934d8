//! How the neighbours are called: what can be changed while the service runs. What a neighbour has of its own ends in its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use chassis::settings::{Flag, Integer, List, Number};

use super::{BreakerPolicy, Peer, Policy, RetryPolicy};

/// The handles from which a policy is made.
struct Live {
    first: Policy,
    timeouts: BTreeMap<&'static str, Integer>,
    bulkheads: BTreeMap<&'static str, Integer>,
    deadline: Integer,
    retries: Integer,
    backoff: Integer,
    backoff_max: Integer,
    jitter: Flag,
    budget_ratio: Number,
    budget_min: Integer,
    breaker: Flag,
    threshold: Integer,
    min_calls: Integer,
    open: Integer,
    bulkhead_wait: Integer,
}

/// Lists the settings, beginning with `policy`, and tells the peers of changes.
pub(crate) fn add(list: &mut List, policy: &Policy, peers: &[Arc<Peer>]) {
    let (retry, breaker) = (&policy.retry, &policy.breaker);
    let per_peer = |list: &mut List, area: &str, add: &dyn Fn(&mut List, String) -> Integer| {
        let of = |peer: &Arc<Peer>| (peer.name(), format!("{area}.{}", peer.name()));
        peers.iter().map(of).map(|(name, key)| (name, add(list, key))).collect::<BTreeMap<_, _>>()
    };
    let live = Live {
        first: policy.clone(),
        timeouts: per_peer(list, "client.timeout_ms", &|list, key| {
            let description = "How long one attempt of a call may take";
            list.millis(key, 1..=3_600_000, policy.attempt_timeout, description)
        }),
        bulkheads: per_peer(list, "bulkhead.limit", &|list, key| {
            list.count(key, "calls", 1..=4096, policy.bulkhead_max, "The most calls at the same time")
        }),
        deadline: list.millis(
            "client.deadline_ms",
            1..=3_600_000,
            policy.deadline,
            "How long all attempts of one step of an order may take together",
        ),
        retries: list.integer(
            "client.retries",
            "attempts",
            0..=9,
            i64::from(retry.max_attempts) - 1,
            "How often a call that may be repeated is sent again",
        ),
        backoff: list.millis(
            "client.retry_backoff_ms",
            0..=60_000,
            retry.base,
            "Upper bound of the pause before the first retry; it doubles with each",
        ),
        backoff_max: list.millis(
            "client.retry_backoff_max_ms",
            0..=600_000,
            retry.cap,
            "Upper bound of any pause before a retry",
        ),
        jitter: list.flag(
            "client.retry_jitter",
            retry.jitter,
            "Whether a pause is drawn at random from below its upper bound",
        ),
        budget_ratio: list.number(
            "client.retry_budget_ratio",
            "retries per call",
            0.0..=10.0,
            f64::from(retry.budget_percent) / 100.0,
            "How many retries each call earns: retries beyond what was earned are not made",
        ),
        budget_min: list.integer(
            "client.retry_budget_min_per_s",
            "retries/s",
            0..=1000,
            retry.budget_min_per_second.into(),
            "How many retries each second earns",
        ),
        breaker: list.flag(
            "breaker.enabled",
            breaker.enabled,
            "Whether calls to a neighbour that fails are held back for a time",
        ),
        threshold: list.count(
            "breaker.threshold",
            "% of calls",
            1..=100,
            breaker.failure_percent,
            "The share of failed calls from which on calls are held back",
        ),
        min_calls: list.count(
            "breaker.min_calls",
            "calls",
            1..=1000,
            breaker.min_calls,
            "Fewer recent calls than these decide nothing",
        ),
        open: list.millis(
            "breaker.open_ms",
            1..=3_600_000,
            breaker.open_for,
            "How long calls are held back before some are tried",
        ),
        bulkhead_wait: list.millis(
            "bulkhead.wait_ms",
            0..=60_000,
            policy.bulkhead_wait,
            "How long a call waits for its turn when there are too many",
        ),
    };
    let peers = peers.to_vec();
    list.watch(&["client.", "breaker.", "bulkhead."], move || {
        for peer in &peers {
            peer.set_policy(live.policy(peer.name()));
        }
    });
}

impl Live {
    fn policy(&self, peer: &str) -> Policy {
        let first = &self.first;
        Policy {
            connect_timeout: first.connect_timeout,
            attempt_timeout: self.timeouts.get(peer).map_or(first.attempt_timeout, Integer::millis),
            deadline: self.deadline.millis(),
            bulkhead_max: self.bulkheads.get(peer).map_or(first.bulkhead_max, Integer::count),
            bulkhead_wait: self.bulkhead_wait.millis(),
            retry: RetryPolicy {
                max_attempts: self.retries.count_u32() + 1,
                base: self.backoff.millis(),
                cap: self.backoff_max.millis(),
                jitter: self.jitter.get(),
                budget_percent: percent(self.budget_ratio.get()),
                budget_min_per_second: self.budget_min.count_u32(),
            },
            breaker: BreakerPolicy {
                enabled: self.breaker.get(),
                min_calls: self.min_calls.count(),
                failure_percent: self.threshold.count(),
                open_for: self.open.millis(),
                ..first.breaker.clone()
            },
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 10, as the setting takes it"
)]
fn percent(ratio: f64) -> u32 {
    (ratio * 100.0).round() as u32
}
