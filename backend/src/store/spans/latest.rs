//! The traces with the latest spans among those that a search finds, no more than were asked for. Pure.

use std::collections::{BTreeSet, HashMap};

/// Traces by the latest of their matching spans.
#[derive(Debug)]
pub(super) struct Latest {
    limit: usize,
    by_start: BTreeSet<(i64, [u8; 16])>,
    starts: HashMap<[u8; 16], i64>,
}

impl Latest {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, by_start: BTreeSet::new(), starts: HashMap::new() }
    }

    /// What starts then or before changes nothing any more.
    pub(super) fn floor(&self) -> i64 {
        if self.by_start.len() < self.limit {
            return i64::MIN;
        }
        self.by_start.first().map_or(i64::MAX, |(start, _)| *start)
    }

    /// Whether a span that starts then would change anything.
    pub(super) fn wants(&self, trace: &[u8; 16], start_ns: i64) -> bool {
        match self.starts.get(trace) {
            Some(known) => start_ns > *known,
            None => self.by_start.len() < self.limit || start_ns > self.floor(),
        }
    }

    /// Notes a matching span.
    pub(super) fn add(&mut self, trace: [u8; 16], start_ns: i64) {
        if !self.wants(&trace, start_ns) {
            return;
        }
        if let Some(earlier) = self.starts.insert(trace, start_ns) {
            self.by_start.remove(&(earlier, trace));
        }
        self.by_start.insert((start_ns, trace));
        if self.by_start.len() > self.limit
            && let Some((_, dropped)) = self.by_start.pop_first()
        {
            self.starts.remove(&dropped);
        }
    }

    /// The traces, the latest first.
    pub(super) fn into_ids(self) -> Vec<[u8; 16]> {
        self.by_start.into_iter().rev().map(|(_, trace)| trace).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_with_the_latest_spans_in_whatever_order_they_come(
            spans in proptest::collection::vec((0u8..8, any::<i64>()), 0..40), limit in 1usize..5
        ) {
            let mut latest = Latest::new(limit);
            for (trace, start) in &spans {
                latest.add([*trace; 16], *start);
            }
            let mut starts: HashMap<u8, i64> = HashMap::new();
            for (trace, start) in &spans {
                let known = starts.entry(*trace).or_insert(i64::MIN);
                *known = (*known).max(*start);
            }
            let mut expected: Vec<i64> = starts.values().copied().collect();
            expected.sort_by_key(|start| std::cmp::Reverse(*start));
            expected.truncate(limit);
            let found: Vec<i64> = latest.into_ids().iter().map(|trace| starts[&trace[0]]).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
