//! Leases: what is undone when its time is over, unless who asked for it says that it is still wanted. Who asked may die, and all
//! is as it was. What is undone and how is the caller's; so is the clock.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The longest lease, in seconds.
const LONGEST: f64 = 3_600.0;

/// Leases by number, which is also by age.
#[derive(Debug)]
pub struct Leases<T> {
    last: u64,
    all: BTreeMap<u64, (T, Instant)>,
}

impl<T> Default for Leases<T> {
    fn default() -> Self {
        Self { last: 0, all: BTreeMap::new() }
    }
}

impl<T> Leases<T> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// A new one that lasts until then; its number.
    pub fn grant(&mut self, of: T, until: Instant) -> u64 {
        self.last += 1;
        self.all.insert(self.last, (of, until));
        self.last
    }

    /// Lets a lease end at another time. False when there is none.
    pub fn prolong(&mut self, id: u64, until: Instant) -> bool {
        self.all.get_mut(&id).map(|lease| lease.1 = until).is_some()
    }

    /// What a lease is of.
    pub fn get(&self, id: u64) -> Option<&T> {
        self.all.get(&id).map(|(of, _)| of)
    }

    /// Takes a lease away.
    pub fn take(&mut self, id: u64) -> Option<T> {
        self.all.remove(&id).map(|(of, _)| of)
    }

    /// What all of them are of, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.all.values().map(|(of, _)| of)
    }

    /// What those are of that are younger than this one, the oldest first.
    pub fn younger(&mut self, than: u64) -> impl Iterator<Item = &mut T> {
        self.all.range_mut(than + 1..).map(|(_, (of, _))| of)
    }

    /// Forgets those that are not `wanted` any more.
    pub fn keep(&mut self, wanted: impl Fn(&T) -> bool) {
        self.all.retain(|_, (of, _)| wanted(of));
    }

    /// The oldest that has ended at `now`.
    pub fn over(&self, now: Instant) -> Option<u64> {
        self.all.iter().find(|(_, (_, until))| *until <= now).map(|(id, _)| *id)
    }

    /// When the next one ends.
    pub fn next(&self) -> Option<Instant> {
        self.all.values().map(|(_, until)| *until).min()
    }
}

/// A lease's length from what a caller sent.
///
/// # Errors
/// When it is not above 0 and at most an hour.
pub fn length(seconds: f64) -> Result<Duration, String> {
    match seconds > 0.0 && seconds <= LONGEST {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(format!("lease_s is more than 0 and at most {LONGEST} seconds, not {seconds}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_prolonged_ends_later() {
        const SECOND: Duration = Duration::from_secs(1);
        let (mut leases, now) = (Leases::default(), Instant::now());
        let (one, two) = (leases.grant("a", now + SECOND), leases.grant("b", now + SECOND));
        assert!(leases.prolong(two, now + 3 * SECOND));
        assert_eq!((leases.next(), leases.over(now)), (Some(now + SECOND), None));
        assert_eq!(leases.over(now + 2 * SECOND), Some(one));
        assert_eq!(leases.take(one), Some("a"));
        assert_eq!(leases.over(now + 2 * SECOND), None);
        assert!(!leases.prolong(one, now) && leases.take(one).is_none());
        assert_eq!(leases.take(two), Some("b"));
        assert_eq!(leases.next(), None);
    }

    #[test]
    fn lengths_without_meaning_are_refused() {
        for seconds in [0.0, -1.0, 3_600.5, f64::NAN, f64::INFINITY] {
            assert!(length(seconds).is_err(), "{seconds}");
        }
        assert_eq!(length(0.5), Ok(Duration::from_millis(500)));
    }
}
