//! Connections that have not asked for anything yet, in the order they came in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Those of one listener.
#[derive(Debug, Default)]
pub(super) struct Silent(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    open: BTreeMap<u64, CancellationToken>,
}

/// One connection's place among them, until it asks for something or ends.
#[derive(Debug)]
pub(super) struct Seat {
    id: u64,
    of: Arc<Silent>,
    /// The first request is here.
    pub(super) asked: CancellationToken,
    /// Another connection is let in instead.
    pub(super) evicted: CancellationToken,
}

impl Silent {
    pub(super) fn enter(self: &Arc<Self>) -> Seat {
        let evicted = CancellationToken::new();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = waiting.next;
        waiting.next += 1;
        waiting.open.insert(id, evicted.clone());
        drop(waiting);
        Seat { id, of: Arc::clone(self), asked: CancellationToken::new(), evicted }
    }

    /// Closes the connection that has said nothing for the longest time, if there is any.
    pub(super) fn close_oldest(&self) {
        let oldest = self.0.lock().unwrap_or_else(PoisonError::into_inner).open.pop_first();
        if let Some((_, evicted)) = oldest {
            evicted.cancel();
        }
    }

    fn leave(&self, id: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&id);
    }
}

impl Seat {
    /// A request is here: the connection is kept from now on.
    pub(super) fn ask(&self) {
        if !self.asked.is_cancelled() {
            self.asked.cancel();
            self.of.leave(self.id);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.of.leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_said_nothing_goes_first() {
        let silent = Arc::new(Silent::default());
        let seats: Vec<Seat> = (0..4).map(|_| silent.enter()).collect();
        seats[0].ask();
        let evicted = || seats.iter().map(|s| s.evicted.is_cancelled()).collect::<Vec<_>>();
        silent.close_oldest();
        assert_eq!(evicted(), [false, true, false, false]);
        silent.close_oldest();
        silent.close_oldest();
        silent.close_oldest();
        assert_eq!(evicted(), [false, true, true, true]);
    }
}
