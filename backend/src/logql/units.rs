//! Numbers with units, as queries and labels have them: durations the way Go writes them (those of ranges are read by
//! [`crate::duration`]), sizes, and plain numbers.

use super::ast::Unit;

/// A label's value, read in a unit: seconds, bytes, or the number itself.
pub(super) fn read(text: &str, unit: Unit) -> Option<f64> {
    match unit {
        Unit::Plain => plain(text),
        Unit::Seconds => go_duration(text).map(seconds),
        Unit::Bytes => bytes(text),
    }
}

/// Why a label's value cannot be read, in the words of the parser that Loki uses for the unit.
pub(super) fn fault(text: &str, unit: Unit) -> String {
    match unit {
        Unit::Plain => format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"),
        Unit::Seconds => format!("time: invalid duration {text:?}"),
        Unit::Bytes => format!("{text:?} is not a size"),
    }
}

/// Go's `ParseFloat`: what is too large is no number.
pub(super) fn plain(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let says_so = text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    (value.is_finite() || value.is_nan() || says_so).then_some(value)
}

/// Nanoseconds as seconds, the way Go divides them.
pub(super) fn seconds(ns: i64) -> f64 {
    (ns / 1_000_000_000) as f64 + (ns % 1_000_000_000) as f64 / 1e9
}

/// Reads a Go duration, in nanoseconds: signed, with fractions, from hours down.
pub(crate) fn go_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut ns: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (whole, fraction) = rest[..digits].split_once('.').unwrap_or((&rest[..digits], ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit: i64 = match &rest[..end] {
            "ns" => 1,
            "us" | "µs" | "μs" => 1000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        ns = ns.checked_add(whole.checked_mul(unit)?)?;
        // Eighteen digits are more than a nanosecond of an hour needs.
        let fraction = &fraction[..fraction.len().min(18)];
        if !fraction.is_empty() {
            let value: i64 = fraction.parse().ok()?;
            let scale = 10f64.powi(fraction.len() as i32);
            ns = ns.checked_add((value as f64 * (unit as f64 / scale)) as i64)?;
        }
        rest = &rest[end..];
    }
    Some(if negative { -ns } else { ns })
}

/// Reads a size: decimal units, or binary ones with an `i`; a bare number is bytes.
pub(crate) fn bytes(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let value: f64 = text[..digits].replace(',', "").parse().ok()?;
    let factor = match text[digits..].trim().to_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "p" | "pb" => 1e15,
        "e" | "eb" => 1e18,
        "ki" | "kib" => 1024.0,
        "mi" | "mib" => 1_048_576.0,
        "gi" | "gib" => 1_073_741_824.0,
        "ti" | "tib" => 1_099_511_627_776.0,
        "pi" | "pib" => 1_125_899_906_842_624.0,
        "ei" | "eib" => 1_152_921_504_606_846_976.0,
        _ => return None,
    };
    // Sizes are whole bytes, as many as 64 bits count.
    let size = (value * factor).trunc();
    (size < 18_446_744_073_709_551_615.0).then_some(size)
}

/// A size with a unit as a person writes it, in decimal units; `None` for what is none.
pub(super) fn bytes_written(text: &str) -> Option<String> {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let size = bytes(text).filter(|_| text.ends_with(|c: char| c.is_ascii_alphabetic()))?;
    if size < 10.0 {
        return Some(format!("{size:.0}B"));
    }
    let unit = ((size.ln() / 1000f64.ln()).floor() as usize).min(UNITS.len() - 1);
    let value = (size / 1000f64.powi(unit as i32) * 10.0 + 0.5).floor() / 10.0;
    let digits = usize::from(value < 10.0);
    Some(format!("{value:.digits$}{}", UNITS[unit]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_labels_duration_has_gos_units_alone() {
        assert_eq!(go_duration("1.5ms"), Some(1_500_000));
        assert_eq!(go_duration("-1h2m3.5s"), Some(-3_723_500_000_000));
        assert_eq!(go_duration(".5s"), Some(500_000_000));
        for wrong in ["1d", "5", "", "-", ".s", "1.5.5s", "1 s"] {
            assert_eq!(go_duration(wrong), None, "{wrong}");
        }
        assert_eq!(read("1.5s", Unit::Seconds), Some(1.5));
    }

    #[test]
    fn sizes_and_plain_numbers_are_read_as_go_reads_them() {
        assert_eq!(read("1,024", Unit::Bytes), Some(1024.0));
        assert_eq!(read("1.5 KiB", Unit::Bytes), Some(1536.0));
        assert_eq!(read("12x", Unit::Bytes), None);
        assert_eq!(read("-1KB", Unit::Bytes), None);
        assert_eq!(read("1e400", Unit::Plain), None);
        assert_eq!(read("-Inf", Unit::Plain), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn sizes_are_written_as_a_person_writes_them() {
        for (text, written) in
            [("5b", "5B"), ("2KiB", "2.0kB"), ("82854982 B", "83MB"), ("1.5mb", "1.5MB"), ("999kb", "999kB")]
        {
            assert_eq!(bytes_written(text).as_deref(), Some(written), "{text}");
        }
        for none in ["5", "x", "1,000", "5 "] {
            assert_eq!(bytes_written(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "\\PC{0,20}", near in "[0-9.,smhdKiB+-]{0,24}") {
            for text in [text, near] {
                let _ = (go_duration(&text), bytes_written(&text), plain(&text));
            }
        }
    }
}
