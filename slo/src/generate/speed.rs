//! Time compression: an incident of an hour in a minute, with the same rules.

use std::fmt;

/// The shortest window at speed 1, in seconds.
const SHORTEST: u32 = 300;
/// A window holds at least so many scrapes of one second: a rate over fewer is noise.
const SAMPLES: u32 = 5;

/// The window of the rates that long windows are added up from, at speed 1, in seconds.
pub(crate) const BASE: u32 = 120;

/// How many times faster than real time incidents run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed(u32);

/// A speed at which the shortest window is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "speed {0} is not possible: from 1 to {most}; the shortest window, 5m, must hold {SAMPLES} scrapes of one second",
    most = SHORTEST / SAMPLES
)]
pub struct TooFast(u32);

impl Speed {
    /// Real time.
    pub const REAL: Self = Self(1);

    /// From 1 to 60.
    pub fn new(times: u32) -> Result<Self, TooFast> {
        if (1..=SHORTEST / SAMPLES).contains(&times) { Ok(Self(times)) } else { Err(TooFast(times)) }
    }

    /// How many times faster than real time.
    pub fn times(self) -> u32 {
        self.0
    }

    /// A window of so many seconds of speed 1, as Prometheus writes it.
    pub(super) fn window(self, seconds: u32) -> String {
        written(u64::from(seconds) * 1000 / u64::from(self.0))
    }

    /// The same at this speed: never less than five scrapes.
    pub(super) fn base(self) -> String {
        written((u64::from(BASE) * 1000 / u64::from(self.0)).max(u64::from(SAMPLES) * 1000))
    }

    /// How often rules are evaluated.
    pub(super) fn interval(self) -> String {
        written(self.interval_ms())
    }

    /// The same as a number of seconds for an expression.
    pub(super) fn interval_seconds(self) -> f64 {
        self.interval_ms() as f64 / 1000.0
    }

    fn interval_ms(self) -> u64 {
        u64::from(super::INTERVAL) * 1000 / u64::from(self.0)
    }

    /// So many seconds of speed 1 as a number for an expression.
    pub(super) fn seconds(self, seconds: u32) -> f64 {
        (f64::from(seconds) / f64::from(self.0) * 1000.0).round() / 1000.0
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds in the largest unit that divides them.
fn written(ms: u64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    match units.into_iter().find(|(_, unit)| ms.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_divided_and_written_in_their_largest_unit() {
        let speed = |times| Speed::new(times).expect("possible");
        assert_eq!(Speed::REAL.window(3 * 86_400), "3d");
        assert_eq!((speed(60).window(3 * 86_400), speed(60).window(300)), ("72m".into(), "5s".into()));
        assert_eq!((speed(12).window(3600), speed(7).window(300)), ("5m".into(), "42857ms".into()));
        assert_eq!(
            (Speed::REAL.base(), speed(12).base(), speed(60).base()),
            ("2m".into(), "10s".into(), "5s".into())
        );
        assert_eq!((speed(60).interval(), speed(12).interval()), ("1s".into(), "5s".into()));
    }

    #[test]
    fn too_fast_says_how_fast_is_possible() {
        assert_eq!(Speed::new(0), Err(TooFast(0)));
        let error = Speed::new(61).expect_err("too fast").to_string();
        assert!(error.contains("from 1 to 60"), "{error}");
    }
}
