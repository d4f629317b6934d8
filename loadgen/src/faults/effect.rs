//! What users feel of a fault: a comparison of the answers before and during it. Pure.

use serde::Serialize;
use std::time::Duration;

/// What is expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// Only of these requests (`POST /orders`), where it matters.
    pub on: Option<String>,
    /// In what way.
    pub of: Of,
}

/// In what way users are affected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Of {
    /// The response time at a quantile is at least so many times what it was, and so many milliseconds more.
    Slower {
        /// From 0 to 1.
        quantile: f64,
        /// How many times.
        times: f64,
        /// How much more, in milliseconds.
        more_ms: f64,
    },
    /// At least this share fails, beyond what failed before.
    Failing {
        /// From 0 to 1.
        share: f64,
    },
    /// Answers say something wrong, though their status is good.
    Wrong {
        /// From 0 to 1.
        share: f64,
    },
    /// Not at all.
    None,
}

/// One answered request, as its user saw it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// From the start of the run.
    pub(super) at: Duration,
    /// The plan's kind of step.
    pub(super) kind: &'static crate::plan::journeys::Kind,
    pub(super) took: Duration,
    pub(super) failed: bool,
    pub(super) wrong: bool,
}

/// What users felt in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Default)]
pub struct Felt {
    /// Requests that ended.
    pub requests: usize,
    /// Share of them that failed.
    pub failed: f64,
    /// Share of them whose answer was wrong.
    pub wrong: f64,
    /// Response time at the effect's quantile (0.9 where it has none), in milliseconds.
    pub response_ms: f64,
}

/// Fewest requests that say anything.
const FEWEST: usize = 5;

impl Effect {
    fn quantile(&self) -> f64 {
        match self.of {
            Of::Slower { quantile, .. } => quantile,
            _ => 0.9,
        }
    }

    /// Sums up what was seen from `from` to `to`.
    pub(super) fn felt(&self, seen: &[Seen], from: Duration, to: Duration) -> Felt {
        let about = |s: &&Seen| {
            self.on.as_ref().is_none_or(|on| {
                on.split_once(' ')
                    .is_some_and(|(method, route)| method == s.kind.method && route == s.kind.route)
            })
        };
        let mut all: Vec<&Seen> = seen.iter().filter(|s| (from..to).contains(&s.at)).filter(about).collect();
        if all.is_empty() {
            return Felt::default();
        }
        all.sort_by_key(|s| s.took);
        let share = |count: usize| count as f64 / all.len() as f64;
        let rank = ((all.len() as f64 * self.quantile()).ceil() as usize).clamp(1, all.len());
        Felt {
            requests: all.len(),
            failed: share(all.iter().filter(|s| s.failed).count()),
            wrong: share(all.iter().filter(|s| s.wrong).count()),
            response_ms: all[rank - 1].took.as_secs_f64() * 1e3,
        }
    }

    /// Whether what was felt is what was expected. None: too few requests to say.
    #[must_use]
    pub fn proven(&self, before: &Felt, during: &Felt) -> Option<bool> {
        if before.requests < FEWEST || during.requests < FEWEST {
            return None;
        }
        Some(match self.of {
            Of::Slower { times, more_ms, .. } => {
                during.response_ms >= before.response_ms * times
                    && during.response_ms >= before.response_ms + more_ms
            }
            Of::Failing { share } => during.failed >= before.failed + share,
            Of::Wrong { share } => during.wrong >= before.wrong + share,
            Of::None => is_as_before(before, during),
        })
    }
}

/// Whether users are served as before, within noise.
#[must_use]
pub fn is_as_before(before: &Felt, after: &Felt) -> bool {
    const MORE_FAIL: f64 = 0.02;
    const TIMES: f64 = 2.0;
    const MORE_MS: f64 = 25.0;
    after.failed <= before.failed + MORE_FAIL
        && after.wrong <= before.wrong + MORE_FAIL
        && after.response_ms <= before.response_ms * TIMES + MORE_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::journeys::KINDS;

    fn kind(step: &str) -> &'static crate::plan::journeys::Kind {
        KINDS.iter().find(|k| k.step == step).expect("a step")
    }

    fn seen(at_s: u64, step: &str, took_ms: u64, failed: bool) -> Seen {
        let (at, took) = (Duration::from_secs(at_s), Duration::from_millis(took_ms));
        Seen { at, kind: kind(step), took, failed, wrong: false }
    }

    const SLOWER: Effect = Effect { on: None, of: Of::Slower { quantile: 0.9, times: 2.0, more_ms: 10.0 } };

    fn seconds(from: u64, to: u64) -> (Duration, Duration) {
        (Duration::from_secs(from), Duration::from_secs(to))
    }

    #[test]
    fn only_what_lies_in_the_time_and_on_the_route_counts() {
        let all = [seen(1, "order", 10, false), seen(5, "order", 20, true), seen(5, "view", 900, false)];
        let effect = Effect { on: Some("POST /orders".to_owned()), of: SLOWER.of };
        let (from, to) = seconds(4, 6);
        let felt = effect.felt(&all, from, to);
        assert_eq!((felt.requests, felt.failed, felt.response_ms), (1, 1.0, 20.0));
    }

    #[test]
    fn slower_is_times_and_milliseconds() {
        let felt = |response_ms| Felt { requests: 100, response_ms, ..Felt::default() };
        assert_eq!(SLOWER.proven(&felt(20.0), &felt(41.0)), Some(true));
        assert_eq!(SLOWER.proven(&felt(20.0), &felt(39.0)), Some(false));
        // Twice next to nothing is still next to nothing.
        assert_eq!(SLOWER.proven(&felt(2.0), &felt(5.0)), Some(false));
    }

    #[test]
    fn a_few_requests_prove_nothing() {
        let felt = |requests| Felt { requests, failed: 1.0, ..Felt::default() };
        let failing = Effect { on: None, of: Of::Failing { share: 0.1 } };
        assert_eq!(failing.proven(&felt(100), &felt(4)), None);
        assert_eq!(failing.proven(&felt(3), &felt(100)), None);
    }

    #[test]
    fn no_effect_is_one_that_has_to_be_seen_too() {
        let none = Effect { on: None, of: Of::None };
        let felt = |failed, response_ms| Felt { requests: 100, failed, wrong: 0.0, response_ms };
        assert_eq!(none.proven(&felt(0.0, 20.0), &felt(0.01, 30.0)), Some(true));
        assert_eq!(none.proven(&felt(0.0, 20.0), &felt(0.05, 20.0)), Some(false));
        assert_eq!(none.proven(&felt(0.0, 20.0), &felt(0.0, 200.0)), Some(false));
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let all: Vec<Seen> = (1..=10).map(|ms| seen(1, "view", ms, false)).collect();
        let (from, to) = seconds(0, 2);
        assert_eq!(SLOWER.felt(&all, from, to).response_ms, 9.0);
    }
}
