//! Label sets as Alertmanager has them: their fingerprint, their order, how a group's key prints them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Names and values; a name that is not there means the empty value.
pub(crate) type Labels = BTreeMap<String, String>;

/// What tells label sets apart: FNV-1a over names and values, as in Prometheus, so that people find one alert under the
/// same sixteen digits here and there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Fingerprint(pub(crate) u64);

/// What ends a name and a value, as no UTF-8 holds it.
const SEPARATOR: u8 = 255;

impl Fingerprint {
    /// Of a label set.
    pub(crate) fn of(labels: &Labels) -> Self {
        let bytes = labels.iter().flat_map(|(name, value)| {
            name.bytes().chain([SEPARATOR]).chain(value.bytes()).chain([SEPARATOR])
        });
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A label's value.
pub(crate) fn value<'l>(labels: &'l Labels, name: &str) -> &'l str {
    labels.get(name).map_or("", String::as_str)
}

/// The order of groups: the smaller set first, then by the first label that differs, where a lacking one comes first.
pub(crate) fn order(a: &Labels, b: &Labels) -> Ordering {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differs = names.into_iter().map(|name| a.get(name).cmp(&b.get(name))).find(|order| order.is_ne());
    a.len().cmp(&b.len()).then(differs.unwrap_or(Ordering::Equal))
}

/// The order of alerts within a group: by job, by instance, then as groups.
pub(crate) fn alert_order(a: &Labels, b: &Labels) -> Ordering {
    let lacking_last = |name: &str| match (a.get(name), b.get(name)) {
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    lacking_last("job").then_with(|| lacking_last("instance")).then_with(|| order(a, b))
}

/// As a group's key has them: `{a="1", b="2"}`.
pub(crate) fn print(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// From pairs of texts, for tests.
#[cfg(test)]
pub(crate) fn of<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_prometheus() {
        // As the real one prints them.
        assert_eq!(Fingerprint::of(&of([])).to_string(), "cbf29ce484222325");
        assert_eq!(Fingerprint::of(&of([("alertname", "a")])).to_string(), "d258efc389808447");
    }

    #[test]
    fn small_sets_come_first_and_lacking_labels_before_others() {
        let mut sets =
            [of([("a", "2")]), of([("a", "1"), ("b", "1")]), of([("b", "1")]), of([]), of([("a", "1")])];
        sets.sort_by(order);
        let printed: Vec<String> = sets.iter().map(print).collect();
        assert_eq!(printed, ["{}", r#"{b="1"}"#, r#"{a="1"}"#, r#"{a="2"}"#, r#"{a="1", b="1"}"#]);
    }

    #[test]
    fn alerts_are_ordered_by_job_and_instance_first() {
        let mut sets = [
            of([("z", "1")]),
            of([("job", "b"), ("instance", "1")]),
            of([("job", "a"), ("instance", "2")]),
            of([("job", "a"), ("instance", "1"), ("z", "1")]),
        ];
        sets.sort_by(alert_order);
        let jobs: Vec<String> =
            sets.iter().map(|set| format!("{}{}", value(set, "job"), value(set, "instance"))).collect();
        assert_eq!(jobs, ["a1", "a2", "b1", ""]);
    }
}
