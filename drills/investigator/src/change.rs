//! When a difference between two periods is one: large enough to matter, larger than chance makes it, larger than the calm
//! period's own slices differ, and not the matter of one short moment.

use crate::{histogram::Histogram, metrics::Growth, metrics::total, periods::Grid};

/// So many standard errors a share must have moved.
const SURE: f64 = 3.5;
/// So many bad ones there must be, whatever their share.
const ENOUGH: f64 = 5.0;
/// A calm slice with fewer than this says nothing about how much shares vary.
const TELLING: f64 = 10.0;
/// Durations below this trouble nobody, in seconds.
const FELT: f64 = 0.1;

/// A share before and now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rise {
    /// Before.
    pub from: f64,
    /// Now.
    pub to: f64,
    /// How many bad ones there are now.
    pub bad: f64,
}

impl Rise {
    /// From 0 to 1: how much of what could be bad is.
    #[must_use]
    pub fn strength(&self) -> f64 {
        ((self.to - self.from) / (1.0 - self.from).max(0.01)).clamp(0.0, 1.0).sqrt()
    }
}

/// Whether the share of the bad among all has risen.
#[must_use]
pub fn share_rose(grid: &Grid, bad: &Growth, all: &Growth, least: f64) -> Option<Rise> {
    let (bad_before, all_before) = (total(bad, grid.before()), total(all, grid.before()));
    let (bad_now, all_now) = (total(bad, grid.during()), total(all, grid.during()));
    if bad_now < ENOUGH || all_now <= 0.0 {
        return None;
    }
    let (from, to) = (bad_before / all_before.max(1.0), bad_now / all_now);
    // As if half a bad one had been seen before: "never" cannot be known from few.
    let expected = (bad_before + 0.5) / (all_before + 1.0);
    let error =
        (to.max(expected) * (1.0 - to.min(0.999)) * (1.0 / all_now + 1.0 / (all_before + 1.0))).sqrt();
    let slice = |index: usize| -> Option<f64> {
        let all = all.get(index).copied().flatten()?;
        (all >= TELLING).then(|| bad.get(index).copied().flatten().unwrap_or(0.0) / all)
    };
    let worst = grid.before().filter_map(slice).fold(0.0, f64::max);
    let now: Vec<f64> = grid.during().filter_map(slice).collect();
    // In one slice of several it may be a moment's trouble of the machine.
    let lasting = now.iter().filter(|share| **share > worst && **share > 2.0 * from).count() * 2 >= now.len();
    let risen = to - from >= least && to >= 3.0 * from && to > 1.2 * worst;
    (risen && lasting && (to - from) >= SURE * error.min(0.2)).then_some(Rise { from, to, bad: bad_now })
}

/// Durations that became longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slower {
    /// The 95th percentile before, in seconds.
    pub before: f64,
    /// The 95th percentile now.
    pub now: f64,
    /// Longer than this took few before and many now, in seconds.
    pub bound: f64,
    /// How many are longer, before and now.
    pub rise: Rise,
}

/// Whether more of the durations are clearly longer than the calm period's longest usual ones. `felt`: shorter ones than this
/// trouble nobody.
#[must_use]
pub fn slower(grid: &Grid, durations: &Histogram, felt: Option<f64>, least: f64) -> Option<Slower> {
    if durations.count(grid.before()) < TELLING {
        return None;
    }
    let before = durations.quantile(0.95, grid.before())?;
    let bound = durations.bound_from((2.0 * before).max(felt.unwrap_or(FELT)))?;
    let slices = 0..grid.slices();
    let above: Growth = slices.clone().map(|slice| Some(durations.above(bound, slice..slice + 1))).collect();
    let all: Growth = slices.map(|slice| Some(durations.count(slice..slice + 1))).collect();
    let rise = share_rose(grid, &above, &all, least)?;
    let now = durations.quantile(0.95, grid.during())?;
    Some(Slower { before, now, bound: durations.bound(bound), rise })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periods::Periods;
    use query::UnixNanos;
    use std::time::Duration;

    /// Eight calm slices and four in question.
    fn grid() -> Grid {
        Periods::until(
            UnixNanos(1_772_356_025_000_000_000),
            Duration::from_secs(120),
            Duration::from_secs(60),
        )
        .grid()
    }

    fn growth(before: [f64; 8], during: [f64; 4]) -> Growth {
        before.into_iter().chain(during).map(Some).collect()
    }

    const ALL: ([f64; 8], [f64; 4]) = ([100.0; 8], [100.0; 4]);

    #[test]
    fn a_lasting_rise_is_one() {
        let bad = growth([0.0; 8], [10.0, 12.0, 9.0, 11.0]);
        let rise = share_rose(&grid(), &bad, &growth(ALL.0, ALL.1), 0.01).unwrap();
        assert_eq!((rise.from, rise.to, rise.bad), (0.0, 0.105, 42.0));
    }

    #[test]
    fn a_moments_trouble_is_none_and_neither_is_what_was_there_before() {
        let all = growth(ALL.0, ALL.1);
        assert_eq!(
            share_rose(&grid(), &growth([0.0; 8], [0.0, 60.0, 0.0, 0.0]), &all, 0.01),
            None,
            "one slice"
        );
        assert_eq!(share_rose(&grid(), &growth([8.0; 8], [10.0; 4]), &all, 0.01), None, "as before");
        assert_eq!(share_rose(&grid(), &growth([0.0; 8], [1.0; 4]), &all, 0.01), None, "four in all");
        let uneasy = growth([0.0, 0.0, 30.0, 0.0, 0.0, 0.0, 0.0, 0.0], [20.0; 4]);
        assert_eq!(share_rose(&grid(), &uneasy, &all, 0.01), None, "the calm period had worse moments");
    }

    #[test]
    fn few_requests_make_no_change() {
        let bad = growth([0.0; 8], [1.0, 0.0, 1.0, 1.0]);
        assert_eq!(share_rose(&grid(), &bad, &growth([2.0; 8], [2.0; 4]), 0.01), None);
    }
}
