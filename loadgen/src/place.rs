//! Files that people write by hand: a mistake in one names its file, line and key, and the nearest right word.

use crate::nearest::nearest;
use crate::span::parse_duration;
use std::{ops::Range, time::Duration};

/// What is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {key}: {reason}")]
pub struct Mistake {
    /// Which file (or `steady.toml (built in)`).
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// `section.key` as far as known.
    pub key: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// A file's text and what errors call it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// What errors call the file.
    pub file: &'a str,
    /// What stands in it.
    pub text: &'a str,
}

impl Place<'_> {
    /// A mistake at `section.key`.
    pub(crate) fn error(&self, section: &str, key: &str, reason: impl Into<String>) -> Mistake {
        self.nth_error(section, 0, key, reason)
    }

    /// A mistake in the `nth` (from 0) of the sections of that name.
    pub(crate) fn nth_error(
        &self,
        section: &str,
        nth: usize,
        key: &str,
        reason: impl Into<String>,
    ) -> Mistake {
        let line = line_of(self.text, section, nth, key);
        let key = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        Mistake { file: self.file.to_owned(), line, key, reason: reason.into() }
    }

    pub(crate) fn check(&self, good: bool, section: &str, key: &str, reason: &str) -> Result<(), Mistake> {
        if good { Ok(()) } else { Err(self.error(section, key, reason)) }
    }

    pub(crate) fn duration(&self, section: &str, key: &str, text: &str) -> Result<Duration, Mistake> {
        parse_duration(text).map_err(|e| self.error(section, key, e.to_string()))
    }

    /// A mistake at a part of the text whose place the reader kept.
    #[must_use]
    pub fn at(&self, span: Range<usize>, key: &str, reason: impl Into<String>) -> Mistake {
        let line = self.line_at(span.start);
        Mistake { file: self.file.to_owned(), line, key: key.to_owned(), reason: reason.into() }
    }

    /// The line (from 1) on which a byte of the text stands.
    fn line_at(&self, byte: usize) -> usize {
        let before = self.text.get(..byte.min(self.text.len()));
        before.map_or(1, |before| before.matches('\n').count() + 1)
    }

    /// A mistake that the TOML reader found, with the nearest right word when a key or value is unknown.
    #[must_use]
    pub fn syntax(&self, error: &toml::de::Error) -> Mistake {
        let line = self.line_at(error.span().map_or(0, |span| span.start));
        let message = error.message().trim().replace('\n', "; ");
        let mut quoted = message.split('`').skip(1).step_by(2);
        let wrong = quoted.next().unwrap_or_default().to_owned();
        let known: Vec<&str> = quoted.collect();
        let reason = match nearest(&wrong, known.iter().copied()) {
            Some(right) if message.starts_with("unknown") => format!("{message}; did you mean `{right}`?"),
            _ => message.clone(),
        };
        let here = self.text.lines().nth(line - 1).unwrap_or_default();
        let key = here.split('=').next().unwrap_or_default().trim().trim_matches(['[', ']']).to_owned();
        let key = if key.is_empty() { "file".to_owned() } else { key };
        Mistake { file: self.file.to_owned(), line, key, reason }
    }
}

/// The line (from 1) on which `key` stands in the `nth` `[section]` or `[[section]]`; the section's own line, or 1, when it
/// does not.
fn line_of(text: &str, section: &str, nth: usize, key: &str) -> usize {
    let mut current = String::new();
    let mut seen = 0;
    let mut fallback = 1;
    let right = |current: &str, seen: usize| current == section && (section.is_empty() || seen == nth + 1);
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let header = line.strip_prefix('[').and_then(|l| l.split(']').next());
        let header = header.map(|h| h.trim_start_matches('['));
        // A line of an array begins with a bracket too, but holds no bare word.
        let bare = |h: &&str| {
            h.starts_with(|c: char| c.is_ascii_alphabetic())
                && h.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        if let Some(header) = header.filter(bare) {
            current = header.trim().to_owned();
            seen += usize::from(current == section);
            if right(&current, seen) || (section.is_empty() && current == key) {
                fallback = index + 1;
            }
        }
        let found = line.split_once('=').is_some_and(|(k, _)| k.trim().trim_matches('"') == key);
        if found && right(&current, seen) {
            return index + 1;
        }
    }
    fallback
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "about = \"x\"\n[[steps]]\nset = 1\n[[steps]]\n\nset = 2\n[parameters.a_b]\nmild = 1\nlevels = [\n[0, 1],\n]\n";

    #[test]
    fn keys_are_found_in_the_section_that_is_meant() {
        let line = |section: &str, nth, key: &str| line_of(TEXT, section, nth, key);
        assert_eq!(line("", 0, "about"), 1);
        assert_eq!(line("steps", 0, "set"), 3);
        assert_eq!(line("steps", 1, "set"), 6);
        assert_eq!(line("parameters.a_b", 0, "mild"), 8);
        assert_eq!(line("parameters.a_b", 0, "levels"), 9);
    }

    #[test]
    fn a_key_that_is_missing_is_shown_at_its_section() {
        assert_eq!(line_of(TEXT, "steps", 1, "after"), 4);
        assert_eq!(line_of(TEXT, "nowhere", 0, "after"), 1);
    }
}
