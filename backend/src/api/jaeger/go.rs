//! Numbers, durations and times as Go reads and writes them, with the same complaints: Jaeger passes those on. Pure.

use std::fmt::Write as _;

/// A decimal number of so many bits.
///
/// # Errors
/// In the words of Go's `strconv`.
pub(super) fn parse_int(text: &str, bits: u32) -> Result<i64, String> {
    let complaint = |what: &str| format!("strconv.ParseInt: parsing {text:?}: {what}");
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(complaint("invalid syntax"));
    }
    let limit = 1_i128 << (bits - 1);
    let number = text.parse::<i128>().ok().filter(|n| (-limit..limit).contains(n));
    number.and_then(|n| i64::try_from(n).ok()).ok_or_else(|| complaint("value out of range"))
}

/// 64 bits in hex.
///
/// # Errors
/// In the words of Go's `strconv`.
pub(super) fn parse_hex(text: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(format!("strconv.ParseUint: parsing {text:?}: invalid syntax"));
    }
    u64::from_str_radix(text, 16)
        .map_err(|_| format!("strconv.ParseUint: parsing {text:?}: value out of range"))
}

/// `true` and `false` in the spellings that Go takes.
///
/// # Errors
/// In the words of Go's `strconv`.
pub(super) fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// Nanoseconds of a duration such as `1.2s`, `-100ms`, `1h30m`.
///
/// # Errors
/// In the words of Go's `time`.
pub(super) fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (value, after) = rest.split_at(number);
        let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        let length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(length);
        let scale: i128 = match unit {
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let part: f64 = format!("0.{fraction}").parse().unwrap_or(0.0);
        total = whole.checked_mul(scale).and_then(|w| total.checked_add(w)).ok_or_else(invalid)?;
        total += (part * scale as f64) as i128;
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

/// A duration as Go prints it: `1m30.5s`, `250µs`.
pub(super) fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let fraction = |value: u64, scale: u64| {
        let digits = scale.ilog10() as usize;
        let rest = format!("{:0digits$}", value % scale);
        let rest = rest.trim_end_matches('0');
        let point = if rest.is_empty() { "" } else { "." };
        format!("{}{point}{rest}", value / scale)
    };
    let mut out = sign.to_owned();
    match ns {
        0 => out.push_str("0s"),
        1..1_000 => _ = write!(out, "{ns}ns"),
        1_000..1_000_000 => out.push_str(&(fraction(ns, 1_000) + "µs")),
        1_000_000..1_000_000_000 => out.push_str(&(fraction(ns, 1_000_000) + "ms")),
        _ => {
            let minutes = ns / 60_000_000_000;
            if minutes >= 60 {
                _ = write!(out, "{}h", minutes / 60);
            }
            if minutes > 0 {
                _ = write!(out, "{}m", minutes % 60);
            }
            out.push_str(&(fraction(ns % 60_000_000_000, 1_000_000_000) + "s"));
        }
    }
    out
}

/// A time as Go prints it: `2026-01-02 03:04:05.6 +0000 UTC`.
pub(super) fn time(ns: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default();
    format!("{} +0000 UTC", time.strftime("%Y-%m-%d %H:%M:%S%.f"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_and_refused_as_go_does() {
        for (text, ns) in [
            ("1.5s", 1_500_000_000),
            ("1h30m", 5_400_000_000_000),
            ("-2ms", -2_000_000),
            ("0", 0),
            (".5s", 500_000_000),
            ("1µs", 1_000),
        ] {
            assert_eq!(parse_duration(text), Ok(ns), "{text}");
        }
        for (text, complaint) in [
            ("5", "time: missing unit in duration \"5\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("", "time: invalid duration \"\""),
            ("s", "time: invalid duration \"s\""),
            ("1.2.3s", "time: invalid duration \"1.2.3s\""),
            ("9999999999h", "time: invalid duration \"9999999999h\""),
        ] {
            assert_eq!(parse_duration(text), Err(complaint.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_and_times_are_written_as_go_does() {
        for (ns, text) in [
            (0, "0s"),
            (999, "999ns"),
            (1_500, "1.5µs"),
            (2_000_000, "2ms"),
            (-2_000_001_000, "-2.000001s"),
            (90_500_000_000, "1m30.5s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(time(1_795_267_212_647_282_944), "2026-11-21 13:20:12.647282944 +0000 UTC");
        assert_eq!(time(1_000_000_000), "1970-01-01 00:00:01 +0000 UTC");
    }

    #[test]
    fn numbers_are_bounded_by_their_bits() {
        assert_eq!(parse_int("-5", 32), Ok(-5));
        let out = "strconv.ParseInt: parsing \"3000000000\": value out of range";
        assert_eq!(parse_int("3000000000", 32), Err(out.to_owned()));
        assert!(parse_int("", 64).is_err() && parse_int("+", 64).is_err() && parse_hex("1g").is_err());
        assert_eq!(parse_hex("ff"), Ok(255));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(ns in any::<i64>().prop_map(|ns| ns / 1000)) {
            prop_assert_eq!(parse_duration(&duration(ns)).map(|read| (read - ns).abs() <= 1), Ok(true));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9.nuµmshx\\PC]{0,24}") {
            let _ = parse_duration(&text);
            let _ = (parse_int(&text, 32), parse_hex(&text), parse_bool(&text));
        }
    }
}
