//! What is undone when its time is over, unless who asked for it says that it is still wanted. Pure; the clock is the caller's.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// What a lease undoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undo {
    /// An instance that was stopped goes on.
    Stop { service: String, instance: String },
    /// What was deployed beside a service is removed.
    Deploy { service: String },
}

#[derive(Debug)]
struct Lease {
    undo: Undo,
    until: Instant,
}

/// The leases by number.
#[derive(Debug, Default)]
pub(super) struct Leases {
    last: u64,
    all: BTreeMap<u64, Lease>,
}

impl Leases {
    pub(super) fn grant(&mut self, undo: Undo, until: Instant) -> u64 {
        self.last += 1;
        self.all.insert(self.last, Lease { undo, until });
        self.last
    }

    /// Lets a lease end at another time; false when there is none.
    pub(super) fn prolong(&mut self, id: u64, until: Instant) -> bool {
        self.all.get_mut(&id).map(|lease| lease.until = until).is_some()
    }

    /// Ends a lease: what is to be undone, which is nothing as long as another lease holds the same. None when there is no such
    /// lease.
    pub(super) fn end(&mut self, id: u64) -> Option<Option<Undo>> {
        let Lease { undo, .. } = self.all.remove(&id)?;
        let held = self.all.values().any(|other| other.undo == undo);
        Some((!held).then_some(undo))
    }

    /// Ends those whose time is over: what is to be undone.
    pub(super) fn end_over(&mut self, now: Instant) -> Vec<Undo> {
        let over = self.all.iter().filter(|(_, lease)| lease.until <= now);
        let over: Vec<u64> = over.map(|(id, _)| *id).collect();
        over.into_iter().filter_map(|id| self.end(id).flatten()).collect()
    }

    /// It was undone by other means.
    pub(super) fn forget(&mut self, undo: &Undo) {
        self.all.retain(|_, lease| lease.undo != *undo);
    }

    /// When the next one ends.
    pub(super) fn next(&self) -> Option<Instant> {
        self.all.values().map(|lease| lease.until).min()
    }
}

/// A lease's length from what a caller sent.
pub(super) fn length(seconds: f64) -> Result<Duration, String> {
    const LONGEST: f64 = 3_600.0;
    match seconds > 0.0 && seconds <= LONGEST {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(format!("lease_s {seconds}: give a number above 0 and at most {LONGEST} seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn deploy(service: &str) -> Undo {
        Undo::Deploy { service: service.to_owned() }
    }

    #[test]
    fn what_is_over_is_undone_once_and_what_was_prolonged_is_not() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        let (one, two) = (leases.grant(deploy("a"), now + SECOND), leases.grant(deploy("b"), now + SECOND));
        assert!(leases.prolong(two, now + 3 * SECOND));
        assert_eq!(leases.next(), Some(now + SECOND));
        assert_eq!(leases.end_over(now + 2 * SECOND), [deploy("a")]);
        assert_eq!(leases.end_over(now + 2 * SECOND), []);
        assert!(!leases.prolong(one, now) && leases.end(one).is_none());
        assert_eq!(leases.end(two), Some(Some(deploy("b"))));
        assert_eq!(leases.next(), None);
    }

    #[test]
    fn what_two_leases_hold_is_undone_with_the_second() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        let (one, two) = (leases.grant(deploy("a"), now), leases.grant(deploy("a"), now + SECOND));
        assert_eq!(leases.end(one), Some(None));
        assert_eq!(leases.end_over(now + SECOND), [deploy("a")]);
        assert!(leases.end(two).is_none());
    }

    #[test]
    fn what_was_undone_by_other_means_has_no_lease() {
        let (mut leases, now) = (Leases::default(), Instant::now());
        leases.grant(deploy("a"), now);
        leases.forget(&deploy("a"));
        assert_eq!(leases.end_over(now + SECOND), []);
    }

    #[test]
    fn a_lease_is_above_nothing_and_at_most_an_hour() {
        assert_eq!(length(0.5), Ok(Duration::from_millis(500)));
        for wrong in [0.0, -1.0, 3_601.0, f64::NAN, f64::INFINITY] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }
}
