//! A few traces beside each slow bucket, so that one gets from the p99 to what happened. Bounded, however long the run.

use crate::client::Outcome;
use opentelemetry::trace::TraceId;

/// Kept per bucket: the latest, whose traces are still in the store.
const PER_BUCKET: usize = 4;
/// Two buckets per doubling of microseconds: enough for an hour.
const BUCKETS: usize = 64;

/// One request to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exemplar {
    /// Response time in microseconds.
    pub response_us: u64,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its session, which makes the correlation id.
    pub session: u64,
    /// Index of its kind of step.
    pub kind: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// Exemplars by response time.
#[derive(Debug, Clone, Default)]
pub struct Exemplars {
    buckets: Vec<Vec<Exemplar>>,
    next: usize,
}

impl Exemplars {
    /// Keeps one, in place of an older one where the bucket is full.
    pub fn add(&mut self, exemplar: Exemplar) {
        let bucket = bucket(exemplar.response_us);
        if self.buckets.len() <= bucket {
            self.buckets.resize_with(bucket + 1, Vec::new);
        }
        let kept = &mut self.buckets[bucket];
        if kept.len() < PER_BUCKET {
            kept.push(exemplar);
        } else {
            kept[self.next % PER_BUCKET] = exemplar;
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Takes all of `other`.
    pub fn merge(&mut self, other: &Self) {
        other.buckets.iter().flatten().for_each(|e| self.add(*e));
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.buckets.iter_mut().for_each(Vec::clear);
    }

    /// Up to `count` at or above `response_us`, the nearest first; where there are none so slow, the slowest.
    #[must_use]
    pub fn at_least(&self, response_us: u64, count: usize) -> Vec<Exemplar> {
        let all = || self.buckets.iter().flatten().copied();
        let mut slow: Vec<Exemplar> = all().filter(|e| e.response_us >= response_us).collect();
        slow.sort_by_key(|e| e.response_us);
        if slow.is_empty() {
            slow.extend(all().max_by_key(|e| e.response_us));
        }
        slow.truncate(count);
        slow
    }
}

fn bucket(us: u64) -> usize {
    let us = us.max(1);
    let log = us.ilog2() as usize;
    let upper_half = us >= (1 << log) + (1 << log) / 2;
    (2 * log + usize::from(upper_half)).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplar(us: u64) -> Exemplar {
        let trace_id = TraceId::from(u128::from(us));
        Exemplar { response_us: us, trace_id, session: us, kind: 0, outcome: Ok(200) }
    }

    #[test]
    fn memory_is_bounded_and_the_slow_ones_stay() {
        let mut kept = Exemplars::default();
        kept.add(exemplar(900_000));
        for n in 0..100_000 {
            kept.add(exemplar(1_000 + n % 500));
        }
        assert!(kept.buckets.iter().map(Vec::len).sum::<usize>() < 20);
        assert_eq!(kept.at_least(800_000, 1)[0].response_us, 900_000);
        assert_eq!(kept.at_least(800_000, 5).len(), 1, "the others are not slow");
        assert_eq!(kept.at_least(2_000_000, 5), [exemplar(900_000)]);
    }
}
