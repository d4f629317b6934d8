//! Durations as Prometheus' programs write them in their files: `1h30m`, `10s`, `500ms`.

use std::time::Duration;

use yaml::{Problem, Reader};

/// A duration, which may be zero.
pub(super) fn duration(reader: &Reader<'_>) -> Result<Duration, Problem> {
    parse(&reader.text()?).ok_or_else(|| reader.problem("expected a duration such as 30s, 5m or 1h30m"))
}

/// A duration above zero.
pub(super) fn positive(reader: &Reader<'_>) -> Result<Duration, Problem> {
    let read = duration(reader)?;
    if read.is_zero() { Err(reader.problem("must not be zero")) } else { Ok(read) }
}

fn parse(text: &str) -> Option<Duration> {
    crate::duration::read(text).ok().and_then(|ns| u64::try_from(ns).ok()).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        for (text, ms) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("1d500ms", Some(86_400_500)),
            ("1y", Some(31_536_000_000)),
            ("", None),
            ("10", None),
            ("1.5s", None),
            ("-5s", None),
            ("1s1h", None),
            ("1m1m", None),
            ("5 s", None),
            ("999999999999y", None),
            ("300y", None),
        ] {
            assert_eq!(parse(text), ms.map(Duration::from_millis), "{text:?}");
        }
    }
}
