//! What the recording rules of an objective would say at a moment, window by window.

use super::track::Track;
use crate::{
    contract::{Contract, Selector},
    generate::{BASE, INTERVAL, is_counted},
    spec::{Indicator, Side, Slo},
};

/// All that is counted for one objective.
pub(super) struct Recorded {
    slo: Slo,
    counted: Counted,
    /// All events a second, as recorded at each moment.
    requests: Sums,
    /// The bad ones.
    errors: Sums,
    moments: u32,
}

enum Counted {
    Bad { bad: Vec<Track>, total: Vec<Track> },
    Good { good: Vec<Track>, total: Vec<Track> },
    Minutes,
}

impl Recorded {
    pub(super) fn of(contract: &Contract) -> Self {
        let series = contract.series();
        let of = |query: &str| -> Vec<Track> {
            let query = Selector::read(query);
            let chosen = series.iter().filter(|series| query.selects(&Selector::read(&series.name)));
            chosen.map(|series| Track::of(&series.stretches)).collect()
        };
        let moments = contract.length() / INTERVAL + 1;
        let mut recorded = Self {
            slo: contract.slo.clone(),
            counted: Counted::Minutes,
            requests: Sums::new(),
            errors: Sums::new(),
            moments,
        };
        match &contract.slo.indicator {
            Indicator::Bad { bad, total } => {
                recorded.counted = Counted::Bad { bad: of(bad), total: of(total) }
            }
            Indicator::Good { good, total } => {
                recorded.counted = Counted::Good { good: of(good), total: of(total) };
            }
            Indicator::Threshold { gauge, good, bound } => {
                recorded.judge(&of(gauge), *good, *bound);
                return recorded;
            }
        }
        for moment in 0..moments {
            let per_second = |events: Option<f64>| events.map(|events| events / f64::from(BASE));
            recorded.requests.push(per_second(recorded.counted_requests(moment, BASE)));
            recorded.errors.push(per_second(recorded.counted_errors(moment, BASE)));
        }
        recorded
    }

    /// A gauge is one event a minute, good or bad as a whole; of several series the worst counts.
    fn judge(&mut self, gauges: &[Track], good: Side, bound: f64) {
        for moment in 0..self.moments {
            let values = gauges.iter().filter_map(|gauge| gauge.at(moment));
            let bad = match good {
                Side::AtMost => values.reduce(f64::max).map(|worst| worst > bound),
                Side::AtLeast => values.reduce(f64::min).map(|worst| worst < bound),
            };
            let each = f64::from(INTERVAL);
            self.requests.push(bad.map(|_| 1.0 / each));
            self.errors.push(bad.map(|bad| f64::from(u8::from(bad)) / each));
        }
    }

    /// How many evaluations there are.
    pub(super) fn moments(&self) -> u32 {
        self.moments
    }

    /// All events in so many seconds before a moment.
    pub(super) fn requests(&self, moment: u32, window: u32) -> Option<f64> {
        match is_counted(&self.slo, window) {
            true => self.counted_requests(moment, window),
            false => self.requests.added(moment, window),
        }
    }

    /// The bad ones.
    pub(super) fn errors(&self, moment: u32, window: u32) -> Option<f64> {
        match is_counted(&self.slo, window) {
            true => self.counted_errors(moment, window),
            false => self.errors.added(moment, window),
        }
    }

    /// The mean of all events a second.
    pub(super) fn mean_rate(&self, moment: u32, window: u32) -> Option<f64> {
        let (sum, count) = self.requests.within(moment, window);
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Whether anything at all was counted in so many seconds before a moment.
    pub(super) fn is_counting(&self, moment: u32, window: u32) -> bool {
        match self.counted {
            Counted::Minutes => self.requests.within(moment, window).1 > 0,
            _ => self.counted_requests(moment, window).is_some_and(|events| events > 0.0),
        }
    }

    /// The share of the budget that is gone. What was before the first sample was traffic as usual, and all of it good.
    pub(super) fn spent(&self, contract: &Contract, moment: u32) -> f64 {
        let window = self.slo.days * 86_400 / INTERVAL;
        let from = moment.checked_sub(window);
        let came = |tracks: &[Track]| tracks.iter().map(|track| track.came(from, moment)).sum::<f64>();
        let (events, bad, usual) = match &self.counted {
            Counted::Bad { bad, total } => (came(total), came(bad), contract.traffic * f64::from(INTERVAL)),
            Counted::Good { good, total } => {
                let (total, good) = (came(total), came(good));
                (total, total - good, contract.traffic * f64::from(INTERVAL))
            }
            Counted::Minutes => {
                let seconds = f64::from(INTERVAL);
                let sum = |of: &Sums| of.within(moment, self.slo.days * 86_400).0 * seconds;
                (sum(&self.requests), sum(&self.errors), 1.0)
            }
        };
        let before = f64::from(window.saturating_sub(moment));
        bad / ((events + usual * before) * self.slo.budget())
    }

    fn counted_requests(&self, moment: u32, window: u32) -> Option<f64> {
        match &self.counted {
            Counted::Bad { total, .. } | Counted::Good { total, .. } => increase(total, moment, window),
            Counted::Minutes => None,
        }
    }

    fn counted_errors(&self, moment: u32, window: u32) -> Option<f64> {
        match &self.counted {
            Counted::Bad { bad, .. } => Some(increase(bad, moment, window).unwrap_or(0.0)),
            Counted::Good { good, total } => {
                let total = increase(total, moment, window)?;
                Some(total - increase(good, moment, window).unwrap_or(0.0))
            }
            Counted::Minutes => None,
        }
    }
}

fn increase(tracks: &[Track], moment: u32, window: u32) -> Option<f64> {
    tracks.iter().filter_map(|track| track.increase(moment, window)).reduce(|a, b| a + b)
}

/// A recorded series, added up from its first moment on.
struct Sums {
    /// The sum of all values before each moment, and how many there are.
    before: Vec<(f64, u32)>,
}

impl Sums {
    fn new() -> Self {
        Self { before: vec![(0.0, 0)] }
    }

    fn push(&mut self, value: Option<f64>) {
        let (sum, count) = self.before.last().copied().unwrap_or_default();
        self.before.push(value.map_or((sum, count), |value| (sum + value, count + 1)));
    }

    /// The sum of the values in so many seconds before a moment, and how many there are.
    fn within(&self, moment: u32, window: u32) -> (f64, u32) {
        let (to, from) = (moment + 1, (moment + 1).saturating_sub(window / INTERVAL));
        let ((sum, count), (sum_before, count_before)) =
            (self.before[to as usize], self.before[from as usize]);
        (sum - sum_before, count - count_before)
    }

    /// Each value standing for the time until the next.
    fn added(&self, moment: u32, window: u32) -> Option<f64> {
        let (sum, count) = self.within(moment, window);
        (count > 0).then(|| sum * f64::from(INTERVAL))
    }
}
