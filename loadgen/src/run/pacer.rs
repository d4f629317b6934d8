//! The one thread that knows when: starts sessions at their planned offsets and wakes sessions whose pause is over.
//! The runtime's timer is a millisecond late at load; a thread that sleeps on a condition is late by its wake-up only.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A pause that ends.
struct Wake {
    due: Instant,
    /// Ties are woken in the order in which they were asked for.
    order: u64,
    sleeper: oneshot::Sender<()>,
}

impl PartialEq for Wake {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Wake {}
impl PartialOrd for Wake {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Wake {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

#[derive(Default)]
struct State {
    wakes: BinaryHeap<Reverse<Wake>>,
    asked: u64,
    stopped: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Pacer {
    state: Mutex<State>,
    changed: Condvar,
}

impl std::fmt::Debug for Pacer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pacer")
    }
}

impl Pacer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `due`. False if the run stopped before.
    pub(crate) async fn sleep_until(&self, due: Instant) -> bool {
        if due <= Instant::now() {
            return true;
        }
        let (sleeper, woken) = oneshot::channel();
        {
            let mut state = self.lock();
            if state.stopped {
                return false;
            }
            let order = state.asked;
            state.asked += 1;
            let first = state.wakes.peek().is_none_or(|Reverse(w)| due < w.due);
            state.wakes.push(Reverse(Wake { due, order, sleeper }));
            if first {
                drop(state);
                self.changed.notify_one();
            }
        }
        woken.await.is_ok()
    }

    /// Ends the pacing and all waits.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.wakes.clear();
        drop(state);
        self.changed.notify_one();
    }

    /// Lets the pacing thread look again whether it is done.
    pub(crate) fn nudge(&self) {
        // With the lock, or the nudge could fall between that look and the wait.
        drop(self.lock());
        self.changed.notify_one();
    }

    /// Runs the pacing: calls `begin` for each arrival at its time, wakes sleepers at theirs; returns when stopped, or
    /// when arrivals are over and `done` says that nobody will sleep again.
    pub(crate) fn pace(
        &self,
        start: Instant,
        arrivals: impl Iterator<Item = (u64, Duration)>,
        mut begin: impl FnMut(u64, Instant),
        done: impl Fn() -> bool,
    ) {
        let mut arrivals = arrivals.map(|(session, offset)| (session, start + offset)).peekable();
        let mut state = self.lock();
        loop {
            if state.stopped {
                return;
            }
            let now = Instant::now();
            while state.wakes.peek().is_some_and(|Reverse(w)| w.due <= now) {
                if let Some(Reverse(wake)) = state.wakes.pop() {
                    // A sleeper that is gone needs no waking.
                    let _ = wake.sleeper.send(());
                }
            }
            let arrival = arrivals.peek().copied();
            if let Some((session, due)) = arrival.filter(|(_, due)| *due <= now) {
                drop(state);
                arrivals.next();
                begin(session, due);
                state = self.lock();
                continue;
            }
            let wake = state.wakes.peek().map(|Reverse(w)| w.due);
            state = match [arrival.map(|(_, due)| due), wake].into_iter().flatten().min() {
                Some(due) => {
                    let (state, _) = self
                        .changed
                        .wait_timeout(state, due.saturating_duration_since(now))
                        .unwrap_or_else(PoisonError::into_inner);
                    state
                }
                None if done() => return,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
