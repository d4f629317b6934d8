//! Commands that send requests as the load generator does, and ask now and then which instances there are: who of them has
//! heard the latest. Pure; the clock is the caller's.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// Who has not asked for this long is gone.
const GONE: Duration = Duration::from_secs(3);
/// The most that are remembered, and the longest name.
const MOST: usize = 64;

/// When each has asked last, and which revision of the lists it had then.
#[derive(Debug, Default)]
pub(super) struct Followers(BTreeMap<String, (Instant, u64)>);

impl Followers {
    /// One asks and holds this revision.
    pub(super) fn asked(&mut self, name: &str, holds: u64, now: Instant) {
        self.0.retain(|_, (last, _)| now.saturating_duration_since(*last) < GONE);
        if name.len() <= MOST && (self.0.len() < MOST || self.0.contains_key(name)) {
            self.0.insert(name.to_owned(), (now, holds));
        }
    }

    /// Whether all that are there hold this revision or a later one.
    pub(super) fn hold(&self, revision: u64, now: Instant) -> bool {
        let there = self.0.values().filter(|(last, _)| now.saturating_duration_since(*last) < GONE);
        there.into_iter().all(|(_, holds)| *holds >= revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_still_ask_have_to_hold_the_latest() {
        let (mut followers, now) = (Followers::default(), Instant::now());
        assert!(followers.hold(7, now), "nobody is there");
        followers.asked("a", 7, now);
        followers.asked("b", 6, now);
        assert!(followers.hold(6, now) && !followers.hold(7, now));
        assert!(followers.hold(7, now + GONE), "both are gone");
        followers.asked("a", 7, now + GONE);
        assert!(followers.hold(7, now + GONE), "the other is gone");
    }

    #[test]
    fn no_more_are_remembered_than_are_looked_for() {
        let (mut followers, now) = (Followers::default(), Instant::now());
        for number in 0..1000 {
            followers.asked(&number.to_string(), 0, now);
        }
        followers.asked(&"x".repeat(100_000), 0, now);
        assert_eq!(followers.0.len(), MOST);
    }
}
