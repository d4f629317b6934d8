//! Annotations: the warnings and infos that an answer carries, in Prometheus' words, each once.

use std::collections::BTreeMap;

use crate::number::general;

/// Most warnings, and most infos, of one answer.
const MAX_SHOWN: usize = 10;

/// What is noted while a query is evaluated, by what is said: of equal notes the last place is named.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<String, Note>);

#[derive(Debug)]
struct Note {
    is_warning: bool,
    /// Bytes from the start of the query.
    at: Option<usize>,
    mended: Option<Mended>,
}

/// Buckets whose counts fell and were raised: which, by how much, how often, between which times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mended {
    pub(super) min_bucket: f64,
    pub(super) max_bucket: f64,
    pub(super) max_diff: f64,
    pub(super) count: usize,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
}

impl Notes {
    pub(super) fn warn(&mut self, message: String, at: Option<usize>) {
        self.0.insert(message, Note { is_warning: true, at, mended: None });
    }

    /// A quantile that is none.
    pub(super) fn bad_quantile(&mut self, q: f64, at: Option<usize>) {
        if !(0.0..=1.0).contains(&q) {
            self.warn(format!("quantile value should be between 0 and 1, got {}", general(q, None)), at);
        }
    }

    /// A `rate` or `increase` of something not named like a counter.
    pub(super) fn maybe_no_counter(&mut self, name: &str, at: Option<usize>) {
        if name.is_empty() || ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end)) {
            return;
        }
        let message = format!(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
        );
        self.0.insert(message, Note { is_warning: false, at, mended: None });
    }

    /// Buckets that had to be made monotonic.
    pub(super) fn mended(&mut self, new: Mended, at: Option<usize>) {
        let message = "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        let note = Note { is_warning: false, at, mended: Some(new) };
        self.0
            .entry(message.to_owned())
            .and_modify(|known| {
                if let Some(known) = &mut known.mended {
                    known.min_bucket = known.min_bucket.min(new.min_bucket);
                    known.max_bucket = known.max_bucket.max(new.max_bucket);
                    known.max_diff = known.max_diff.max(new.max_diff);
                    known.first_ms = known.first_ms.min(new.first_ms);
                    known.last_ms = known.last_ms.max(new.last_ms);
                    known.count += new.count;
                }
            })
            .or_insert(note);
    }

    /// Warnings and infos as an answer to `query` shows them.
    pub(super) fn print(&self, query: &str) -> (Vec<String>, Vec<String>) {
        let list = |warnings: bool, kind: &str| {
            let notes = self.0.iter().filter(|(_, n)| n.is_warning == warnings);
            let count = notes.clone().count();
            let mut shown: Vec<String> = notes
                .take(MAX_SHOWN)
                .map(|(message, note)| {
                    let detail = note.mended.map(|m| m.to_string()).unwrap_or_default();
                    format!("PromQL {kind}: {message}{detail} ({})", position(query, note.at))
                })
                .collect();
            if count > MAX_SHOWN {
                shown.push(format!("{} more {kind} annotations omitted", count - MAX_SHOWN));
            }
            shown
        };
        (list(true, "warning"), list(false, "info"))
    }
}

impl std::fmt::Display for Mended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = |ms: i64| {
            jiff::Timestamp::from_second(ms.div_euclid(1000)).map(|t| t.to_string()).unwrap_or_default()
        };
        write!(
            f,
            ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
            general(self.min_bucket, None),
            general(self.max_bucket, None),
            general(self.max_diff, Some(2)),
            self.count,
            time(self.first_ms),
            time(self.last_ms),
        )
    }
}

/// Line and column, both from one.
pub(super) fn position(query: &str, at: Option<usize>) -> String {
    let Some(before) = at.and_then(|at| query.as_bytes().get(..at)) else {
        return "unknown position".to_owned();
    };
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    format!("{line}:{column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_notes_are_one_and_too_many_are_counted() {
        let mut notes = Notes::default();
        for i in 0..12 {
            notes.maybe_no_counter(&format!("m{i}"), Some(2));
            notes.bad_quantile(-1.5, Some(i));
        }
        let (warnings, infos) = notes.print("a\nbcdefghijklmnop");
        assert_eq!(warnings, ["PromQL warning: quantile value should be between 0 and 1, got -1.5 (2:10)"]);
        assert_eq!((infos.len(), infos[10].as_str()), (11, "2 more info annotations omitted"));
    }
}
