//! What is known of an entry while the pipeline runs: its line, and its labels by where they come from. A name stands in
//! one place only: what a stage takes out of the line hides no label and no metadata, but is renamed; what `label_format`
//! sets takes the place of all.

use std::borrow::Cow;

use super::hints::Hints;
use crate::store::logs::Entry;

/// Most fields one line may yield.
const MAX_FIELDS: usize = 256;

pub(crate) const ERROR: &str = "__error__";
pub(crate) const ERROR_DETAILS: &str = "__error_details__";
/// Says that a query asks for errors, so that they do not fail it.
pub(crate) const PRESERVE_ERROR: &str = "__preserve_error__";

/// Where a label comes from, which decides where an answer with categories shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Stream,
    Metadata,
    Line,
}

type Pair<'e> = (Cow<'e, str>, Cow<'e, str>);

/// An entry on its way through the stages.
#[derive(Debug)]
pub(crate) struct Fields<'e> {
    entry: &'e Entry<'e>,
    hints: &'e Hints,
    pub(crate) line: Cow<'e, str>,
    /// Names that were removed once. A label that is set anew later on is there again.
    removed: Vec<String>,
    metadata: Vec<Pair<'e>>,
    /// Without a value where it was removed: what was extracted once is not extracted again.
    parsed: Vec<(String, Option<String>)>,
    error: Option<&'static str>,
    details: String,
}

impl<'e> Fields<'e> {
    pub(crate) fn new(entry: &'e Entry<'e>, hints: &'e Hints) -> Self {
        let metadata = entry
            .metadata
            .iter()
            .map(|(k, v)| {
                let hides = !entry.stream.get(k).is_empty();
                let name = if hides { Cow::Owned(extracted(k)) } else { Cow::Borrowed(*k) };
                (name, Cow::Borrowed(*v))
            })
            .collect();
        Self {
            entry,
            hints,
            line: Cow::Borrowed(entry.line),
            removed: Vec::new(),
            metadata,
            parsed: Vec::new(),
            error: None,
            details: String::new(),
        }
    }

    pub(crate) fn ts_ns(&self) -> i64 {
        self.entry.ts_ns
    }

