//! Durations as Prometheus' programs write them in their files: `1h30m`, `10s`, `500ms`.

use std::time::Duration;

use yaml::{Problem, Reader};

/// Milliseconds of each unit, in the order in which they may follow each other.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

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
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut units, mut sum) = (text, UNITS.as_slice(), 0_u64);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let at = units.iter().position(|(name, _)| *name == unit)?;
        sum = number.parse::<u64>().ok()?.checked_mul(units[at].1)?.checked_add(sum)?;
        (rest, units) = (after, &units[at + 1..]);
    }
    // Alertmanager counts nanoseconds in 63 bits; what has no room there is refused there, too.
    (!text.is_empty() && sum <= i64::MAX as u64 / 1_000_000).then(|| Duration::from_millis(sum))
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
