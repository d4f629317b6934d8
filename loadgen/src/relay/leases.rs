//! Changes that undo themselves: who asked for one may die, and the link is as it was. Pure; the clock is the caller's.
//!
//! Leases may overlap. When an older one ends while a younger one holds the same key, the value stays, and the younger
//! one will go back to what was before both.

use super::condition::{Change, Condition};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Most leases at a time.
const MOST: usize = 256;

#[derive(Debug)]
struct Lease {
    link: String,
    change: Change,
    before: Condition,
    until: Instant,
}

/// The leases of all links, by number, which is also by age.
#[derive(Debug, Default)]
pub(super) struct Leases {
    last: u64,
    all: BTreeMap<u64, Lease>,
}

impl Leases {
    pub(super) fn is_full(&self) -> bool {
        self.all.len() >= MOST
    }

    /// Remembers that `change` was made to `link`, which had been `before`.
    pub(super) fn grant(&mut self, link: &str, change: Change, before: Condition, until: Instant) -> u64 {
        self.last += 1;
        self.all.insert(self.last, Lease { link: link.to_owned(), change, before, until });
        self.last
    }

    /// Lets a lease end at another time. False when there is none.
    pub(super) fn prolong(&mut self, id: u64, until: Instant) -> bool {
        self.all.get_mut(&id).map(|lease| lease.until = until).is_some()
    }

    /// The link that a lease is of.
    pub(super) fn link(&self, id: u64) -> Option<&str> {
        self.all.get(&id).map(|lease| lease.link.as_str())
    }

    /// Ends a lease: each key of `now`, the link's condition, that still has the leased value goes back.
    pub(super) fn end(&mut self, id: u64, now: &mut Condition) {
        let Some(lease) = self.all.remove(&id) else { return };
        for key in lease.change.keys() {
            let younger = self.all.range_mut(id..).find(|(_, l)| l.link == lease.link && l.change.has(key));
            let holder = younger.map_or(&mut *now, |(_, younger)| &mut younger.before);
            lease.change.undo(key, &lease.before, holder);
        }
    }

    /// Forgets the leases of a link that is gone.
    pub(super) fn forget(&mut self, link: &str) {
        self.all.retain(|_, lease| lease.link != link);
    }

    /// The oldest lease that has ended at `now`.
    pub(super) fn over(&self, now: Instant) -> Option<u64> {
        self.all.iter().find(|(_, lease)| lease.until <= now).map(|(id, _)| *id)
    }

    /// When the next one ends.
    pub(super) fn next(&self) -> Option<Instant> {
        self.all.values().map(|lease| lease.until).min()
    }
}

/// A lease's length from what a caller sent, within bounds.
pub(super) fn length(seconds: f64) -> Result<Duration, String> {
    const LONGEST: f64 = 3_600.0;
    match seconds > 0.0 && seconds <= LONGEST {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(format!("lease_s is more than 0 and at most {LONGEST} seconds, not {seconds}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn delay(ms: u64) -> Change {
        Change::read(json!({ "delay_ms": ms }).as_object().expect("an object")).expect("a change")
    }

    /// A link on which changes are made.
    struct Link {
        now: Condition,
        leases: Leases,
    }

    impl Link {
        fn new() -> Self {
            Self { now: Condition::default(), leases: Leases::default() }
        }

        fn lease(&mut self, change: Change) -> u64 {
            let before = self.now;
            self.now = before.changed(&change);
            self.leases.grant("a>b", change, before, Instant::now())
        }

        fn delay(&self) -> u128 {
            self.now.delay().as_millis()
        }

        fn end(&mut self, id: u64) {
            self.leases.end(id, &mut self.now);
        }
    }

    #[test]
    fn a_lease_that_ends_gives_back_what_was() {
        let mut link = Link::new();
        link.now = link.now.changed(&delay(5));
        let id = link.lease(delay(100));
        assert_eq!(link.delay(), 100);
        link.end(id);
        assert_eq!(link.delay(), 5);
    }

    #[test]
    fn what_somebody_changed_meanwhile_stays() {
        let mut link = Link::new();
        let id = link.lease(delay(100));
        link.now = link.now.changed(&delay(30));
        link.end(id);
        assert_eq!(link.delay(), 30);
    }

    #[test]
    fn leases_of_one_key_end_in_any_order() {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for values in [[100, 200, 300], [100, 100, 100], [100, 200, 100]] {
                let mut link = Link::new();
                let ids = values.map(|ms| link.lease(delay(ms)));
                for (ended, index) in order.into_iter().enumerate() {
                    link.end(ids[index]);
                    let youngest = (0..3).rev().find(|i| !order[..=ended].contains(i));
                    let expected = youngest.map_or(0, |i| u128::from(values[i]));
                    assert_eq!(link.delay(), expected, "{order:?} {values:?} after {}", ended + 1);
                }
            }
        }
    }

    #[test]
    fn links_do_not_share_leases() {
        let mut link = Link::new();
        let id = link.lease(delay(100));
        link.leases.grant("c>d", delay(100), Condition::default(), Instant::now());
        link.end(id);
        assert_eq!(link.delay(), 0, "the other link's lease does not hold this one's value");
    }

    #[test]
    fn lengths_without_meaning_are_refused() {
        for seconds in [0.0, -1.0, 3_600.5, f64::NAN, f64::INFINITY] {
            assert!(length(seconds).is_err(), "{seconds}");
        }
        assert_eq!(length(0.5), Ok(Duration::from_millis(500)));
    }
}
