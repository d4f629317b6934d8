//! What the audit knows to be true: every request it sent, the answer it got, and what must follow from it. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::story::{Hop, NOTIFICATION, Request};

/// A request that was sent and answered.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was sent.
    pub request: Request,
    /// The correlation id it carried: unique to it.
    pub correlation_id: String,
    /// The trace id it started, 32 hex digits.
    pub trace_id: String,
    /// The status it got; none when no answer came.
    pub status: Option<u16>,
    /// The correlation id that the answer echoed.
    pub echoed: Option<String>,
}

/// Something that does not fit the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mismatch {
    /// The request it is about; metrics are about all of them.
    pub correlation_id: Option<String>,
    /// What was expected and what was found.
    pub what: String,
}

impl Mismatch {
    /// A mismatch of one request.
    pub fn of(entry: &Entry, what: impl Into<String>) -> Self {
        Self { correlation_id: Some(entry.correlation_id.clone()), what: what.into() }
    }
}

/// The label set of a request counter: service, method, route, status.
pub type Key = (String, String, String, String);

/// The label set that counts a hop.
pub fn key(hop: &Hop) -> Key {
    (hop.service.into(), hop.method.into(), hop.route.into(), hop.status.to_string())
}

/// By how much each request counter must have grown.
pub fn growth(entries: &[Entry]) -> BTreeMap<Key, u64> {
    let mut counts = BTreeMap::new();
    let answered = entries.iter().filter(|entry| entry.status == Some(entry.request.expected));
    for entry in answered {
        let later = entry.request.notifies().then_some(&NOTIFICATION);
        for hop in entry.request.hops.iter().chain(later) {
            *counts.entry(key(hop)).or_insert(0) += 1;
        }
    }
    counts
}

/// What is wrong with the answers themselves, before any telemetry is asked.
pub fn answers(entries: &[Entry]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for entry in entries {
        let Request { method, path, expected, .. } = &entry.request;
        match entry.status {
            None => found.push(Mismatch::of(entry, format!("{method} {path} got no answer"))),
            Some(status) if status != *expected => {
                found.push(Mismatch::of(
                    entry,
                    format!("{method} {path} answered {status}, expected {expected}"),
                ));
            }
            Some(_) if entry.echoed.as_deref() != Some(&entry.correlation_id) => {
                found.push(Mismatch::of(entry, format!("{method} {path} echoed {:?}", entry.echoed)));
            }
            Some(_) => {}
        }
    }
    found
}

/// Compares the counters before and after with what the ledger demands. Counters that nobody asked for count too.
pub fn compare(
    before: &BTreeMap<Key, f64>,
    after: &BTreeMap<Key, f64>,
    expected: &BTreeMap<Key, u64>,
) -> Vec<Mismatch> {
    let keys: std::collections::BTreeSet<&Key> =
        after.keys().chain(before.keys()).chain(expected.keys()).collect();
    let value = |counters: &BTreeMap<Key, f64>, key| counters.get(key).copied().unwrap_or(0.0);
    keys.into_iter()
        .filter_map(|key| {
            let grown = value(after, key) - value(before, key);
            let wanted = expected.get(key).copied().unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "an audit sends far fewer than 2^52 requests")]
            let equal = (grown - wanted as f64).abs() < 0.5;
            let (service, method, route, status) = key;
            (!equal).then(|| Mismatch {
                correlation_id: None,
                what: format!(
                    "{service} counted {grown} more {method} {route} {status}, the ledger says {wanted}"
                ),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::story;

    fn entry(index: u32) -> Entry {
        let request = story::request(1, index);
        let id = format!("audit-{index}");
        Entry {
            status: Some(request.expected),
            request,
            correlation_id: id.clone(),
            trace_id: String::new(),
            echoed: Some(id),
        }
    }

    fn counters(growth: &BTreeMap<Key, u64>) -> BTreeMap<Key, f64> {
        growth
            .iter()
            .map(|(key, count)| (key.clone(), f64::from(u32::try_from(*count).expect("small"))))
            .collect()
    }

    #[test]
    fn counters_that_grew_as_the_ledger_says_match() {
        let entries: Vec<_> = (0..100).map(entry).collect();
        let growth = growth(&entries);
        assert_eq!(compare(&BTreeMap::new(), &counters(&growth), &growth), []);
    }

    #[test]
    fn one_count_too_few_or_too_many_is_found() {
        let growth = growth(&(0..100).map(entry).collect::<Vec<_>>());
        for off in [-1.0, 1.0] {
            let mut after = counters(&growth);
            *after.values_mut().next().expect("some") += off;
            assert_eq!(compare(&BTreeMap::new(), &after, &growth).len(), 1);
        }
        let mut stray = counters(&growth);
        stray.insert(("order-service".into(), "GET".into(), "<unknown>".into(), "404".into()), 1.0);
        assert_eq!(compare(&BTreeMap::new(), &stray, &growth).len(), 1);
    }

    #[test]
    fn a_wrong_status_a_lost_answer_and_a_wrong_echo_are_found() {
        let (mut wrong, mut lost, mut echo) = (entry(0), entry(1), entry(2));
        wrong.status = Some(500);
        lost.status = None;
        echo.echoed = Some("another".into());
        assert_eq!(answers(&[wrong, lost, echo, entry(3)]).len(), 3);
    }
}
