//! Counts that every thread of a run keeps, readable at any moment.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of a run. `scheduled = fired + shed` whenever nothing is between the two.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Requests that were due.
    pub(crate) scheduled: AtomicU64,
    /// Requests sent.
    pub(crate) fired: AtomicU64,
    /// Requests given up because too much was under way.
    pub(crate) shed: AtomicU64,
    /// Sessions that were not begun because the run was paused.
    pub(crate) paused: AtomicU64,
    /// Sessions begun.
    pub(crate) sessions: AtomicU64,
    /// Sessions under way, thinking ones included.
    pub(crate) alive: AtomicU64,
    /// Unexpected answers, errors, timeouts.
    pub(crate) failed: AtomicU64,
    /// Planned errors answered as planned.
    pub(crate) expected_failures: AtomicU64,
    /// Requests ended.
    pub(crate) ended: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Reads a count.
pub(crate) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
