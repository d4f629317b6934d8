//! Commands that send requests as the load generator does, and ask now and then which instances there are: who of them has
//! heard the latest. Pure; the clock is the caller's.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

/// Who has not asked for this long is gone.
const GONE: Duration = Duration::from_secs(3);
/// The most that are remembered, and the longest name.
const MOST: usize = 64;

/// One who asks.
#[derive(Debug)]
struct Asked {
    last: Instant,
    /// The revision of the lists that it had then.
    holds: u64,
    /// The port of its own metrics.
    metrics: Option<u16>,
}

impl Asked {
    fn is_there(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < GONE
    }
}

/// All who ask, by their names.
#[derive(Debug, Default)]
pub(super) struct Followers(BTreeMap<String, Asked>);

impl Followers {
    /// One asks and holds this revision.
    pub(super) fn asked(&mut self, name: &str, holds: u64, metrics: Option<u16>, now: Instant) {
        self.0.retain(|_, asked| asked.is_there(now));
        if name.len() <= MOST && (self.0.len() < MOST || self.0.contains_key(name)) {
            self.0.insert(name.to_owned(), Asked { last: now, holds, metrics });
        }
    }

    /// One asks no more.
    pub(super) fn left(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The ports of the metrics of those that still ask.
    pub(super) fn metrics(&self, now: Instant) -> BTreeSet<u16> {
        self.0.values().filter(|asked| asked.is_there(now)).filter_map(|asked| asked.metrics).collect()
    }

    /// Whether all that are there hold this revision or a later one.
    pub(super) fn hold(&self, revision: u64, now: Instant) -> bool {
        self.0.values().filter(|asked| asked.is_there(now)).all(|asked| asked.holds >= revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_still_ask_have_to_hold_the_latest() {
        let (mut followers, now) = (Followers::default(), Instant::now());
        assert!(followers.hold(7, now), "nobody is there");
        followers.asked("a", 7, None, now);
        followers.asked("b", 6, None, now);
        assert!(followers.hold(6, now) && !followers.hold(7, now));
        assert!(followers.hold(7, now + GONE), "both are gone");
        followers.asked("a", 7, None, now + GONE);
        assert!(followers.hold(7, now + GONE), "the other is gone");
    }

    #[test]
    fn the_metrics_of_one_are_there_until_it_leaves_or_asks_no_more() {
        let (mut followers, now) = (Followers::default(), Instant::now());
        followers.asked("a", 1, Some(7001), now);
        followers.asked("b", 1, Some(7002), now);
        followers.asked("c", 1, None, now);
        assert_eq!(followers.metrics(now), BTreeSet::from([7001, 7002]));
        followers.left("a");
        assert_eq!(followers.metrics(now), BTreeSet::from([7002]));
        assert!(followers.metrics(now + GONE).is_empty());
    }

    #[test]
    fn no_more_are_remembered_than_are_looked_for() {
        let (mut followers, now) = (Followers::default(), Instant::now());
        for number in 0..1000 {
            followers.asked(&number.to_string(), 0, None, now);
        }
        followers.asked(&"x".repeat(100_000), 0, None, now);
        assert_eq!(followers.0.len(), MOST);
    }
}
