//! Finds a log line's level the way Loki does (`detected_level`): said by the sender, by a label, by metadata, by OTLP's
//! number, by a field of the line, by a word of it. A level of the sender's own is kept as it is.

use std::borrow::Cow;

use crate::labels::Labels;
use crate::logql::json::{self, Stop, Value};
use crate::logql::logfmt;

/// The metadata that holds what is found.
const DETECTED: &str = "detected_level";

/// Names that may hold a level, in a label, in metadata or in a line: the first of these wins.
const NAMES: [&str; 14] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];

/// How deep objects in a line are looked into.
const DEPTH: usize = 2;

/// Adds the level of an entry to its metadata. A sender that names it itself is believed.
pub(crate) fn add(labels: &Labels, metadata: &mut Vec<(String, String)>, line: &str) {
    if let Some((_, said)) = metadata.iter_mut().find(|(name, _)| name == DETECTED) {
        if let Some(known) = of_value(said) {
            known.clone_into(said);
        }
        return;
    }
    let level = detect(labels, metadata, line).into_owned();
    metadata.push((DETECTED.to_owned(), level));
}

fn detect<'a>(labels: &'a Labels, metadata: &'a [(String, String)], line: &str) -> Cow<'a, str> {
    let of = |name: &str| metadata.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
    let label = NAMES.iter().map(|name| labels.get(name)).find(|value| !value.is_empty());
    match label.or_else(|| NAMES.iter().find_map(|name| of(name))) {
        Some(said) => Cow::Borrowed(of_value(said).unwrap_or(said)),
        None => Cow::Borrowed(of("severity_number").map_or_else(|| of_line(line), of_severity)),
    }
}

/// Level by OTLP severity number.
fn of_severity(number: &str) -> &'static str {
    match number.parse::<i64>() {
        Err(_) => "info",
        Ok(0) => "unknown",
        Ok(..=4) => "trace",
        Ok(5..=8) => "debug",
        Ok(9..=12) => "info",
        Ok(13..=16) => "warn",
        Ok(17..=20) => "error",
        Ok(21..=24) => "fatal",
        Ok(_) => "unknown",
    }
}

/// The level that a value names, whatever its case.
fn of_value(value: &str) -> Option<&'static str> {
    const MORE: [(&str, &str); 5] =
        [("trc", "trace"), ("dbg", "debug"), ("inf", "info"), ("information", "info"), ("wrn", "warn")];
    find(&MORE, value).or_else(|| of_word(value))
}

/// The level that a word of a sentence tells.
fn of_word(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 9] = [
        ("trace", "trace"),
        ("debug", "debug"),
        ("info", "info"),
        ("warn", "warn"),
        ("warning", "warn"),
        ("error", "error"),
        ("err", "error"),
        ("critical", "critical"),
        ("fatal", "fatal"),
    ];
    find(&WORDS, word)
}

fn find(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
}

fn of_line(line: &str) -> &'static str {
    let trimmed = line.trim();
    let field = if trimmed.starts_with('{') && trimmed.ends_with('}') {
        of_json(trimmed, DEPTH)
    } else if line.contains('=') {
        of_logfmt(line)
    } else {
        None
    };
    field.as_deref().and_then(of_value).or_else(|| first_word(line)).unwrap_or("unknown")
}

/// The first text under one of the names.
fn of_json(text: &str, depth: usize) -> Option<String> {
    let mut found = None;
    // What is wrong with the text after what was found is of no account.
    let _ = json::each_field(text, |name, value| match value {
        Value::Text(raw) if NAMES.contains(&name) => {
            found = Some(raw.to_owned());
            Err(Stop::Enough)
        }
        Value::Object(inner) if depth > 1 => {
            found = of_json(inner, depth - 1);
            if found.is_some() { Err(Stop::Enough) } else { Ok(()) }
        }
        _ => Ok(()),
    });
    found
}

/// The value under the best of the names, whatever their case.
fn of_logfmt(line: &str) -> Option<String> {
    let mut best: Option<(usize, String)> = None;
    let _ = logfmt::each_pair(line, false, |key, value| {
        let rank = NAMES.iter().position(|name| name.eq_ignore_ascii_case(key));
        if let Some(rank) = rank.filter(|rank| best.as_ref().is_none_or(|(held, _)| rank < held)) {
            best = Some((rank, value.to_owned()));
        }
        if rank == Some(0) { Err(Stop::Enough) } else { Ok(()) }
    });
    best.map(|(_, value)| value)
}

/// The first word that is a level and stands by itself.
fn first_word(line: &str) -> Option<&'static str> {
    let opens = |c: char| "\t\n \"(=[{".contains(c);
    let closes = |c: char| "\t\n !\"(),:=[]{}".contains(c);
    let mut from = 0;
    while let Some(at) = line[from..].find(|c: char| c.is_ascii_alphabetic()).map(|at| from + at) {
        let end = line[at..].find(|c: char| !c.is_ascii_alphabetic()).map_or(line.len(), |end| at + end);
        let alone =
            line[..at].chars().next_back().is_none_or(opens) && line[end..].chars().next().is_none_or(closes);
        if let Some(level) = of_word(&line[at..end]).filter(|_| alone) {
            return Some(level);
        }
        from = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(labels: &[(&str, &str)], metadata: &[(&str, &str)], line: &str) -> String {
        let labels = Labels::new(labels.iter().map(|(k, v)| (*k, *v)));
        let mut metadata: Vec<_> = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        add(&labels, &mut metadata, line);
        metadata.pop().expect("the level").1
    }

    #[test]
    fn what_names_the_level_first_is_believed() {
        assert_eq!(of(&[("severity", "WARN")], &[("level", "x")], "error"), "warn");
        assert_eq!(of(&[], &[("severity_number", "17"), ("level", "audit")], "info"), "audit");
        assert_eq!(of(&[], &[("severity_number", "17")], "info"), "error");
        assert_eq!(of(&[], &[("level", "x"), ("detected_level", "ERR")], ""), "error");
    }

    #[test]
    fn the_level_is_found_in_fields_and_words() {
        let of_line = |line| of(&[], &[], line);
        assert_eq!(of_line(r#"{"n":{"severity":"wrn"},"level":"err"}"#), "warn");
        assert_eq!(of_line("ts=1 lvl=err LEVEL=dbg msg=x"), "debug");
        assert_eq!(of_line("[INFO] started"), "info");
        assert_eq!(of_line("an x-error, a warning"), "warn");
        assert_eq!(of_line("for your information"), "unknown");
    }
}
