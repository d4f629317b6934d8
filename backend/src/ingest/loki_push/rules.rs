//! What Loki takes of a push: its bounds on labels, lines and metadata, and on how old or new an entry may be. What
//! breaks them is refused by itself; the rest of a push is taken. Pure.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::read::{Entry, Metadata};
use crate::ingest::names::metadata_name;
use crate::ingest::times::{Times, Wrong};
use crate::labels::Labels;

/// Labels that may name the service when `service_name` is missing; Loki's default list.
const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];
/// Most labels of a stream, `service_name` aside; longest name and value of one.
const MAX_LABELS: usize = 15;
const MAX_LABEL_NAME: usize = 1024;
const MAX_LABEL_VALUE: usize = 2048;
const MAX_LINE: usize = 256 << 10;
const MAX_METADATA: usize = 128;
/// As the Loki of the real stack is set.
const MAX_METADATA_BYTES: usize = 512 << 10;
/// # Errors
/// Why the entry is refused.
pub(super) fn entry(times: Times, labels: &Labels, entry: &Entry) -> Result<(), String> {
    times.check(entry.ts_ns).map_err(|wrong| match wrong {
        Wrong::TooOld => format!(
            "entry for stream '{labels}' has timestamp too old: {}, oldest acceptable timestamp is: {}",
            rfc3339(entry.ts_ns),
            rfc3339(times.oldest_ns)
        ),
        Wrong::TooNew => {
            format!("entry for stream '{labels}' has timestamp too new: {}", rfc3339(entry.ts_ns))
        }
    })?;
    let length = entry.line.len();
    if length > MAX_LINE {
        return Err(format!(
            "max entry size '{MAX_LINE}' bytes exceeded for stream '{labels}' while adding an entry with length '{length}' bytes"
        ));
    }
    let size: usize = entry.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > MAX_METADATA_BYTES {
        return Err(format!(
            "stream '{labels}' has structured metadata too large: '{size}' bytes, limit: '{MAX_METADATA_BYTES}' bytes. Please see `limits_config.max_structured_metadata_size` or contact your Loki administrator to increase it"
        ));
    }
    let count = entry.metadata.len();
    if count > MAX_METADATA {
        return Err(format!(
            "stream '{labels}' has too many structured metadata labels: '{count}', limit: '{MAX_METADATA}'. Please see `limits_config.max_structured_metadata_entries_count` or contact your Loki administrator to increase it"
        ));
    }
    Ok(())
}

/// # Errors
/// Why no entry of a stream with these labels is taken.
pub(super) fn check(labels: &Labels) -> Result<(), String> {
    let count = labels.iter().filter(|(name, _)| *name != "service_name").count();
    if count > MAX_LABELS {
        return Err(format!("entry for stream '{labels}' has {count} label names; limit {MAX_LABELS}"));
    }
    for (name, value) in labels.iter() {
        if name.len() > MAX_LABEL_NAME {
            return Err(format!("stream '{labels}' has label name too long: '{name}'"));
        }
        if value.len() > MAX_LABEL_VALUE {
            return Err(format!("stream '{labels}' has label value too long: '{value}'"));
        }
    }
    Ok(())
}

/// The labels with `service_name`, which Loki finds where it is not said.
pub(super) fn with_service_name(labels: Labels) -> Labels {
    if !labels.get("service_name").is_empty() {
        return labels;
    }
    let name =
        SERVICE_LABELS.iter().map(|l| labels.get(l)).find(|v| !v.is_empty()).unwrap_or("unknown_service");
    labels.with("service_name", name)
}

