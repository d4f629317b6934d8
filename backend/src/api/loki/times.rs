//! Loki's ways to write a time: nanoseconds, seconds (with a point, or ten digits), RFC 3339.

use std::ops::Range;

use super::LokiError;
use crate::api::params::{Params, rfc3339_ns};

const HOUR_NS: i64 = 3_600_000_000_000;

/// `start` and `end` (or `since`) as a half-open range; the default is the hour before `now_ns`.
pub(super) fn range(params: &Params, now_ns: i64, default_ns: i64) -> Result<Range<i64>, LokiError> {
    let end = params.get("end").map_or(Ok(now_ns), |t| time("end", t))?;
    let since = match params.get("since") {
        Some(text) => {
            let wrong = |why| LokiError::bad(format!("could not parse 'since' parameter: {why}"));
            crate::duration::read(text).map_err(wrong)?
        }
        None => default_ns,
    };
    // Without an explicit start, the range ends now or at `end`, whichever is earlier.
    let start =
        params.get("start").map_or(Ok(end.min(now_ns).saturating_sub(since)), |t| time("start", t))?;
    if end < start {
        return Err(LokiError::bad("end timestamp must not be before or equal to start time"));
    }
    Ok(start..end)
}

pub(super) const DEFAULT_LOGS_NS: i64 = HOUR_NS;
pub(super) const DEFAULT_SERIES_NS: i64 = 6 * HOUR_NS;

fn time(name: &str, text: &str) -> Result<i64, LokiError> {
    parse(text).ok_or_else(|| {
        LokiError::bad(format!(
            "could not parse '{name}' parameter: strconv.ParseInt: parsing {text:?}: invalid syntax"
        ))
    })
}

/// `time` of an instant query; now by default.
pub(super) fn instant(params: &Params, now_ns: i64) -> Result<i64, LokiError> {
    params.get("time").map_or(Ok(now_ns), |t| time("time", t))
}

/// A duration in nanoseconds: seconds as a number, or a Prometheus duration.
pub(super) fn duration(text: &str) -> Result<i64, LokiError> {
    let bad = || LokiError::bad(format!("cannot parse {text:?} to a valid duration"));
    let ns = match text.parse::<f64>() {
        Ok(seconds) => seconds * 1e9,
        Err(_) => {
            let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |t| (-1.0, t));
            sign * crate::duration::read(text).map_err(|_| bad())? as f64
        }
    };
    if ns.is_finite() && ns.abs() < 9.2e18 { Ok(ns.round() as i64) } else { Err(bad()) }
}

fn parse(text: &str) -> Option<i64> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        let ns = (seconds * 1e9).round();
        return (ns.abs() < 9.2e18).then_some(ns as i64);
    }
    match text.parse::<i64>() {
        Ok(seconds) if text.len() <= 10 => Some(seconds * 1_000_000_000),
        Ok(ns) => Some(ns),
        Err(_) => rfc3339_ns(text),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, parse};

    #[test]
    fn a_step_is_seconds_or_a_duration() {
        assert_eq!(duration("1.5").ok(), Some(1_500_000_000));
        assert_eq!(duration("1m").ok(), Some(60_000_000_000));
        assert_eq!(duration("-1s").ok(), Some(-1_000_000_000));
        assert!(duration("x").is_err());
    }

    #[test]
    fn all_ways_to_write_a_time_mean_the_same() {
        for text in ["1700000000000000000", "1700000000", "1700000000.0", "2023-11-14T22:13:20Z"] {
            assert_eq!(parse(text), Some(1_700_000_000_000_000_000), "{text}");
        }
        assert_eq!(parse("soon"), None);
    }
}
