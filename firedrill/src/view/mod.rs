//! How answers look in a terminal: pure functions from the types of `query` to text.
//!
//! They decide neither whether to use colour nor how wide the terminal is (the caller knows), and print nothing.
//! Whatever the network brought is freed of control characters first, so that no log line can move the cursor.

pub mod chart;
#[cfg(test)]
mod golden;
pub mod logs;
pub mod query;
pub mod runbook;
pub mod trace;

use std::{borrow::Cow, time::Duration};

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether to colour (the caller has asked the terminal, and `NO_COLOR`).
    pub color: bool,
    /// Columns of the terminal; less than 40 is taken as 40.
    pub width: usize,
}

impl Look {
    /// Text in a style, if colours are wanted.
    fn paint(self, style: Style, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", style.0)
    }
}

/// The parameter of an ANSI style sequence.
#[derive(Debug, Clone, Copy)]
struct Style(&'static str);

const BOLD: Style = Style("1");
const DIM: Style = Style("2");
const RED: Style = Style("31");
const YELLOW: Style = Style("33");
const GREEN: Style = Style("32");
/// For services, in the order in which they appear; neither red nor yellow, which mean something.
const SERVICES: [Style; 5] = [Style("36"), Style("35"), Style("34"), Style("32"), Style("96")];

/// The style of a log level.
fn level_style(level: &str) -> Style {
    match level {
        "ERROR" | "FATAL" | "CRITICAL" => RED,
        "WARN" | "WARNING" => YELLOW,
        "INFO" => GREEN,
        _ => DIM,
    }
}

/// A length of time in words, as in "in the last 2 hours".
#[must_use]
pub fn span(time: Duration) -> String {
    let ms = time.as_millis();
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")];
    match units.into_iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit)) {
        Some((unit, name)) if ms == unit => name.to_owned(),
        Some((unit, name)) => format!("{} {name}s", ms / unit),
        None => format!("{ms} milliseconds"),
    }
}

/// The text with every control character made visible.
fn clean(text: &str) -> Cow<'_, str> {
    // The bidirectional overrides are no control characters by name, but turn a line around all the same.
    let harmful = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| match c {
        '\n' | '\r' => '⏎',
        '\t' => ' ',
        c if harmful(c) => '\u{fffd}',
        c => c,
    });
    Cow::Owned(shown.collect())
}

/// The text cut to this many columns (with `…`), not padded.
fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if text.chars().count() <= columns {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    Cow::Owned(if columns == 0 { String::new() } else { kept + "…" })
}

/// `key=value` pairs of a log line; values that hold spaces or quotes are quoted.
fn pairs(entry: &::query::LogEntry) -> Vec<(String, String)> {
    entry.fields().map(|(name, text)| (clean(name).into_owned(), bare(text))).collect()
}

/// A value as it stands after `key=`: quoted only where it must be.
fn bare(text: &str) -> String {
    let is_bare = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '"' || c == '=');
    if is_bare { clean(text).into_owned() } else { format!("\"{}\"", clean(&text.replace('"', "\\\""))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\u{9b}c\nd\te\u{202e}f"), "a\u{fffd}[2Jb\u{fffd}c⏎d e\u{fffd}f");
        assert!(matches!(clean("żółw 'a'"), Cow::Borrowed(_)));
    }

    #[test]
    fn times_are_told_in_the_largest_whole_unit() {
        let told = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(told(3600), "hour");
        assert_eq!(told(7200), "2 hours");
        assert_eq!(told(5400), "90 minutes");
        assert_eq!(told(86_400), "day");
        assert_eq!(told(1), "second");
        assert_eq!(span(Duration::from_millis(1500)), "1500 milliseconds");
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(cut("zażółć", 6), "zażółć");
        assert_eq!(cut("zażółć", 4), "zaż…");
        assert_eq!(cut("zażółć", 0), "");
    }
}
