//! Points and spans of time as the APIs use them, and how they are written for people (always UTC).
//!
//! No time zones: telemetry of several machines is only comparable in one.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Nanoseconds since 1970-01-01 00:00 UTC: the finest unit any of the three APIs uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// This machine's clock.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    /// From microseconds, as Jaeger gives them.
    #[must_use]
    pub fn from_micros(micros: u64) -> Self {
        Self(i64::try_from(micros).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    /// From seconds with a fraction, as Prometheus gives them.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Self {
        // Whole milliseconds, which is all that Prometheus keeps; `as` saturates.
        Self(((seconds * 1_000.0).round() as i64).saturating_mul(1_000_000))
    }

    /// Whole microseconds, as Jaeger wants them; zero for times before 1970.
    #[must_use]
    pub fn micros(self) -> u64 {
        u64::try_from(self.0 / 1_000).unwrap_or(0)
    }

    /// Seconds with three decimals, as Prometheus wants them; zero for times before 1970.
    #[must_use]
    pub fn seconds_text(self) -> String {
        let millis = self.0.max(0) / 1_000_000;
        format!("{}.{:03}", millis / 1_000, millis % 1_000)
    }

    /// This much earlier.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This much later.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The time of the day, `09:07:05.123`.
    #[must_use]
    pub fn clock(self) -> String {
        let millis = self.0.div_euclid(1_000_000).rem_euclid(86_400_000);
        let (h, m, s) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
        format!("{h:02}:{m:02}:{s:02}.{:03}", millis % 1_000)
    }
}

/// Date and time with milliseconds: `2026-03-01T09:07:05.123Z`.
impl fmt::Display for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.div_euclid(1_000_000)) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ns", self.0),
        }
    }
}

/// From when to when a question looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment that counts.
    pub start: UnixNanos,
    /// The last moment that counts.
    pub end: UnixNanos,
}

impl Window {
    /// From this long ago until now.
    #[must_use]
    pub fn last(length: Duration) -> Self {
        let end = UnixNanos::now();
        Self { start: end.before(length), end }
    }
}

/// A duration for people, three digits at least where there are any: `850 µs`, `12.3 ms`, `1.23 s`, `2 min 03 s`.
#[must_use]
pub fn duration_text(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{:.2} ms", micros as f64 / 1e3),
        10_000..100_000 => format!("{:.1} ms", micros as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0} ms", (micros as f64 / 1e3).floor()),
        1_000_000..60_000_000 => format!("{:.2} s", micros as f64 / 1e6),
        _ => format!("{} min {:02} s", micros / 60_000_000, micros / 1_000_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let t = UnixNanos(1_772_356_025_123_456_789);
        assert_eq!(t.to_string(), "2026-03-01T09:07:05.123Z");
        assert_eq!(t.clock(), "09:07:05.123");
        assert_eq!(t.seconds_text(), "1772356025.123");
        assert_eq!(t.micros(), 1_772_356_025_123_456);
        assert_eq!(UnixNanos::from_secs_f64(1_772_356_025.123).0, 1_772_356_025_123_000_000);
    }

    #[test]
    fn extreme_times_neither_overflow_nor_panic() {
        assert_eq!(UnixNanos::from_micros(u64::MAX).0, i64::MAX);
        assert_eq!(UnixNanos(i64::MIN).before(Duration::MAX).0, i64::MIN);
        assert_eq!(UnixNanos(-1).micros(), 0);
        assert!(!UnixNanos(i64::MIN).to_string().is_empty());
        assert_eq!(UnixNanos(-1_000_000).seconds_text(), "0.000");
    }

    #[test]
    fn durations_keep_three_digits() {
        let texts = [0, 850, 1_000, 12_340, 123_456, 999_999, 1_230_000, 123_000_000].map(duration_text);
        let wanted = ["0 µs", "850 µs", "1.00 ms", "12.3 ms", "123 ms", "999 ms", "1.23 s", "2 min 03 s"];
        assert_eq!(texts, wanted);
    }
}
