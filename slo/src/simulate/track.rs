//! One series, moment by moment, and what it has grown by in any window: a subtraction.

use crate::{engine::Stretch, generate::INTERVAL};

/// The samples of a series.
pub(super) struct Track {
    /// When there is a sample, in evaluations.
    moments: Vec<u32>,
    /// What it says.
    values: Vec<f64>,
    /// How much has come on top of the first one, over restarts.
    grown: Vec<f64>,
    /// How many samples there are before each moment.
    before: Vec<u32>,
}

impl Track {
    pub(super) fn of(stretches: &[Stretch]) -> Self {
        let mut track = Self { moments: vec![], values: vec![], grown: vec![], before: vec![0] };
        for stretch in stretches {
            match stretch {
                Stretch::Ramp { first, by, count } => {
                    (0..*count).for_each(|n| track.push(Some(first + by * f64::from(n))));
                }
                Stretch::Gap(count) => (0..*count).for_each(|_| track.push(None)),
            }
        }
        track
    }

    fn push(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            let by = match self.values.last() {
                // Begun anew, so all that it says is new.
                Some(last) if value < *last => value,
                Some(last) => value - last,
                None => 0.0,
            };
            self.grown.push(self.grown.last().unwrap_or(&0.0) + by);
            self.moments.push(self.before.len() as u32 - 1);
            self.values.push(value);
        }
        self.before.push(self.values.len() as u32);
    }

    /// The samples after `from` and up to `to`.
    fn within(&self, from: Option<u32>, to: u32) -> (usize, usize) {
        let last = self.before.len() - 1;
        let until = |moment: u32| self.before[(moment as usize + 1).min(last)] as usize;
        (from.map_or(0, until), until(to))
    }

    /// The sample of a moment.
    pub(super) fn at(&self, moment: u32) -> Option<f64> {
        let (from, to) = self.within(moment.checked_sub(1), moment);
        (to > from).then(|| self.values[from])
    }

    /// What has come after one moment and up to another, as far as there are samples.
    pub(super) fn came(&self, from: Option<u32>, to: u32) -> f64 {
        let (begin, end) = self.within(from, to);
        let until = |count: usize| count.checked_sub(1).map_or(0.0, |index| self.grown[index]);
        until(end) - until(begin)
    }

    /// `increase` over so many seconds before a moment, as Prometheus has it: from the first sample in the window to the
    /// last, extended to the window's bounds where they are near, and never below zero.
    pub(super) fn increase(&self, moment: u32, window: u32) -> Option<f64> {
        let (begin, end) = self.within(moment.checked_sub(window / INTERVAL), moment);
        let gaps = end.checked_sub(begin + 1).filter(|gaps| *gaps > 0)?;
        let by = self.grown[end - 1] - self.grown[begin];
        let seconds = |moment: u32| f64::from(moment) * f64::from(INTERVAL);
        let (first, last) = (seconds(self.moments[begin]), seconds(self.moments[end - 1]));
        let sampled = last - first;
        let mean = sampled / gaps as f64;
        let near = |distance: f64| if distance >= mean * 1.1 { mean / 2.0 } else { distance };
        let mut to_start = near(first - (seconds(moment) - f64::from(window)));
        if by > 0.0 && self.values[begin] >= 0.0 {
            to_start = to_start.min(sampled * (self.values[begin] / by));
        }
        Some(by * (sampled + to_start + near(seconds(moment) - last)) / sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_increase_is_extended_to_the_window_but_not_below_zero() {
        let track = Track::of(&[Stretch::Ramp { first: 100.0, by: 10.0, count: 20 }]);
        let close = |got: Option<f64>, want: f64| {
            assert!(got.is_some_and(|got| (got - want).abs() < 1e-9), "{got:?}");
        };
        close(track.increase(10, 300), 50.0);
        assert_eq!(track.increase(0, 300), None, "one sample says nothing");
        // Two samples a minute apart in five minutes: half a minute on the left side.
        close(track.increase(1, 300), 15.0);
        // It began at zero within the window: what was before it is nothing.
        let young = Track::of(&[Stretch::Ramp { first: 0.0, by: 10.0, count: 20 }]);
        close(young.increase(4, 300), 40.0);
        close(young.increase(5, 300), 50.0);
    }

    #[test]
    fn a_restart_and_a_gap_lose_nothing_that_was_seen() {
        let track = Track::of(&[
            Stretch::Ramp { first: 0.0, by: 10.0, count: 4 },
            Stretch::Gap(2),
            Stretch::Ramp { first: 5.0, by: 10.0, count: 4 },
        ]);
        assert_eq!((track.at(3), track.at(4), track.at(6)), (Some(30.0), None, Some(5.0)));
        assert_eq!(track.came(None, 9), 65.0);
        assert_eq!(track.came(Some(3), 6), 5.0);
    }
}
