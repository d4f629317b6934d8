//! Times as Alertmanager's API writes and reads them.

use jiff::Timestamp;

use super::answer::ApiError;

/// In UTC, with milliseconds.
pub(super) fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// A time in a body that is called so; none, where it is left out or is the one that Go takes for none.
pub(super) fn read(body: &str, given: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = given.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time: Timestamp = text.parse().map_err(|_| {
        ApiError::unreadable(body, format!("{text:?} is no time such as 2026-01-02T03:04:05Z"))
    })?;
    Ok(Some(time).filter(|time| *time > NO_TIME))
}

/// The first moment of the year 1.
const NO_TIME: Timestamp = Timestamp::constant(-62_135_596_800, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_and_read_with_any_offset() {
        let time = read("t", Some("2026-01-02T03:04:05.678901234+02:00")).ok().flatten().expect("a time");
        assert_eq!(text(time), "2026-01-02T01:04:05.678Z");
        assert_eq!(
            text(read("t", Some("2026-01-02T03:04:05Z")).ok().flatten().expect("a time")),
            "2026-01-02T03:04:05.000Z"
        );
        for none in [None, Some(""), Some("0001-01-01T00:00:00.000Z")] {
            assert!(matches!(read("t", none), Ok(None)), "{none:?}");
        }
        assert!(read("t", Some("tomorrow")).is_err());
    }
}
