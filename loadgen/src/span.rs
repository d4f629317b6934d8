//! Spans of time as people write them: `500ms`, `20s`, `1m30s`, `24h`. Parsing only; no clock.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration: write a number with a unit (ms, s, m, h), such as 500ms, 20s or 1m30s")]
pub struct DurationError(String);

/// Longest duration accepted. A year is beyond any run and far from the overflow of nanoseconds in 64 bits.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Reads a duration such as `20s` or `1m30s`.
///
/// # Errors
/// When the text has no unit, an unknown unit, is empty, or is longer than a year.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let value: f64 = number.parse().map_err(|_| wrong())?;
        let part = Duration::try_from_secs_f64(value * seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).filter(|t| *t <= LONGEST).ok_or_else(wrong)?;
        rest = next;
    }
    Ok(total)
}

/// Writes a duration the way [`parse_duration`] reads it, to the millisecond.
#[must_use]
pub fn format_duration(value: Duration) -> String {
    let ms = value.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ if ms > 1_000 => format!("{}s", ms as f64 / 1_000.0),
        _ => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, ms) in
            [("500ms", 500), ("20s", 20_000), ("1m30s", 90_000), ("0.5h", 1_800_000), ("2min", 120_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_meaning() {
        for text in ["", "20", "s", "1x", "1.2.3s", "-1s", "9999999h", "ms20"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for ms in [0, 1, 999, 1_000, 1_500, 60_000, 90_000, 3_600_000] {
            let value = Duration::from_millis(ms);
            assert_eq!(parse_duration(&format_duration(value)), Ok(value));
        }
    }
}
