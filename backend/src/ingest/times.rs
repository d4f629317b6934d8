//! How old and how new a log entry may be, whichever way it comes. Pure.

use std::time::Duration;

/// How far ahead of the clock an entry may be, as in Loki: one of the year 3000 would never be too old to keep.
const AHEAD_NS: i64 = 600_000_000_000;

/// The times that an entry may have, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) now_ns: i64,
    pub(crate) oldest_ns: i64,
    newest_ns: i64,
}

/// Why an entry is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    TooOld,
    TooNew,
}

impl Times {
    /// Of what comes at `now_ns` into a store that keeps entries for so long.
    pub(crate) fn at(now_ns: i64, kept: Duration) -> Self {
        let kept_ns = i64::try_from(kept.as_nanos()).unwrap_or(i64::MAX);
        Self { now_ns, oldest_ns: now_ns.saturating_sub(kept_ns), newest_ns: now_ns.saturating_add(AHEAD_NS) }
    }

    /// # Errors
    /// The entry is from before what is kept, or from too far ahead.
    pub(crate) fn check(&self, ts_ns: i64) -> Result<(), Wrong> {
        if ts_ns < self.oldest_ns {
            Err(Wrong::TooOld)
        } else if ts_ns > self.newest_ns {
            Err(Wrong::TooNew)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_bounded_on_both_sides() {
        let now = 1_700_000_000_000_000_000;
        let times = Times::at(now, Duration::from_hours(24));
        let check = |s: i64| times.check(now + s * 1_000_000_000);
        assert_eq!([check(-86_400), check(0), check(600)], [Ok(()); 3]);
        assert_eq!([check(-86_401), check(601)], [Err(Wrong::TooOld), Err(Wrong::TooNew)]);
        assert_eq!(Times::at(0, Duration::MAX).check(i64::MIN), Err(Wrong::TooOld));
    }
}