    /// A label's value. The labels that speak of an error are none here.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        if let Some((_, v)) = self.metadata.iter().find(|(k, _)| k == name) {
            return Some(v);
        }
        if let Some(value) = self.parsed.iter().find(|(k, _)| k == name).and_then(|(_, v)| v.as_deref()) {
            return Some(value);
        }
        let value = self.entry.stream.get(name);
        (!value.is_empty() && !self.is_removed(name)).then_some(value)
    }

    /// What a label filter compares a text with.
    pub(crate) fn get(&self, name: &str) -> &str {
        if name == ERROR { self.error.unwrap_or_default() } else { self.find(name).unwrap_or_default() }
    }

    /// Whether `drop`, `keep` or a renaming took the name away.
    pub(crate) fn is_removed(&self, name: &str) -> bool {
        self.removed.iter().any(|r| r == name)
    }

    /// Sets a label, wherever one of that name stood before.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.metadata.retain(|(k, _)| k != name);
        match self.parsed.iter().position(|(k, _)| k == name) {
            Some(at) => self.parsed[at].1 = Some(value),
            None if self.parsed.len() < MAX_FIELDS => self.parsed.push((name.to_owned(), Some(value))),
            None => {}
        }
    }

    /// The name under which a field of the line is known.
    pub(crate) fn name_of(&self, name: &str) -> String {
        if self.hides(name) { extracted(name) } else { name.to_owned() }
    }

    /// Whether the stream or the metadata has a label of that name.
    pub(crate) fn hides(&self, name: &str) -> bool {
        !self.entry.stream.get(name).is_empty() || self.metadata.iter().any(|(k, _)| k == name)
    }

    /// Takes a field out of the line, where it is wanted and no earlier one had its name. False when the entry is to be
    /// dropped at once, because a condition of the query does not hold.
    pub(crate) fn extract(&mut self, name: &str, value: impl FnOnce() -> String) -> bool {
        let name = self.name_of(name);
        if name.is_empty() || self.is_extracted(&name) || !self.hints.wants(&name) {
            return true;
        }
        self.set(&name, value());
        self.goes_on(&name)
    }

    /// Whether the condition on a label that was just set lets the entry pass.
    pub(crate) fn goes_on(&mut self, name: &str) -> bool {
        let hints = self.hints;
        hints.filter(name).is_none_or(|condition| super::pipeline::holds(condition, self))
    }

    pub(crate) fn is_extracted(&self, name: &str) -> bool {
        self.parsed.iter().any(|(k, _)| k == name)
    }

    /// Whether everything that the query asks for is there.
    pub(crate) fn has_all(&self) -> bool {
        self.hints.has_all(|name| self.is_extracted(name))
    }

    /// Whether nothing has to be taken out of the line any more.
    pub(crate) fn wants_nothing(&self) -> bool {
        self.hints.wants_nothing() || self.has_all()
    }

    pub(crate) fn wants_below(&self, prefix: &str) -> bool {
        self.hints.wants_below(prefix)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        match name {
            ERROR => self.error = None,
            ERROR_DETAILS => self.details.clear(),
            _ => {
                self.metadata.retain(|(k, _)| k != name);
                if let Some(field) = self.parsed.iter_mut().find(|(k, _)| k == name) {
                    field.1 = None;
                }
                self.removed.push(name.to_owned());
            }
        }
    }

    /// Notes that a stage could not do its work on this entry, which stays in.
    pub(crate) fn fail(&mut self, kind: &'static str, details: impl Into<String>) {
        self.error = Some(kind);
        self.details = details.into();
    }

    /// As [`fail`](Self::fail), of a stage that reads the line: such errors may be asked for.
    pub(crate) fn fail_reading(&mut self, kind: &'static str, details: impl Into<String>) {
        self.fail(kind, details);
        if self.hints.asks_for_errors() {
            self.set(PRESERVE_ERROR, "true".to_owned());
        }
    }

    /// The kind of error, where there is one.
    pub(crate) fn error(&self) -> Option<&'static str> {
        self.error
    }

    pub(crate) fn error_details(&self) -> &str {
        &self.details
    }

    /// The labels of one origin, as they are to be shown.
    pub(crate) fn of(&self, from: Origin) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        match from {
            Origin::Stream => self.each_of_stream(|k, v| pairs.push((k.to_owned(), v.to_owned()))),
            Origin::Metadata => {
                pairs.extend(self.metadata.iter().map(|(k, v)| (k.to_string(), v.to_string())));
            }
            Origin::Line => {
                pairs.extend(self.parsed.iter().filter_map(|(k, v)| Some((k.clone(), v.clone()?))));
                self.each_of_error(|k, v| pairs.push((k.to_owned(), v.to_owned())));
            }
        }
        pairs
    }

    fn each_of_stream(&self, mut f: impl FnMut(&str, &str)) {
        let is_set = |name: &str| {
            self.metadata.iter().any(|(k, _)| k == name)
                || self.parsed.iter().any(|(k, v)| k == name && v.is_some())
        };
        for (k, v) in self.entry.stream.iter().filter(|(k, _)| !self.is_removed(k) && !is_set(k)) {
            f(k, v);
        }
    }

    fn each_of_error(&self, mut f: impl FnMut(&str, &str)) {
        // Details alone are what is left of an error that was dropped; Loki shows them beside other changes only.
        let is_bare = self.metadata.is_empty()
            && self.removed.is_empty()
            && self.parsed.iter().all(|(_, v)| v.is_none());
        if let Some(kind) = self.error {
            f(ERROR, kind);
        } else if is_bare {
            return;
        }
        if !self.details.is_empty() {
            f(ERROR_DETAILS, &self.details);
        }
    }

    /// Calls `f` with every label, those of an error too.
    pub(crate) fn each(&self, mut f: impl FnMut(&str, &str)) {
        self.each_of_stream(&mut f);
        for (k, v) in &self.metadata {
            f(k, v);
        }
        for (k, v) in &self.parsed {
            if let Some(v) = v {
                f(k, v);
            }
        }
        self.each_of_error(f);
    }

    /// All labels.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        self.each(|k, v| pairs.push((k.to_owned(), v.to_owned())));
        pairs
    }
}

fn extracted(name: &str) -> String {
    format!("{name}_extracted")
}
