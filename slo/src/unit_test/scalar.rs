//! Scalars as promtool's YAML reads them: a number where a text is wanted is its text, nothing is an empty text.

use yaml::{Problem, Reader};

use super::duration;

pub(super) fn text(reader: &Reader<'_>) -> Result<String, Problem> {
    if reader.is_nothing() { Ok(String::new()) } else { reader.verbatim() }
}

pub(super) fn duration(reader: &Reader<'_>) -> Result<i64, Problem> {
    let text = text(reader)?;
    duration::parse(&text).ok_or_else(|| {
        reader.problem(format!("{text:?} is no duration; expected such as 0, 90s, 5m or 1h30m"))
    })
}

pub(super) fn truth(reader: &Reader<'_>) -> Result<bool, Problem> {
    match text(reader)?.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Ok(true),
        "" | "false" | "no" | "off" | "n" => Ok(false),
        _ => Err(reader.problem("expected true or false")),
    }
}

/// A number of YAML: with an exponent, hexadecimal, infinite as `.inf`, none as `.nan`.
pub(super) fn number(reader: &Reader<'_>) -> Result<f64, Problem> {
    if reader.is_nothing() {
        return Ok(0.0);
    }
    let text = reader.verbatim()?;
    if !reader.is_plain() {
        return Err(reader.problem(format!("{text:?} in quotes is a text; write the number without them")));
    }
    let signless = text.trim_start_matches(['+', '-']);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let read = match signless {
        ".inf" | ".Inf" | ".INF" => Some(sign * f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        hex if hex.starts_with("0x") => {
            i64::from_str_radix(&hex[2..], 16).ok().map(|whole| sign * whole as f64)
        }
        // What Rust would also read, and YAML takes for a word.
        word if word.starts_with(|c: char| c.is_ascii_alphabetic()) => None,
        _ => text.replace('_', "").parse::<f64>().ok(),
    };
    read.ok_or_else(|| reader.problem(format!("{text:?} is no number; infinite is .inf, none is .nan")))
}

/// A moment: seconds since 1970, or `2021-01-01T00:00:00Z`; in milliseconds since 1970.
pub(super) fn moment(reader: &Reader<'_>) -> Result<i64, Problem> {
    let text = text(reader)?;
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e12);
    let moment = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    seconds.map(|seconds| (seconds * 1000.0).floor() as i64).or(moment).ok_or_else(|| {
        reader.problem(format!("{text:?} is no moment; expected seconds since 1970 or 2021-01-01T00:00:00Z"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(written: &str, read: impl Fn(&Reader<'_>) -> Result<T, Problem>) -> Result<T, Problem> {
        let documents = yaml::documents(&format!("a: {written}\n")).expect("YAML");
        let value = Reader::of(&documents[0]).fields().expect("a map").required("a").expect("a");
        read(&value)
    }

    #[test]
    fn numbers_are_those_of_yaml() {
        for (written, value) in [
            ("1", 1.0),
            ("-1.5e3", -1500.0),
            ("0x1F", 31.0),
            (".inf", f64::INFINITY),
            ("1_000", 1000.0),
            ("~", 0.0),
        ] {
            assert_eq!(with(written, number), Ok(value), "{written}");
        }
        assert!(with(".nan", number).is_ok_and(f64::is_nan));
        for wrong in ["one", "inf", "NaN", "1m", "'1'"] {
            assert!(with(wrong, number).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_seconds_or_written_out() {
        assert_eq!(with("1609459200", moment), Ok(1_609_459_200_000));
        assert_eq!(with("2021-01-01T00:00:00Z", moment), Ok(1_609_459_200_000));
        assert_eq!(with("'2021-01-01T01:00:00.5+01:00'", moment), Ok(1_609_459_200_500));
        assert!(with("yesterday", moment).is_err());
    }

    #[test]
    fn a_text_may_look_like_something_else() {
        assert_eq!(with("1", text), Ok("1".into()));
        assert_eq!(with("~", text), Ok(String::new()));
        assert_eq!((with("yes", truth), with("false", truth)), (Ok(true), Ok(false)));
        assert_eq!((with("5m", duration), with("0", duration)), (Ok(300_000), Ok(0)));
    }
}
