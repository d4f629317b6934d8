//! The two periods that are compared, and the moments at which both are measured.
//!
//! A period is cut into slices of one length. How much the slices of the calm period differ among themselves is how much
//! a change has to stand out to be one.

use query::{UnixNanos, Window};
use std::{ops::Range, time::Duration};

/// The shortest slice: a few scrapes of a second each.
const SHORTEST: Duration = Duration::from_secs(5);
/// The most slices of the calm period; a longer period gets longer slices.
const MOST: u32 = 48;

/// When it was calm, and when it was perhaps not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// The calm period, up to the beginning of the other.
    pub baseline: Window,
    /// The period in question.
    pub incident: Window,
}

impl Periods {
    /// The last `since` until `end`, and the `baseline` before it.
    #[must_use]
    pub fn until(end: UnixNanos, baseline: Duration, since: Duration) -> Self {
        let onset = end.before(since);
        Self {
            baseline: Window { start: onset.before(baseline), end: onset },
            incident: Window { start: onset, end },
        }
    }

    /// The moments of measuring.
    #[must_use]
    pub fn grid(&self) -> Grid {
        let length = |window: Window| seconds(window.end.0 - window.start.0);
        let (baseline, incident) = (length(self.baseline), length(self.incident));
        let slice = SHORTEST.as_secs().max(incident / 4).max(baseline.div_ceil(u64::from(MOST)));
        let (before, during) = ((baseline / slice).max(2), (incident / slice).max(1));
        let total = before + during;
        let step = Duration::from_secs(slice);
        // Backwards from the end, which is now: the calm period's first moments are those that may be cut off.
        let at =
            |index: u64| self.incident.end.before(step * u32::try_from(total - index).unwrap_or(u32::MAX));
        Grid {
            times: (0..=total).map(at).collect(),
            calm: usize::try_from(before).unwrap_or(usize::MAX),
            step,
        }
    }
}

fn seconds(nanos: i64) -> u64 {
    u64::try_from(nanos / 1_000_000_000).unwrap_or(0)
}

/// Moments, each a slice after the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// The moments; slice `i` lies between moments `i` and `i + 1`.
    pub times: Vec<UnixNanos>,
    /// So many slices are of the calm period.
    calm: usize,
    /// The length of a slice.
    pub step: Duration,
}

impl Grid {
    /// How many slices there are.
    #[must_use]
    pub fn slices(&self) -> usize {
        self.times.len().saturating_sub(1)
    }

    /// The slices of the calm period.
    #[must_use]
    pub fn before(&self) -> Range<usize> {
        0..self.calm
    }

    /// The slices of the period in question.
    #[must_use]
    pub fn during(&self) -> Range<usize> {
        self.calm..self.slices()
    }

    /// From the first moment to the last.
    #[must_use]
    pub fn window(&self) -> Window {
        let ends = (self.times.first(), self.times.last());
        let (start, end) = (ends.0.copied().unwrap_or(UnixNanos(0)), ends.1.copied().unwrap_or(UnixNanos(0)));
        Window { start, end }
    }

    /// How long the period in question is, as PromQL writes it.
    #[must_use]
    pub fn during_text(&self) -> String {
        format!("{}s", self.step.as_secs() * self.during().len() as u64)
    }

    /// How long the calm period is, as PromQL writes it.
    #[must_use]
    pub fn before_text(&self) -> String {
        format!("{}s", self.step.as_secs() * self.calm as u64)
    }

    /// The moment between the two periods.
    #[must_use]
    pub fn onset(&self) -> UnixNanos {
        self.times.get(self.calm).copied().unwrap_or(UnixNanos(0))
    }

    /// The last moment.
    #[must_use]
    pub fn end(&self) -> UnixNanos {
        self.window().end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const END: UnixNanos = UnixNanos(1_772_356_025_000_000_000);

    #[test]
    fn the_usual_minute_has_four_slices_and_two_minutes_have_eight() {
        let grid = Periods::until(END, Duration::from_secs(120), Duration::from_secs(60)).grid();
        assert_eq!((grid.before(), grid.during()), (0..8, 8..12));
        assert_eq!((grid.step.as_secs(), grid.end()), (15, END));
        assert_eq!(grid.onset(), END.before(Duration::from_secs(60)));
        assert_eq!((grid.before_text(), grid.during_text()), ("120s".to_owned(), "60s".to_owned()));
    }

    proptest! {
        #[test]
        fn any_two_lengths_give_a_bounded_grid_that_ends_at_the_end(baseline in 1u64..200_000, since in 1u64..20_000) {
            let periods = Periods::until(END, Duration::from_secs(baseline), Duration::from_secs(since));
            let grid = periods.grid();
            prop_assert!(grid.before().len() >= 2 && !grid.during().is_empty());
            prop_assert!(grid.slices() <= 48 + 5 + 4, "{}", grid.slices());
            prop_assert_eq!(grid.end(), END);
            prop_assert!(grid.times.windows(2).all(|pair| pair[1].0 - pair[0].0 == grid.step.as_nanos() as i64));
        }
    }
}
