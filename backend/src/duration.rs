//! Durations as Prometheus' programs write them: whole numbers with units from years down to milliseconds, in this order
//! (`1h30m`). The one reader of them: PromQL, LogQL, rules, Alertmanager's configuration and the APIs have this form.

use crate::logql::quote;

/// Nanoseconds of each unit.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];
const MOST: u64 = i64::MAX as u64;

/// Reads a duration, in nanoseconds.
///
/// # Errors
/// Why it is none, in Prometheus' words.
pub(crate) fn read(text: &str) -> Result<i64, String> {
    match text {
        "0" => return Ok(0),
        "" => return Err("empty duration string".to_owned()),
        _ => {}
    }
    let refused = || format!("not a valid duration string: {}", quote(text));
    let out_of_range = || "duration out of range".to_owned();
    let (mut rest, mut units, mut total) = (text, UNITS.as_slice(), 0_u64);
    while !rest.is_empty() {
        let (count, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let count: u64 = count.parse().map_err(|_| refused())?;
        if !unit.is_empty() && UNITS.iter().all(|(name, _)| *name != unit) {
            return Err(format!("unknown unit {} in duration {}", quote(unit), quote(text)));
        }
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(refused)?;
        let sum = count.checked_mul(units[at].1).and_then(|length| length.checked_add(total));
        total = sum.filter(|sum| *sum <= MOST).ok_or_else(out_of_range)?;
        (rest, units) = (after, &units[at + 1..]);
    }
    Ok(total as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_units_in_order_are_a_duration() {
        for (text, ns) in [
            ("1m30s", 90_000_000_000),
            ("2d5ms", 172_800_005_000_000),
            ("1y1w1d1h1m1s1ms", 32_230_861_001_000_000),
            ("0", 0),
            ("0s", 0),
            ("010s", 10_000_000_000),
            ("292y", 9_208_512_000_000_000_000),
        ] {
            assert_eq!(read(text), Ok(ns), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told_in_prometheus_words() {
        for (text, told) in [
            ("", "empty duration string"),
            ("5", "not a valid duration string: \"5\""),
            ("x", "not a valid duration string: \"x\""),
            ("-1m", "not a valid duration string: \"-1m\""),
            ("1.5m", "unknown unit \".\" in duration \"1.5m\""),
            ("1m ", "unknown unit \"m \" in duration \"1m \""),
            ("1s1m", "not a valid duration string: \"1s1m\""),
            ("1m1m", "not a valid duration string: \"1m1m\""),
            ("1m5", "not a valid duration string: \"1m5\""),
            ("300y", "duration out of range"),
            ("99999999999y", "duration out of range"),
            ("99999999999999999999y", "not a valid duration string: \"99999999999999999999y\""),
        ] {
            assert_eq!(read(text), Err(told.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}", near in "[0-9.smhdwy+-]{0,24}") {
            let _ = (read(&text), read(&near));
        }
    }
}
