//! The places of one signal's pipeline and the count of what became of its items.
//!
//! Every item offered is, in the end, either exported or dropped; [`Budget::settle`] closes the books at the drain's end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::metrics::Counts;

/// Places and counts of one signal.
#[derive(Debug)]
pub(crate) struct Budget {
    capacity: AtomicUsize,
    /// The places that there are behind it.
    most: usize,
    held: AtomicUsize,
    closed: AtomicBool,
    counts: Counts,
    settled: Mutex<bool>,
}

/// What became of a signal's items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Items the receiver took.
    pub exported: u64,
    /// Items lost: no place in the queue, a failed export, or no time left in the drain.
    pub dropped: u64,
}

impl Budget {
    /// `capacity` places; what becomes of the items goes to `counts`.
    pub(crate) fn new(capacity: usize, counts: Counts) -> Budget {
        Budget {
            capacity: AtomicUsize::new(capacity),
            most: capacity,
            held: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            counts,
            settled: Mutex::new(false),
        }
    }

    /// Takes a place for one item. On `false` the item is counted as dropped and must not be queued.
    pub(crate) fn admit(&self) -> bool {
        self.counts.created.inc();
        // The place is taken before `closed` is looked at: an item that slips by a concurrent close is then held, and
        // seen by `settle`.
        let held = self.held.fetch_add(1, Ordering::SeqCst);
        if held < self.capacity.load(Ordering::Relaxed) && !self.closed.load(Ordering::SeqCst) {
            return true;
        }
        self.held.fetch_sub(1, Ordering::SeqCst);
        self.counts.dropped.inc();
        false
    }

    /// Lets so many items in from now on, as far as there are places; those that are in stay.
    pub(crate) fn set_capacity(&self, capacity: usize) {
        self.capacity.store(capacity.min(self.most), Ordering::Relaxed);
    }

    /// Counts one item as dropped that found no place elsewhere.
    pub(crate) fn refuse(&self) {
        self.counts.created.inc();
        self.counts.dropped.inc();
    }

    /// The export of `items` is over; `rejected` of them did not arrive.
    pub(crate) fn done(&self, items: usize, rejected: usize) {
        let settled = self.books();
        if *settled {
            return;
        }
        let rejected = rejected.min(items);
        self.counts.exported.inc_by((items - rejected) as u64);
        self.counts.dropped.inc_by(rejected as u64);
        self.held.fetch_sub(items, Ordering::SeqCst);
    }

    /// Lets no further item in.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Counts what is still held as dropped, once. Exports that end later change nothing.
    pub(crate) fn settle(&self) -> Outcome {
        let mut settled = self.books();
        if !*settled {
            *settled = true;
            self.counts.dropped.inc_by(self.held() as u64);
        }
        Outcome { exported: self.counts.exported.get(), dropped: self.counts.dropped.get() }
    }

    /// Items between admission and the end of their export.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    fn books(&self) -> MutexGuard<'_, bool> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(budget: &Budget, items: usize) -> usize {
        (0..items).filter(|_| budget.admit()).count()
    }

    #[test]
    fn beyond_the_capacity_items_are_dropped_and_counted() {
        let budget = Budget::new(3, Counts::default());
        assert_eq!(offered(&budget, 5), 3);
        assert_eq!(budget.held(), 3);
        budget.done(3, 1);
        assert_eq!(offered(&budget, 1), 1);
        assert_eq!(budget.settle(), Outcome { exported: 2, dropped: 2 + 1 + 1 });
        assert_eq!(budget.counts.created.get(), 5 + 1);
    }

    #[test]
    fn a_smaller_capacity_holds_from_the_next_item_on_and_a_larger_one_up_to_the_places() {
        let budget = Budget::new(3, Counts::default());
        assert_eq!(offered(&budget, 2), 2);
        budget.set_capacity(1);
        assert_eq!(offered(&budget, 1), 0);
        budget.set_capacity(100);
        assert_eq!(offered(&budget, 5), 1);
    }

    #[test]
    fn an_export_that_ends_after_the_books_are_closed_is_not_counted_twice() {
        let budget = Budget::new(10, Counts::default());
        offered(&budget, 4);
        let at_the_deadline = budget.settle();
        budget.done(4, 0);
        assert_eq!(budget.settle(), at_the_deadline);
        assert_eq!(at_the_deadline, Outcome { exported: 0, dropped: 4 });
    }

    #[test]
    fn a_closed_pipeline_takes_nothing() {
        let budget = Budget::new(10, Counts::default());
        budget.close();
        assert_eq!(offered(&budget, 2), 0);
        assert_eq!(budget.settle(), Outcome { exported: 0, dropped: 2 });
    }
}
