//! Times, durations and limits in parameters: float seconds, RFC 3339, Prometheus durations. And how they are printed.

use std::time::Duration;

use promql_parser::util::display_duration;

use super::answer::ApiError;
use crate::api::params::{Params, rfc3339_ns};

/// What Prometheus' own client sends for "from the beginning" and "to the end": times beyond what can be reckoned with.
const EARLIEST: &str = "-292273086-05-16T16:47:06Z";
const LATEST: &str = "292277025-08-18T07:12:54.999999999Z";

/// A time parameter in milliseconds, or the default.
pub(super) fn time(params: &Params, name: &str, default: impl FnOnce() -> i64) -> Result<i64, ApiError> {
    let Some(text) = params.get(name) else { return Ok(default()) };
    let bad = || format!("invalid time value for '{name}': cannot parse {text:?} to a valid timestamp");
    parse_time(text).ok_or_else(|| ApiError::parameter(name, bad()))
}

/// One end of a range that may be open: the parameter in milliseconds, or the default.
pub(super) fn bound(params: &Params, name: &str, default: i64) -> Result<i64, ApiError> {
    match params.get(name) {
        Some(EARLIEST) => Ok(i64::MIN),
        Some(LATEST) => Ok(i64::MAX),
        _ => time(params, name, || default),
    }
}

/// A time parameter in milliseconds that must be there.
pub(super) fn required_time(params: &Params, name: &str) -> Result<i64, ApiError> {
    let text = params.get(name).unwrap_or_default();
    let bad = || format!("cannot parse {text:?} to a valid timestamp");
    parse_time(text).ok_or_else(|| ApiError::parameter(name, bad()))
}

/// A duration parameter.
pub(super) fn duration(params: &Params, name: &str) -> Result<Option<Duration>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let bad = || ApiError::parameter(name, format!("cannot parse {text:?} to a valid duration"));
    parse_seconds(text).map(Some).ok_or_else(bad)?.map_or(Ok(None), |s| {
        // A negative duration is caught by its user, which knows what to say about it.
        Ok(Some(Duration::try_from_secs_f64(s.max(0.0)).map_err(|_| bad())?))
    })
}

/// Most rows of an answer, as asked for; zero is no bound.
pub(super) fn limit(params: &Params) -> Result<usize, ApiError> {
    let Some(text) = params.get("limit") else { return Ok(0) };
    match text.parse::<i64>() {
        Ok(limit) if limit >= 0 => Ok(usize::try_from(limit).unwrap_or(0)),
        Ok(_) => Err(ApiError::parameter("limit", "limit must be non-negative")),
        Err(_) => {
            Err(ApiError::parameter("limit", format!("strconv.Atoi: parsing {text:?}: invalid syntax")))
        }
    }
}

/// A duration as Prometheus writes it: `1m30s`.
pub(super) fn duration_text(duration: Duration) -> String {
    display_duration(&duration)
}

/// A time in RFC 3339.
pub(super) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default()
}

fn parse_time(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => {
            // The fraction is rounded by itself: it has more digits to be rounded by.
            let ms = seconds.trunc() * 1000.0 + (seconds.fract() * 1000.0).round();
            (ms.is_finite() && ms.abs() < 9e15).then_some(ms as i64)
        }
        Err(_) => rfc3339_ns(text).map(|ns| ns.div_euclid(1_000_000)),
    }
}

fn parse_seconds(text: &str) -> Option<f64> {
    match text.parse::<f64>() {
        Ok(seconds) => seconds.is_finite().then_some(seconds),
        Err(_) => crate::duration::read(text).ok().map(|ns| ns as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_as_seconds_or_rfc_3339() {
        assert_eq!(parse_time("1435781430.781"), Some(1_435_781_430_781));
        assert_eq!(parse_time("2015-07-01T20:10:30.781Z"), Some(1_435_781_430_781));
        assert_eq!(parse_time("1700000000.0005"), Some(1_700_000_000_000));
        assert_eq!(parse_time("-5.25"), Some(-5250));
        assert_eq!(parse_time("soon"), None);
        assert_eq!(parse_seconds("1m30s"), Some(90.0));
        assert_eq!(parse_seconds("15"), Some(15.0));
    }
}
