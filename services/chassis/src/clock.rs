//! Wall-clock time as the databases store it (milliseconds since 1970) and as answers show it (RFC 3339).

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 UTC; 0 on a clock set before that.
#[must_use]
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// `2026-01-02T03:04:05.678Z`, always with three decimals; an empty text for a time out of range.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn milliseconds_show_as_rfc3339_in_utc() {
        assert_eq!(super::rfc3339(1_767_323_045_678), "2026-01-02T03:04:05.678Z");
        assert_eq!(super::rfc3339(1_767_323_045_670), "2026-01-02T03:04:05.670Z");
        assert_eq!(super::rfc3339(1_767_323_045_000), "2026-01-02T03:04:05.000Z");
    }
}
