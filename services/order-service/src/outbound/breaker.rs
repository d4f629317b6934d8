//! The circuit breaker of one peer: closed, open, half-open. Pure: the time is an argument, nothing waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::BreakerPolicy;

/// The most outcomes kept, whatever the window: enough to decide, and bounded.
const MAX_OUTCOMES: usize = 100;

/// Where the breaker stands; the numbers are those of `circuit_breaker_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Closed = 0,
    Open = 1,
    HalfOpen = 2,
}

/// The state and what led to it.
#[derive(Debug)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Recent outcomes while closed: when, and whether it was a failure.
    outcomes: VecDeque<(Instant, bool)>,
    opened: Instant,
    /// Half-open: probes under way, and probes that succeeded.
    probing: u32,
    succeeded: u32,
    /// Counts state changes, so that an outcome from before a change is ignored.
    epoch: u64,
}

/// Leave for one call, to be given back with its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leave {
    epoch: u64,
}

/// What a call told about the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    /// The call ended without telling (it was given up by its caller).
    Unknown,
}

impl Breaker {
    pub(super) fn new(policy: BreakerPolicy, now: Instant) -> Self {
        Self {
            policy,
            state: State::Closed,
            outcomes: VecDeque::new(),
            opened: now,
            probing: 0,
            succeeded: 0,
            epoch: 0,
        }
    }

    /// Other rules from now on; what was counted stays, unless there is no breaker any more.
    pub(super) fn set_policy(&mut self, policy: BreakerPolicy, now: Instant) {
        self.policy = policy;
        if !self.policy.enabled && self.state != State::Closed {
            self.change(State::Closed, now);
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// May a call be made now? If not, after which time it may.
    pub(super) fn enter(&mut self, now: Instant) -> Result<Leave, Duration> {
        if self.state == State::Open {
            let since = now.saturating_duration_since(self.opened);
            if since < self.policy.open_for {
                return Err(self.policy.open_for - since);
            }
            self.change(State::HalfOpen, now);
        }
        if self.state == State::HalfOpen {
            if self.probing + self.succeeded >= self.policy.probes {
                return Err(Duration::from_millis(100));
            }
            self.probing += 1;
        }
        Ok(Leave { epoch: self.epoch })
    }

    /// The outcome of a call that had leave.
    pub(super) fn leave(&mut self, leave: Leave, outcome: Outcome, now: Instant) {
        if leave.epoch != self.epoch || !self.policy.enabled {
            return;
        }
        match (self.state, outcome) {
            (State::Closed, Outcome::Unknown) | (State::Open, _) => {}
            (State::Closed, _) => self.count(outcome == Outcome::Failure, now),
            (State::HalfOpen, Outcome::Failure) => self.change(State::Open, now),
            (State::HalfOpen, Outcome::Unknown) => self.probing = self.probing.saturating_sub(1),
            (State::HalfOpen, Outcome::Success) => {
                self.probing = self.probing.saturating_sub(1);
                self.succeeded += 1;
                if self.succeeded >= self.policy.probes {
                    self.change(State::Closed, now);
                }
            }
        }
    }

    fn count(&mut self, failed: bool, now: Instant) {
        self.outcomes.push_back((now, failed));
        while self.outcomes.len() > MAX_OUTCOMES.max(self.policy.min_calls)
            || self
                .outcomes
                .front()
                .is_some_and(|(at, _)| now.saturating_duration_since(*at) > self.policy.window)
        {
            self.outcomes.pop_front();
        }
        let failures = self.outcomes.iter().filter(|(_, failed)| *failed).count();
        let enough = self.outcomes.len() >= self.policy.min_calls;
        // Only a failure opens it: a success that completes the minimum is no reason.
        if failed && enough && failures * 100 >= self.policy.failure_percent * self.outcomes.len() {
            self.change(State::Open, now);
        }
    }

    fn change(&mut self, to: State, now: Instant) {
        self.state = to;
        self.epoch += 1;
        self.outcomes.clear();
        (self.probing, self.succeeded) = (0, 0);
        if to == State::Open {
            self.opened = now;
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
