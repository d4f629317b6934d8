//! Samples of one series, one for each evaluation: ramps, levels and gaps, so that six days are a few lines.

/// A stretch of samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Stretch {
    /// `count` samples, from `first` on, each `by` more than the one before.
    Ramp {
        /// The first value.
        first: f64,
        /// What is added each time.
        by: f64,
        /// How many samples, at least one.
        count: u32,
    },
    /// So many moments without a sample; the first says that the series has ended.
    Gap(u32),
}

/// A series and its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// `name{label="value",…}`.
    pub name: String,
    /// From the first moment on.
    pub stretches: Vec<Stretch>,
}

/// A counter that is being written.
#[derive(Debug)]
pub(super) struct Counter {
    value: f64,
    stretches: Vec<Stretch>,
}

impl Counter {
    /// With its first sample, zero.
    pub(super) fn new() -> Self {
        Self { value: 0.0, stretches: vec![Stretch::Ramp { first: 0.0, by: 0.0, count: 1 }] }
    }

    /// With another first sample.
    pub(super) fn level(first: f64) -> Self {
        Self { value: first, stretches: vec![Stretch::Ramp { first, by: 0.0, count: 1 }] }
    }

    /// Not there at first.
    pub(super) fn unborn() -> Self {
        Self { value: 0.0, stretches: vec![Stretch::Gap(1)] }
    }

    /// Grows by so much at each of `count` moments.
    pub(super) fn grow(&mut self, by: f64, count: u32) {
        if count == 0 {
            return;
        }
        let first = self.value + by;
        self.value += by * f64::from(count);
        if by.fract() != 0.0 {
            // Whoever adds up step by step ends a hair elsewhere, and a counter that falls by a hair has started anew.
            self.value = (self.value * 1e6).ceil() / 1e6 + 1e-6;
        }
        match self.stretches.last_mut() {
            Some(Stretch::Ramp { first: from, by: slope, count: n })
                if *slope == by && by.fract() == 0.0 || *n == 1 && *from + by == first =>
            {
                *slope = by;
                *n += count;
            }
            _ => self.stretches.push(Stretch::Ramp { first, by, count }),
        }
    }

    /// Is not there for so many moments.
    pub(super) fn gap(&mut self, count: u32) {
        match self.stretches.last_mut() {
            Some(Stretch::Gap(n)) => *n += count,
            _ => self.stretches.push(Stretch::Gap(count)),
        }
    }

    /// Begins anew.
    pub(super) fn restart(&mut self) {
        self.value = 0.0;
    }

    pub(super) fn end(self, name: String) -> Series {
        Series { name, stretches: self.stretches }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_steps_are_one_ramp() {
        let mut counter = Counter::new();
        counter.grow(2.0, 3);
        counter.grow(2.0, 2);
        counter.gap(2);
        counter.grow(1.0, 1);
        let expected = [
            Stretch::Ramp { first: 0.0, by: 2.0, count: 6 },
            Stretch::Gap(2),
            Stretch::Ramp { first: 11.0, by: 1.0, count: 1 },
        ];
        assert_eq!(counter.end("x".into()).stretches, expected);
    }
}