/// Metadata under the names that Loki gives it, with blanks for what was no text: one that had to be changed wins over one that had not,
/// and of two such the later one.
///
/// # Errors
/// A name of which nothing is left.
pub(super) fn renamed(metadata: Metadata) -> Result<Metadata, String> {
    let mut kept = Vec::with_capacity(metadata.len());
    let mut changed = BTreeMap::new();
    for (name, value) in metadata {
        // Loki answers 500, upon which clients would send it again and again.
        let made = metadata_name(&name).ok_or_else(|| {
            format!("structured metadata cannot be named {name:?}: it needs a letter or a digit")
        })?;
        if value.contains(char::REPLACEMENT_CHARACTER) {
            changed.insert(made, value.replace(char::REPLACEMENT_CHARACTER, " "));
        } else if made == name {
            kept.push((name, value));
        } else {
            changed.insert(made, value);
        }
    }
    if changed.is_empty() {
        return Ok(kept);
    }
    kept.retain(|(name, _)| !changed.contains_key(name));
    kept.extend(changed);
    kept.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(kept)
}

/// A time as Loki's messages write it.
fn rfc3339(ns: i64) -> String {
    Timestamp::from_second(ns.div_euclid(1_000_000_000)).map(|t| t.to_string()).unwrap_or_default()
}

/// Why parts of a push are refused, equal reasons told once.
#[derive(Debug, Default)]
pub(super) struct Complaints(BTreeMap<String, usize>);

impl Complaints {
    /// Most that are told apart.
    const MAX: usize = 100;

    /// Longest one, which may name labels of any length.
    const LONGEST: usize = 16 << 10;

    pub(super) fn add(&mut self, mut complaint: String) {
        if complaint.len() > Self::LONGEST {
            let end = (0..=Self::LONGEST).rev().find(|i| complaint.is_char_boundary(*i)).unwrap_or(0);
            complaint.truncate(end);
        }
        if self.0.len() < Self::MAX || self.0.contains_key(&complaint) {
            *self.0.entry(complaint).or_default() += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (complaint, times)) in self.0.iter().enumerate() {
            f.write_str(if i > 0 { "; " } else { "" })?;
            if self.0.len() > 1 || *times > 1 {
                write!(f, "{times} errors like: ")?;
            }
            f.write_str(complaint)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_changed_name_wins_over_an_unchanged_one() {
        let pairs = |list: &[(&str, &str)]| -> Metadata {
            list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let sent = [("b", "1"), ("a.b", "2"), ("a_b", "3"), ("a-b", "4")];
        assert_eq!(renamed(pairs(&sent)), Ok(pairs(&[("a_b", "4"), ("b", "1")])));
        assert_eq!(
            renamed(pairs(&[("b", "1"), ("a", "2"), ("b", "3")])),
            Ok(pairs(&[("b", "1"), ("a", "2"), ("b", "3")]))
        );
        assert!(renamed(pairs(&[("..", "1")])).is_err());
    }

    #[test]
    fn times_out_of_bounds_are_told_as_loki_tells_them() {
        let times = Times::at(1_700_000_000_000_000_000, Duration::from_hours(24));
        let entry = |labels: &Labels, one: &Entry| entry(times, labels, one);
        let labels = Labels::new([("app", "a")]);
        let at = |s: i64| Entry { ts_ns: (1_700_000_000 + s) * 1_000_000_000, ..Entry::default() };
        assert_eq!(entry(&labels, &at(-86_400)), Ok(()));
        assert_eq!(entry(&labels, &at(600)), Ok(()));
        let old = "entry for stream '{app=\"a\"}' has timestamp too old: 2023-11-13T22:13:19Z, oldest acceptable timestamp is: 2023-11-13T22:13:20Z";
        assert_eq!(entry(&labels, &at(-86_401)), Err(old.to_owned()));
        let new = "entry for stream '{app=\"a\"}' has timestamp too new: 2023-11-14T22:23:21Z";
        assert_eq!(entry(&labels, &at(601)), Err(new.to_owned()));
    }

    #[test]
    fn equal_complaints_are_told_once() {
        let mut complaints = Complaints::default();
        complaints.add("a".to_owned());
        assert_eq!(complaints.to_string(), "a");
        complaints.add("a".to_owned());
        assert_eq!(complaints.to_string(), "2 errors like: a");
        complaints.add("b".to_owned());
        assert_eq!(complaints.to_string(), "2 errors like: a; 1 errors like: b");
    }
}
