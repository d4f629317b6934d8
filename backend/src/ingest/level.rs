//! Finds a log line's level the way Loki does (`detected_level`): by severity, by label, by field, by word.

/// Level by OTLP severity number; `None` when unspecified.
pub(crate) fn of_severity(number: i32) -> Option<&'static str> {
    match number {
        1..=4 => Some("trace"),
        5..=8 => Some("debug"),
        9..=12 => Some("info"),
        13..=16 => Some("warn"),
        17..=20 => Some("error"),
        21..=24 => Some("fatal"),
        _ => None,
    }
}

/// Names that may hold a level, in a label, in metadata or in a line.
const NAMES: [&str; 9] =
    ["level", "LEVEL", "Level", "severity", "SEVERITY", "Severity", "lvl", "LVL", "severity_text"];

/// Level by what is known of an entry; `unknown` when nothing says.
pub(crate) fn detect<'a>(
    pairs: &(impl Iterator<Item = (&'a str, &'a str)> + Clone),
    line: &str,
) -> &'static str {
    NAMES
        .iter()
        .find_map(|name| pairs.clone().find(|(k, _)| k == name).map(|(_, v)| of_word(v)))
        .flatten()
        .or_else(|| of_line(line))
        .unwrap_or("unknown")
}

fn of_word(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "trace" | "trc" => Some("trace"),
        "debug" | "dbg" => Some("debug"),
        "info" | "inf" | "information" | "informational" => Some("info"),
        "warn" | "wrn" | "warning" => Some("warn"),
        "error" | "err" => Some("error"),
        "critical" => Some("critical"),
        "fatal" => Some("fatal"),
        _ => None,
    }
}

fn of_line(line: &str) -> Option<&'static str> {
    if line.starts_with('{') {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
        return NAMES.iter().find_map(|name| fields.get(*name).and_then(|v| v.as_str())).and_then(of_word);
    }
    let field =
        line.split_whitespace().filter_map(|pair| pair.split_once('=')).find(|(k, _)| NAMES.contains(k));
    if let Some((_, value)) = field {
        return of_word(value.trim_matches('"'));
    }
    line.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| w.len() > 2).find_map(of_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_found_in_labels_fields_and_words() {
        let none = std::iter::empty;
        assert_eq!(detect(&[("level", "WARN")].into_iter(), "error"), "warn");
        assert_eq!(detect(&none(), r#"{"severity":"ERROR"}"#), "error");
        assert_eq!(detect(&none(), "ts=1 level=debug msg=x"), "debug");
        assert_eq!(detect(&none(), "[INFO] started"), "info");
        assert_eq!(detect(&none(), "nothing here"), "unknown");
    }
}
