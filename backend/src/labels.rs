//! A label set: sorted pairs, cheap to clone. Shared by samples, PromQL and the APIs.

use std::sync::Arc;

/// The label that holds a metric's name.
pub(crate) const NAME: &str = "__name__";

/// Sorted by name, each name once; without empty values but where lines of logs brought them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// Sorts, keeps the last of two equal names, and drops empty values, which mean "not there".
    pub(crate) fn new<K: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::with_empty(pairs.into_iter().map(|(k, v)| (k.into(), v.into()))).without_empty()
    }

    /// As [`new`](Self::new), keeping empty values: what a log line says may be empty, and is shown.
    pub(crate) fn with_empty<K: Into<Arc<str>>, V: Into<Arc<str>>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut pairs: Vec<(Arc<str>, Arc<str>)> =
            pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        // Stable sort: of equal names the later one stands behind, and wins.
        let mut kept: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(pairs.len());
        for pair in pairs {
            match kept.last_mut() {
                Some(last) if last.0 == pair.0 => *last = pair,
                _ => kept.push(pair),
            }
        }
        Self(kept.into())
    }

    pub(crate) fn without_empty(self) -> Self {
        if self.0.iter().all(|(_, v)| !v.is_empty()) {
            return self;
        }
        Self(self.0.iter().filter(|(_, v)| !v.is_empty()).cloned().collect())
    }

    /// The value of `name`; a missing label is the empty string, as in Prometheus.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(k, _)| &**k == name).map_or("", |(_, v)| v)
    }

    /// The pairs in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(k, v)| (&**k, &**v))
    }

    /// Only the labels that `keep` accepts.
    pub(crate) fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(k, _)| keep(k)).cloned().collect())
    }

    pub(crate) fn without_name(&self) -> Self {
        if self.get(NAME).is_empty() { self.clone() } else { self.filter(|k| k != NAME) }
    }

    /// With `name` set to `value`; an empty value removes it.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        Self::new(self.0.iter().cloned().chain([(Arc::from(name), Arc::from(value))]))
    }

    /// The pairs themselves, to be shared with other sets.
    pub(crate) fn pairs(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.0
    }
}

impl std::fmt::Display for Labels {
    /// As Prometheus prints a label set in its messages: `{a="1", b="2"}`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("{")?;
        for (i, (k, v)) in self.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{k}={v:?}")?;
        }
        f.write_str("}")
    }
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_equal_names_wins_and_an_empty_value_removes() {
        let labels = Labels::new([("b", "1"), ("a", "1"), ("b", "2"), ("c", "")]);
        assert_eq!(labels.to_string(), r#"{a="1", b="2"}"#);
        assert_eq!(labels.with("a", "").to_string(), r#"{b="2"}"#);
    }
}
