//! Durations as Prometheus writes them: `1d12h`, `90s`, `1m30s500ms`, and `0`.

const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Milliseconds; units from the largest to the smallest, each at most once.
pub(super) fn parse(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total, mut next) = (text, 0_i64, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let length = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit =
            UNITS.iter().position(|(name, _)| *name == &rest[..length]).filter(|unit| *unit >= next)?;
        total = total.checked_add(number.checked_mul(UNITS[unit].1)?)?;
        next = unit + 1;
        rest = &rest[length..];
    }
    (!text.is_empty()).then_some(total)
}

/// As Prometheus writes it: years and weeks only where nothing is left over.
pub(super) fn told(ms: i64) -> String {
    if ms == 0 {
        return "0s".into();
    }
    let (mut rest, mut text) = (ms, String::new());
    for (unit, length) in UNITS {
        let whole = ["y", "w"].contains(&unit) && rest % length != 0;
        if rest >= length && !whole {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_told_as_prometheus_does() {
        for (text, ms, again) in [
            ("0", 0, "0s"),
            ("90s", 90_000, "1m30s"),
            ("1h30m", 5_400_000, "1h30m"),
            ("4m59s999ms", 299_999, "4m59s999ms"),
            ("14d", 1_209_600_000, "2w"),
            ("13d", 1_123_200_000, "13d"),
        ] {
            assert_eq!(parse(text), Some(ms), "{text}");
            assert_eq!(told(ms), again, "{text}");
        }
        for wrong in ["", "5", "-5m", "1m1h", "1m1m", "1.5h", "m", "1 m", "1x", "99999999999999999999y"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
