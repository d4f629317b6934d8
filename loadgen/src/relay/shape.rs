//! When each piece of data leaves the relay, and which piece breaks its connection. Pure: the clock is the caller's, and
//! every decision is a hash of what is decided about.

use super::condition::Condition;
use crate::plan::decide::{Stream, decide, unit};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Which way data flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From who connected to the target.
    There = 0,
    /// From the target.
    Back = 1,
}

impl Way {
    /// Whether the condition keeps what goes this way from arriving.
    pub(super) fn is_held(self, condition: &Condition) -> bool {
        condition.blackhole() || (self == Self::Back && condition.half_open())
    }
}

/// One way of a link, which all its connections share: a bounded bandwidth is used by one piece after the other.
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<Option<Instant>>);

impl Line {
    /// When `bytes` are through, if they queue up at `now`.
    fn through(&self, now: Instant, bytes: usize, bytes_per_s: f64) -> Instant {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = free.map_or(now, |free| free.max(now));
        let ends = begins + Duration::from_secs_f64(bytes as f64 / bytes_per_s);
        *free = Some(ends);
        ends
    }
}

/// What becomes of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It leaves then, or later when it is held.
    Leaves(Instant),
    /// It ends the connection.
    Reset,
}

/// Decides for one way of one connection.
#[derive(Debug)]
pub(super) struct Shaper {
    /// The link's name as a number.
    link: u64,
    connection: u64,
    way: Way,
    pieces: u64,
    /// When the last piece leaves: order is kept.
    last: Option<Instant>,
}

impl Shaper {
    pub(super) fn new(link: u64, connection: u64, way: Way) -> Self {
        Self { link, connection, way, pieces: 0, last: None }
    }

    /// Decides about the next piece, of so many bytes.
    pub(super) fn decide(&mut self, condition: &Condition, line: &Line, now: Instant, bytes: usize) -> Fate {
        self.pieces += 1;
        if self.way == Way::There && unit(self.bits(condition, Stream::Reset)) <= condition.reset_ratio() {
            return Fate::Reset;
        }
        let through = condition.bandwidth().map_or(now, |rate| line.through(now, bytes, rate));
        // From -1 to 1.
        let swing = 2.0 * unit(self.bits(condition, Stream::Jitter)) - 1.0;
        let delay = condition.delay().as_secs_f64() + swing * condition.jitter().as_secs_f64();
        let leaves = through + Duration::from_secs_f64(delay.max(0.0));
        let leaves = self.last.map_or(leaves, |last| last.max(leaves));
        self.last = Some(leaves);
        Fate::Leaves(leaves)
    }

    fn bits(&self, condition: &Condition, stream: Stream) -> u64 {
        let piece = 2 * self.pieces + self.way as u64;
        decide(condition.seed(), stream, self.link, self.connection, piece)
    }
}

#[cfg(test)]
mod tests {
    use super::super::condition::Change;
    use super::*;
    use serde_json::{Value, json};

    fn condition(value: &Value) -> Condition {
        Condition::default().changed(&Change::read(value.as_object().expect("an object")).expect("a change"))
    }

    /// How long after they came together `pieces` of so many bytes leave, in milliseconds.
    fn leave(condition: &Condition, connection: u64, pieces: &[usize]) -> Vec<Option<u128>> {
        let (line, now) = (Line::default(), Instant::now());
        let mut shaper = Shaper::new(1, connection, Way::There);
        let after = |fate| match fate {
            Fate::Leaves(at) => Some((at - now).as_millis()),
            Fate::Reset => None,
        };
        pieces.iter().map(|bytes| after(shaper.decide(condition, &line, now, *bytes))).collect()
    }

    #[test]
    fn a_delay_is_one_of_each_piece_and_not_of_their_number() {
        assert_eq!(leave(&condition(&json!({ "delay_ms": 40 })), 1, &[1, 100, 60_000]), [Some(40); 3]);
    }

    #[test]
    fn jitter_stays_within_its_range_differs_and_keeps_the_order() {
        let all = leave(&condition(&json!({ "delay_ms": 50, "jitter_ms": 20, "seed": 3 })), 1, &[1; 200]);
        let all: Vec<u128> = all.into_iter().map(|ms| ms.expect("no reset")).collect();
        assert!(all.iter().all(|ms| (30..=70).contains(ms)), "{all:?}");
        assert!(all.is_sorted(), "{all:?}");
        let firsts: Vec<_> = (0..50)
            .map(|c| leave(&condition(&json!({ "delay_ms": 50, "jitter_ms": 20 })), c, &[1])[0])
            .collect();
        assert!(
            firsts.iter().any(|ms| *ms < Some(40)) && firsts.iter().any(|ms| *ms > Some(60)),
            "{firsts:?}"
        );
    }

    #[test]
    fn more_jitter_than_delay_does_not_go_back_in_time() {
        let all = leave(&condition(&json!({ "jitter_ms": 20 })), 1, &[1; 50]);
        assert!(all.iter().all(|ms| ms.is_some_and(|ms| ms <= 20)), "{all:?}");
    }

    #[test]
    fn connections_share_a_links_bandwidth() {
        let (line, now) = (Line::default(), Instant::now());
        let narrow = condition(&json!({ "bandwidth_kib_s": 64 }));
        let mut one = Shaper::new(1, 1, Way::There);
        let mut two = Shaper::new(1, 2, Way::There);
        let half = Duration::from_millis(500);
        assert_eq!(one.decide(&narrow, &line, now, 32 * 1_024), Fate::Leaves(now + half));
        assert_eq!(two.decide(&narrow, &line, now, 32 * 1_024), Fate::Leaves(now + 2 * half));
        // A line that lay idle has saved nothing up.
        let later = now + 10 * half;
        assert_eq!(one.decide(&narrow, &line, later, 32 * 1_024), Fate::Leaves(later + half));
    }

    #[test]
    fn resets_come_in_their_share_by_the_seed_and_only_on_the_way_there() {
        let share = |seed: u64| -> Vec<bool> {
            let broken = condition(&json!({ "reset_ratio": 0.2, "seed": seed }));
            (0..5_000).map(|c| leave(&broken, c, &[1])[0].is_none()).collect()
        };
        let (first, other) = (share(1), share(2));
        let count = first.iter().filter(|reset| **reset).count();
        assert!((850..=1_150).contains(&count), "{count} of 5000");
        assert_eq!(first, share(1), "the same seed, the same connections");
        assert_ne!(first, other);
        let always = condition(&json!({ "reset_ratio": 1.0 }));
        let mut back = Shaper::new(1, 1, Way::Back);
        assert_ne!(back.decide(&always, &Line::default(), Instant::now(), 1), Fate::Reset);
    }

    #[test]
    fn without_resets_asked_for_there_are_none() {
        assert!(leave(&condition(&json!({ "delay_ms": 1 })), 1, &[1; 1_000]).iter().all(Option::is_some));
    }

    #[test]
    fn half_open_holds_what_comes_back_and_a_blackhole_everything() {
        let half = condition(&json!({ "half_open": true }));
        assert!(Way::Back.is_held(&half) && !Way::There.is_held(&half));
        let hole = condition(&json!({ "blackhole": true }));
        assert!(Way::Back.is_held(&hole) && Way::There.is_held(&hole));
    }
}
