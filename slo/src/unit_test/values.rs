//! Samples in the expanding notation: `0+10x5`, `3-1x2`, `1x4`, `_x3`, `stale`, `NaN`, `-Inf`.

use crate::engine::STALE;

/// Some samples of the same kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Run {
    /// So many moments without a sample.
    Missing(u64),
    /// A first value, what is added each time, and how many.
    Values { first: f64, by: f64, count: u64 },
}

/// The samples in their order. `1x4` is five of them: the one, and four more.
pub(super) fn runs(text: &str) -> Result<Vec<Run>, String> {
    text.split([' ', '\t', '\n', '\r']).filter(|item| !item.is_empty()).map(run).collect()
}

fn run(item: &str) -> Result<Run, String> {
    if item.starts_with("{{") {
        return Err("native histograms ({{…}}) are not read here; promtool does".into());
    }
    let wrong = || format!("{item:?} is no sample; expected such as 1, 0+10x5, 1x4, _x3, stale, NaN or -Inf");
    if let Some(rest) = item.strip_prefix('_') {
        return match rest.strip_prefix('x') {
            Some(times) => Ok(Run::Missing(whole(times).ok_or_else(wrong)?)),
            None if rest.is_empty() => Ok(Run::Missing(1)),
            None => Err(wrong()),
        };
    }
    let (first, rest) = value(item).ok_or_else(wrong)?;
    if rest.is_empty() {
        return Ok(Run::Values { first, by: 0.0, count: 1 });
    }
    if let Some(times) = rest.strip_prefix('x') {
        let count = whole(times).ok_or_else(wrong)? + 1;
        return Ok(Run::Values { first, by: 0.0, count });
    }
    let (by, rest) = value(rest).filter(|_| rest.starts_with(['+', '-'])).ok_or_else(wrong)?;
    let times = rest.strip_prefix('x').and_then(whole).ok_or_else(wrong)?;
    Ok(Run::Values { first, by, count: times + 1 })
}

/// How often something is repeated.
fn whole(text: &str) -> Option<u64> {
    text.parse().ok().filter(|n: &u64| *n < u64::MAX && text.starts_with(|c: char| c.is_ascii_digit()))
}

/// A number with or without its sign, or `stale`, and what follows it.
fn value(text: &str) -> Option<(f64, &str)> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if digits.starts_with(|c: char| c.is_ascii_alphabetic()) {
        // A word goes on as long as there are letters: `NaNx3` is one, and means nothing.
        let length =
            digits.find(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))).unwrap_or(digits.len());
        let (word, rest) = digits.split_at(length);
        return match word.to_ascii_lowercase().as_str() {
            "nan" => Some((f64::NAN, rest)),
            "inf" => Some((sign * f64::INFINITY, rest)),
            _ if word == "stale" && text.len() == digits.len() => Some((f64::from_bits(STALE), rest)),
            _ => None,
        };
    }
    let mut length = 0;
    let bytes = digits.as_bytes();
    let mut exponent = false;
    while let Some(byte) = bytes.get(length) {
        match byte {
            b'0'..=b'9' | b'.' | b'_' => length += 1,
            b'e' | b'E' if !exponent && length > 0 => {
                exponent = true;
                length += 1;
                length += usize::from(matches!(bytes.get(length), Some(b'+' | b'-')));
            }
            _ => break,
        }
    }
    let (number, rest) = digits.split_at(length);
    Some((sign * self::number(number)?, rest))
}

/// As Go reads it: a whole number that begins with zero is octal, and may have underscores between its digits.
fn number(text: &str) -> Option<f64> {
    let plain = text.replace('_', "");
    let whole = plain.bytes().all(|b| b.is_ascii_digit());
    if text.contains('_') && (!whole || text.starts_with('_') || text.ends_with('_') || text.contains("__")) {
        return None;
    }
    if whole
        && plain.len() > 1
        && plain.starts_with('0')
        && let Ok(octal) = i64::from_str_radix(&plain, 8)
    {
        return Some(octal as f64);
    }
    plain.parse().ok()
}

/// The samples that are there at the first `moments` moments: which one, and its value. What is added is added step by step,
/// as promtool does it.
pub(super) fn samples(runs: &[Run], moments: u64) -> Vec<(u64, f64)> {
    let (mut at, mut all) = (0, Vec::new());
    for run in runs {
        match run {
            Run::Missing(count) => at += count,
            Run::Values { first, by, count } => {
                let mut value = *first;
                for moment in at..at.saturating_add(*count).min(moments) {
                    all.push((moment, value));
                    // What is added to no number would lose which one it is.
                    value = if *by == 0.0 { value } else { value + by };
                }
                at = at.saturating_add(*count);
            }
        }
        if at >= moments {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Vec<(u64, f64)> {
        samples(&runs(text).expect(text), 100)
    }

    #[test]
    fn samples_are_expanded_as_promtool_does() {
        let values = |text| expanded(text).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(values("-2+4x3"), [-2.0, 2.0, 6.0, 10.0]);
        assert_eq!(values(" 1-2x4"), [1.0, -1.0, -3.0, -5.0, -7.0]);
        assert_eq!(values("1x2  0x0\t+5"), [1.0, 1.0, 1.0, 0.0, 5.0]);
        assert_eq!(values("1e3 .5 1e-2+1E1x1 1_000 010 08"), [1000.0, 0.5, 0.01, 10.01, 1000.0, 8.0, 8.0]);
        assert_eq!(values("Inf -inf +Inf"), [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!(expanded("1 _x3 2 _ 3"), [(0, 1.0), (4, 2.0), (6, 3.0)]);
        let special = expanded("NaN stale");
        assert!(special[0].1.is_nan() && special[0].1.to_bits() != STALE);
        assert_eq!(special[1].1.to_bits(), STALE);
    }

    #[test]
    fn a_long_repetition_takes_no_room_beyond_what_is_asked() {
        let runs = runs("0+1x1000000000000 _x99999999999 1").expect("samples");
        assert_eq!(samples(&runs, 3), [(0, 0.0), (1, 1.0), (2, 2.0)]);
    }

    #[test]
    fn what_is_no_sample_is_refused() {
        for wrong in [
            "one",
            "1+",
            "1+2",
            "1x",
            "x3",
            "1+-2x3",
            "--1",
            "1x-3",
            "1x2.5",
            "NaNx3",
            "stalex2",
            "-stale",
            "_3",
            "_x",
            "1y",
            "0x1f",
            "1..2",
            "1e",
            "1x2x3",
            "1,2",
            "{{schema:1 count:2}}",
            "__",
            "1_",
        ] {
            assert!(runs(wrong).is_err(), "{wrong}");
        }
    }
}
