//! Exemplars: the latest few thousand, in a ring over all series. Bounded by count; the oldest goes first.

use std::collections::VecDeque;

use crate::labels::Labels;

/// Most exemplars held.
const KEPT: usize = 10_000;
/// OpenMetrics' own bound on an exemplar's labels, in characters.
pub(crate) const MAX_CHARS: usize = 128;

/// One example of a measurement, with labels that lead to its trace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
    pub(crate) t: i64,
}

/// All exemplars, with the series they belong to.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    ring: VecDeque<(u32, Exemplar)>,
    latest: std::collections::HashMap<u32, Exemplar>,
}

impl Exemplars {
    /// Adds one unless the series has shown the same one last: scrapes repeat exemplars until a new one comes.
    pub(crate) fn push(&mut self, series: u32, exemplar: Exemplar) {
        if self.latest.get(&series) == Some(&exemplar) {
            return;
        }
        self.latest.insert(series, exemplar.clone());
        if self.ring.len() == KEPT {
            self.ring.pop_front();
        }
        self.ring.push_back((series, exemplar));
    }

    /// Those of a series in the (inclusive) range, in order of time.
    pub(crate) fn of(&self, series: u32, start: i64, end: i64) -> Vec<Exemplar> {
        let mut found: Vec<Exemplar> = self
            .ring
            .iter()
            .filter(|(id, e)| *id == series && (start..=end).contains(&e.t))
            .map(|(_, e)| e.clone())
            .collect();
        found.sort_by_key(|e| e.t);
        found
    }

    /// Drops what is older than `before`, and what belongs to series that are gone.
    pub(crate) fn forget(&mut self, before: i64, alive: impl Fn(u32) -> bool) {
        self.ring.retain(|(id, e)| e.t >= before && alive(*id));
        self.latest.retain(|id, _| alive(*id));
    }

    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }
}
