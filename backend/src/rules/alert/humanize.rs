//! Numbers as people read them, in the words of Prometheus' template functions.

use crate::number::general;
use crate::template::Moment;

/// Four significant digits.
fn short(v: f64) -> String {
    general(v, Some(4))
}

const ABOVE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const BELOW: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

/// Divides by `base` until the number is below it: the number left, and the last prefix.
fn divided(mut v: f64, base: f64, prefixes: [&'static str; 8]) -> (f64, &'static str) {
    let mut prefix = "";
    for next in prefixes {
        if v.abs() < base {
            break;
        }
        prefix = next;
        v /= base;
    }
    (v, prefix)
}

/// Multiplies by a thousand until the number is at least one.
fn multiplied(mut v: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in BELOW {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = next;
        v *= 1000.0;
    }
    (v, prefix)
}

/// `humanize`.
pub(super) fn number(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return short(v);
    }
    let (v, prefix) = if v.abs() >= 1.0 { divided(v, 1000.0, ABOVE) } else { multiplied(v) };
    short(v) + prefix
}

/// `humanize1024`.
pub(super) fn bytes_1024(v: f64) -> String {
    if v.abs() <= 1.0 || !v.is_finite() {
        return short(v);
    }
    let (v, prefix) = divided(v, 1024.0, BINARY);
    short(v) + prefix
}

/// `humanizePercentage`.
pub(super) fn percentage(v: f64) -> String {
    short(v * 100.0) + "%"
}

/// `humanizeDuration`, of seconds.
pub(super) fn duration(v: f64) -> String {
    if !v.is_finite() {
        return short(v);
    }
    if v == 0.0 {
        return short(v) + "s";
    }
    if v.abs() < 1.0 {
        let (v, prefix) = multiplied(v);
        return format!("{}{prefix}s", short(v));
    }
    let sign = if v < 0.0 { "-" } else { "" };
    let v = v.abs();
    let whole = v as i64;
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", short(v)),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, ..) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    }
}

/// Seconds since the epoch as nanoseconds, to the millisecond.
///
/// # Errors
/// Such a time there is not.
pub(super) fn time(v: f64) -> Result<i64, String> {
    if !v.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let ns = v * 1e9;
    if ns > i64::MAX as f64 || ns < i64::MIN as f64 {
        let v = general(v, None);
        return Err(format!("{v} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    }
    // Through milliseconds, as Prometheus' own type of a time.
    Ok(ns as i64 / 1_000_000 * 1_000_000)
}

/// `humanizeTimestamp`.
///
/// # Errors
/// Such a time there is not.
pub(super) fn timestamp(v: f64) -> Result<String, String> {
    if !v.is_finite() {
        return Ok(short(v));
    }
    Ok(Moment::of_nanos(time(v)?).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_documents() {
        for (v, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1_234_567.0, "1.235M"),
            (0.12, "120m"),
            (-12_345.0, "-12.35k"),
            (999.96, "1000"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(number(v), text);
        }
        assert_eq!([0.5, 1024.0, 1_048_576.0 * 3.5].map(bytes_1024), ["0.5", "1ki", "3.5Mi"]);
        assert_eq!([-0.2, 0.1234567, 0.02].map(percentage), ["-20%", "12.35%", "2%"]);
    }

    #[test]
    fn durations_have_the_units_that_they_need() {
        for (v, text) in [
            (0.0, "0s"),
            (1.0, "1s"),
            (12.345_678, "12.35s"),
            (60.0, "1m 0s"),
            (-3600.0, "-1h 0m 0s"),
            (86_400.0 + 3723.9, "1d 1h 2m 3s"),
            (0.001, "1ms"),
            (0.000_012_5, "12.5us"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(duration(v), text);
        }
    }

    #[test]
    fn times_are_gos() {
        assert_eq!(timestamp(1_435_065_584.128).as_deref(), Ok("2015-06-23 13:19:44.128 +0000 UTC"));
        assert_eq!(timestamp(f64::NAN).as_deref(), Ok("NaN"));
        assert!(timestamp(1e300).is_err());
    }
}
