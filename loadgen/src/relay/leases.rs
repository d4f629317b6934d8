//! What a lease of a link's condition gives back. Pure; the clock is the caller's.
//!
//! Leases may overlap. When an older one ends while a younger one holds the same key, the value stays, and the younger
//! one will go back to what was before both.

use super::condition::{Change, Condition};
use crate::leases;

/// Most leases at a time.
const MOST: usize = 256;

/// What one lease is of: a change of a link, and what was before.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) link: String,
    pub(super) change: Change,
    pub(super) before: Condition,
}

/// The leases of all links.
pub(super) type Leases = leases::Leases<Leased>;

/// Whether no further one can be had.
pub(super) fn is_full(leases: &Leases) -> bool {
    leases.count() >= MOST
}

/// Ends a lease: each key of `now`, the link's condition, that still has the leased value goes back.
pub(super) fn end(leases: &mut Leases, id: u64, now: &mut Condition) {
    let Some(ended) = leases.take(id) else { return };
    for key in ended.change.keys() {
        let younger = leases.younger(id).find(|l| l.link == ended.link && l.change.has(key));
        let holder = younger.map_or(&mut *now, |younger| &mut younger.before);
        ended.change.undo(key, &ended.before, holder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::time::Instant;

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
            let leased = Leased { link: "a>b".to_owned(), change, before };
            self.leases.grant(leased, Instant::now())
        }

        fn delay(&self) -> u128 {
            self.now.delay().as_millis()
        }

        fn end(&mut self, id: u64) {
            end(&mut self.leases, id, &mut self.now);
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
        let other = Leased { link: "c>d".to_owned(), change: delay(100), before: Condition::default() };
        link.leases.grant(other, Instant::now());
        link.end(id);
        assert_eq!(link.delay(), 0, "the other link's lease does not hold this one's value");
    }
}
