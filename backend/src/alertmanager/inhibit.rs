//! Inhibition: an alert that fires holds back the notifications of others that it explains.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::alert::Alert;
use super::alerts::Alerts;
use super::config::InhibitRule;
use super::labels::{self, Fingerprint, Labels};

/// The alerts that may hold others back, by the values that have to be equal.
type Sources = BTreeMap<Vec<String>, BTreeSet<Fingerprint>>;

/// The rules, each with its sources.
#[derive(Debug, Default)]
pub(crate) struct Inhibitor(Vec<(InhibitRule, Sources)>);

impl Inhibitor {
    pub(crate) fn new(rules: &[InhibitRule], alerts: &Alerts) -> Self {
        let mut inhibitor = Self(rules.iter().map(|rule| (rule.clone(), BTreeMap::new())).collect());
        alerts.iter().for_each(|(_, alert)| inhibitor.learn(alert));
        inhibitor
    }

    /// An alert has come.
    pub(crate) fn learn(&mut self, alert: &Alert) {
        for (rule, sources) in &mut self.0 {
            if rule.source.match_all(&alert.labels) {
                sources.entry(equal(rule, &alert.labels)).or_default().insert(alert.fingerprint());
            }
        }
    }

    /// An alert is no longer known.
    pub(crate) fn forget(&mut self, alert: &Alert) {
        for (rule, sources) in &mut self.0 {
            let values = equal(rule, &alert.labels);
            if let Some(found) = sources.get_mut(&values) {
                found.remove(&alert.fingerprint());
                if found.is_empty() {
                    sources.remove(&values);
                }
            }
        }
    }

    /// Which alert holds back one with these labels: of the first rule that does, the one that lasts longest.
    ///
    /// What fits both sides of a rule is not held back by what does so, too: two alerts would silence each other.
    pub(crate) fn held_back_by(&self, set: &Labels, alerts: &Alerts, now: Timestamp) -> Option<Fingerprint> {
        self.0.iter().filter(|(rule, _)| rule.target.match_all(set)).find_map(|(rule, sources)| {
            let both = rule.source.match_all(set);
            let sources = sources.get(&equal(rule, set))?.iter().filter_map(|f| Some((*f, alerts.get(*f)?)));
            let firing = sources.filter(|(_, source)| {
                !source.resolved_at(now) && (!both || !rule.target.match_all(&source.labels))
            });
            firing.max_by_key(|(_, source)| source.ends_at).map(|(fingerprint, _)| fingerprint)
        })
    }

    /// How many rules there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The values that have to be equal; a label that is not there has the empty one.
fn equal(rule: &InhibitRule, set: &Labels) -> Vec<String> {
    rule.equal.iter().map(|name| labels::value(set, name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::alert::tests::{at, firing};
    use crate::alertmanager::config::Config;

    const RULES: &str = "
route: {receiver: r}
receivers: [{name: r}]
inhibit_rules:
  - {source_matchers: [s=page], target_matchers: ['s=~\"page|ticket\"'], equal: [service, zone]}
  - {source_matchers: [alertname=Gone], target_matchers: [alertname!=Gone]}
";

    fn world(alerts: &[Alert]) -> (Inhibitor, Alerts) {
        let mut known = Alerts::default();
        for alert in alerts {
            known.put(alert.clone(), at(0)).expect("room");
        }
        (Inhibitor::new(&Config::parse(RULES).expect("valid").inhibit_rules, &known), known)
    }

    #[test]
    fn what_fires_holds_back_what_has_the_same_labels() {
        let page = firing([("s", "page"), ("service", "a")], 0, 60);
        let (inhibitor, alerts) = world(std::slice::from_ref(&page));
        let held =
            |pairs: [(&str, &str); 2], now| inhibitor.held_back_by(&labels::of(pairs), &alerts, at(now));
        assert_eq!(held([("s", "ticket"), ("service", "a")], 10), Some(page.fingerprint()));
        assert_eq!(held([("s", "ticket"), ("service", "b")], 10), None);
        assert_eq!(held([("s", "info"), ("service", "a")], 10), None);
        assert_eq!(held([("s", "ticket"), ("service", "a")], 60), None, "it is over");
    }

    #[test]
    fn a_label_that_neither_has_is_equal_and_one_that_one_has_is_not() {
        let (inhibitor, alerts) = world(&[firing([("s", "page"), ("zone", "z")], 0, 60)]);
        let held = |zone: &str| {
            let set = labels::of([("s", "ticket"), ("zone", zone)]);
            inhibitor.held_back_by(&set, &alerts, at(1)).is_some()
        };
        assert!(held("z") && !held("y"));
        assert!(inhibitor.held_back_by(&labels::of([("s", "ticket")]), &alerts, at(1)).is_none());
    }

    #[test]
    fn alerts_that_fit_both_sides_do_not_silence_each_other() {
        let (one, two) =
            (firing([("s", "page"), ("n", "1")], 0, 60), firing([("s", "page"), ("n", "2")], 0, 60));
        let (inhibitor, alerts) = world(&[one.clone(), two]);
        assert_eq!(inhibitor.held_back_by(&one.labels, &alerts, at(1)), None);
    }

    #[test]
    fn the_one_that_lasts_longest_is_named_and_one_that_is_forgotten_holds_nothing() {
        let short = firing([("alertname", "Gone"), ("n", "1")], 0, 30);
        let long = firing([("alertname", "Gone"), ("n", "2")], 0, 60);
        let (mut inhibitor, alerts) = world(&[long.clone(), short.clone()]);
        let set = labels::of([("alertname", "Slow")]);
        assert_eq!(inhibitor.held_back_by(&set, &alerts, at(1)), Some(long.fingerprint()));
        inhibitor.forget(&long);
        assert_eq!(inhibitor.held_back_by(&set, &alerts, at(1)), Some(short.fingerprint()));
        inhibitor.forget(&short);
        assert_eq!(inhibitor.held_back_by(&set, &alerts, at(1)), None);
    }
}
