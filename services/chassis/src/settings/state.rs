//! The values in force, the revisions that led there, and the leases. Pure: the time is an argument, nothing is written.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lease::Leases;

/// The most revisions that are remembered: those that can be gone back to.
const REMEMBERED: usize = 500;

/// Values by key.
pub(super) type Values = BTreeMap<String, Value>;

/// All that changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    /// Every setting's value.
    pub(super) values: Values,
    /// Counts the changes, from 0.
    pub(super) revision: u64,
    /// The last revisions, oldest first.
    pub(super) history: VecDeque<Revision>,
    pub(super) leases: Leases,
}

/// One change, which may be of several settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Revision {
    pub(super) revision: u64,
    /// Milliseconds since 1970.
    pub(super) at_ms: i64,
    pub(super) changes: BTreeMap<String, Change>,
}

/// What became of one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) from: Value,
    pub(super) to: Value,
}

/// There is no way back to that revision.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreachable {
    pub(super) oldest: u64,
    pub(super) newest: u64,
}

impl State {
    /// Where nothing was changed yet.
    pub(super) fn new(values: Values) -> Self {
        Self { values, revision: 0, history: VecDeque::new(), leases: Leases::default() }
    }

    /// Sets these values, of which each is known and checked. What is as it was is no change.
    pub(super) fn set(&mut self, wanted: Values, now_ms: i64) {
        let mut changes = BTreeMap::new();
        for (key, to) in wanted {
            let Some(value) = self.values.get_mut(&key) else { continue };
            if *value != to {
                let from = std::mem::replace(value, to.clone());
                changes.insert(key, Change { from, to });
            }
        }
        if changes.is_empty() {
            return;
        }
        self.revision += 1;
        self.history.push_back(Revision { revision: self.revision, at_ms: now_ms, changes });
        if self.history.len() > REMEMBERED {
            self.history.pop_front();
        }
    }

    /// Sets them until `until_ms`.
    pub(super) fn lend(&mut self, id: String, wanted: Values, now_ms: i64, until_ms: i64) {
        self.leases.add(id, &wanted, &self.values, until_ms);
        self.set(wanted, now_ms);
    }

    /// Takes a lease back; false when there is none of this id.
    pub(super) fn take_back(&mut self, id: &str, now_ms: i64) -> bool {
        let Some(back) = self.leases.end(id, &self.values) else { return false };
        self.set(back, now_ms);
        true
    }

    /// Takes back every lease that has ended; true when there was one.
    pub(super) fn take_back_ended(&mut self, now_ms: i64) -> bool {
        let mut any = false;
        while let Some(id) = self.leases.ended(now_ms) {
            any |= self.take_back(&id, now_ms);
        }
        any
    }

    /// Goes back to the values of a revision, which is a change like any other; without one, to those before the last change.
    pub(super) fn roll_back(&mut self, to: Option<u64>, now_ms: i64) -> Result<(), Unreachable> {
        let newest = self.revision;
        let oldest = self.history.front().map_or(newest, |first| first.revision - 1);
        let to = to.unwrap_or_else(|| newest.saturating_sub(1));
        if !(oldest..=newest).contains(&to) {
            return Err(Unreachable { oldest, newest });
        }
        let mut back = Values::new();
        for undone in self.history.iter().rev().take_while(|revision| revision.revision > to) {
            for (key, change) in &undone.changes {
                back.insert(key.clone(), change.from.clone());
            }
        }
        self.set(back, now_ms);
        Ok(())
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
