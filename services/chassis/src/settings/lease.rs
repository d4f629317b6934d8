//! Changes on lease: each knows what was there before, and for how long it holds. Pure: the time is an argument.
//!
//! A lease that ends puts back what it replaced, but only where its own value is still in force. Where a later lease has
//! replaced that value, it is the later one that will put back what was there before both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::Values;

/// A change that takes itself back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lease {
    /// When it ends, in milliseconds since 1970.
    until_ms: i64,
    /// Which of two leases came later.
    number: u64,
    held: BTreeMap<String, Held>,
}

/// One value on lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Held {
    set: Value,
    before: Value,
}

/// The leases by their ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Leases(BTreeMap<String, Lease>);

impl Leases {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes that `wanted` replaces what stands in `now`.
    pub(super) fn add(&mut self, id: String, wanted: &Values, now: &Values, until_ms: i64) {
        let number = self.0.values().map(|lease| lease.number).max().unwrap_or(0) + 1;
        let held = wanted.iter().filter_map(|(key, set)| {
            let before = now.get(key)?.clone();
            Some((key.clone(), Held { set: set.clone(), before }))
        });
        self.0.insert(id, Lease { until_ms, number, held: held.collect() });
    }

    /// Lets a lease last until another moment; false when it is gone.
    pub(super) fn prolong(&mut self, id: &str, until_ms: i64) -> bool {
        let lease = self.0.get_mut(id);
        lease.map(|lease| lease.until_ms = until_ms).is_some()
    }

    /// The lease that has ended by `now_ms`, the oldest first.
    pub(super) fn ended(&self, now_ms: i64) -> Option<String> {
        let over = self.0.iter().filter(|(_, lease)| lease.until_ms <= now_ms);
        over.min_by_key(|(_, lease)| lease.number).map(|(id, _)| id.clone())
    }

    /// When the next one ends.
    pub(super) fn next_end(&self) -> Option<i64> {
        self.0.values().map(|lease| lease.until_ms).min()
    }

    /// Ends a lease: what it puts back into the values as they are. None when it is gone.
    pub(super) fn end(&mut self, id: &str, now: &Values) -> Option<Values> {
        let ended = self.0.remove(id)?;
        let mut back = Values::new();
        for (key, Held { set, before }) in ended.held {
            let later = self.0.values_mut().filter(|lease| lease.number > ended.number);
            let next = later.filter(|lease| lease.held.contains_key(&key)).min_by_key(|lease| lease.number);
            match next.and_then(|lease| lease.held.get_mut(&key)) {
                Some(heir) if heir.before == set => heir.before = before,
                // Somebody changed it before the next lease came, or after this one.
                Some(_) => {}
                None if now.get(&key) == Some(&set) => drop(back.insert(key, before)),
                None => {}
            }
        }
        Some(back)
    }

    /// Forgets what is held of keys that are not known any more.
    pub(super) fn keep(&mut self, known: impl Fn(&str) -> bool) {
        for lease in self.0.values_mut() {
            lease.held.retain(|key, _| known(key));
        }
    }
}
