//! Halves of calls that wait for their other half, each for a limited time, the oldest first. Bounded in number.

use std::collections::{HashMap, VecDeque};

use super::settings::{HALF_EXPIRY_MS, HALVES};

/// The trace, and the caller's span: all zeros when there is no caller.
pub(super) type Key = ([u8; 16], [u8; 8]);

/// What waits.
#[derive(Debug)]
pub(super) struct Pending<T> {
    waiting: HashMap<Key, (u64, T)>,
    /// When each is due, with the number it was put in under. Those that have met stay in here until they are swept.
    due: VecDeque<(i64, u64, Key)>,
    next: u64,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), due: VecDeque::new(), next: 0 }
    }
}

impl<T> Pending<T> {
    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut T> {
        self.waiting.get_mut(key).map(|(_, half)| half)
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<T> {
        self.waiting.remove(key).map(|(_, half)| half)
    }

    /// Lets a half wait; says whether there was room.
    pub(super) fn insert(&mut self, key: Key, half: T, now_ms: i64) -> bool {
        if self.waiting.len() >= HALVES {
            return false;
        }
        self.next += 1;
        self.waiting.insert(key, (self.next, half));
        self.due.push_back((now_ms + HALF_EXPIRY_MS, self.next, key));
        // Most meet soon, and would otherwise fill the queue for as long as the lonely ones may wait.
        if self.due.len() > 2 * self.waiting.len() + 1024 {
            let waiting = &self.waiting;
            self.due.retain(|(_, number, key)| waiting.get(key).is_some_and(|(n, _)| n == number));
        }
        true
    }

    /// The next half that has waited too long, with its key.
    pub(super) fn pop_expired(&mut self, now_ms: i64) -> Option<(Key, T)> {
        while let Some((due, number, key)) = self.due.front().copied() {
            if due >= now_ms {
                return None;
            }
            self.due.pop_front();
            if self.waiting.get(&key).is_some_and(|(n, _)| *n == number)
                && let Some(half) = self.remove(&key)
            {
                return Some((key, half));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Key {
        ([1; 16], n.to_be_bytes())
    }

    #[test]
    fn the_oldest_go_first_and_those_that_met_do_not_come_back() {
        let mut pending = Pending::default();
        for n in 0..3 {
            assert!(pending.insert(key(n), n, n as i64));
        }
        assert_eq!(pending.remove(&key(0)), Some(0));
        // The same key again, later: it waits its own time.
        assert!(pending.insert(key(0), 10, 3));
        assert_eq!(pending.pop_expired(HALF_EXPIRY_MS + 1), None);
        assert_eq!(pending.pop_expired(HALF_EXPIRY_MS + 2), Some((key(1), 1)));
        assert_eq!(pending.pop_expired(HALF_EXPIRY_MS + 2), None);
        assert_eq!(pending.pop_expired(HALF_EXPIRY_MS + 9), Some((key(2), 2)));
        assert_eq!(pending.pop_expired(HALF_EXPIRY_MS + 9), Some((key(0), 10)));
    }

    #[test]
    fn what_has_met_takes_no_room_and_the_rest_is_bounded() {
        let mut pending = Pending::default();
        for n in 0..1_000_000 {
            assert!(pending.insert(key(n), (), 0));
            pending.remove(&key(n));
        }
        assert!(pending.due.len() <= 2 * HALVES, "{}", pending.due.len());
        let taken = (0..HALVES as u64 + 5).filter(|n| pending.insert(key(*n), (), 0)).count();
        assert_eq!(taken, HALVES);
    }
}
