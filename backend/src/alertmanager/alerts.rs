//! All alerts that are known, by what they are: bounded in number, forgotten some time after their end.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::alert::Alert;
use super::labels::Fingerprint;

/// The most alerts.
pub(crate) const MAX_ALERTS: usize = 10_000;

/// Alerts by their fingerprints.
#[derive(Debug, Default)]
pub(crate) struct Alerts(BTreeMap<Fingerprint, Arc<Alert>>);

impl Alerts {
    /// Takes one in, merged with what was known of it; `None` when there is no room for one more.
    pub(crate) fn put(&mut self, alert: Alert, now: Timestamp) -> Option<Arc<Alert>> {
        let fingerprint = alert.fingerprint();
        let known = self.0.get(&fingerprint);
        if known.is_none() && self.0.len() >= MAX_ALERTS {
            return None;
        }
        let alert = Arc::new(match known {
            Some(old) => alert.after(old, now),
            None => alert,
        });
        self.0.insert(fingerprint, Arc::clone(&alert));
        Some(alert)
    }

    pub(crate) fn get(&self, fingerprint: Fingerprint) -> Option<&Arc<Alert>> {
        self.0.get(&fingerprint)
    }

    /// Whether one more would have no room.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_ALERTS
    }

    /// In the order of their fingerprints.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Fingerprint, &Arc<Alert>)> {
        self.0.iter().map(|(fingerprint, alert)| (*fingerprint, alert))
    }

    /// Forgets those that are over, and hands them back.
    pub(crate) fn forget_resolved(&mut self, now: Timestamp) -> Vec<Arc<Alert>> {
        let over: Vec<Fingerprint> = self
            .0
            .iter()
            .filter(|(_, alert)| alert.resolved_at(now))
            .map(|(fingerprint, _)| *fingerprint)
            .collect();
        over.iter().filter_map(|fingerprint| self.0.remove(fingerprint)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::alert::tests::{at, firing};

    #[test]
    fn there_is_room_for_so_many_and_for_what_is_known_already() {
        let mut alerts = Alerts::default();
        for i in 0..MAX_ALERTS {
            assert!(alerts.put(firing([("i", i.to_string().as_str())], 0, 10), at(0)).is_some());
        }
        assert!(alerts.is_full());
        assert!(alerts.put(firing([("i", "more")], 0, 20), at(0)).is_none());
        assert!(alerts.put(firing([("i", "7")], 5, 20), at(5)).is_some_and(|a| a.starts_at == at(0)));
        assert_eq!(alerts.forget_resolved(at(10)).len(), MAX_ALERTS - 1);
        assert!(alerts.put(firing([("i", "more")], 0, 20), at(10)).is_some());
        assert_eq!(alerts.iter().count(), 2);
    }
}
