//! Watches the alerts of one rule while it is evaluated: when each was what, and how all were at the moments asked for.

use std::collections::HashMap;

use super::{Pairs, State, Stretch};
use crate::labels::Labels;
use crate::rules::alert::{self, Active, Alerts};

/// What is seen of one rule.
#[derive(Debug, Default)]
pub(super) struct Observer {
    /// Alerts that are active, each what it is and since when it is that.
    open: HashMap<Labels, (State, i64)>,
    pub(super) stretches: Vec<Stretch>,
    /// The alerts at the evaluations that were asked for.
    pub(super) seen: HashMap<i64, Vec<Active>>,
}

impl Observer {
    /// One that remembers how all alerts are at these evaluations.
    pub(super) fn new(evaluations: impl IntoIterator<Item = i64>) -> Self {
        let seen = evaluations.into_iter().map(|t| (t, Vec::new())).collect();
        Self { seen, ..Self::default() }
    }

    /// The alerts after the evaluation at `t`.
    pub(super) fn look(&mut self, name: &str, t: i64, alerts: &Alerts) {
        let mut left = std::mem::take(&mut self.open);
        for active in alerts.active() {
            let state = state(active.state);
            match left.remove(&active.labels) {
                Some((before, since)) if before != state => {
                    self.stretches.push(stretch(name, &active.labels, before, since, Some(t)));
                    self.open.insert(active.labels.clone(), (state, t));
                }
                Some(same) => drop(self.open.insert(active.labels.clone(), same)),
                None => drop(self.open.insert(active.labels.clone(), (state, t))),
            }
        }
        let over =
            left.into_iter().map(|(labels, (state, since))| stretch(name, &labels, state, since, Some(t)));
        self.stretches.extend(over);
        if let Some(seen) = self.seen.get_mut(&t) {
            *seen = alerts.active().cloned().collect();
        }
    }

    /// What is still active is so to the end.
    pub(super) fn end(&mut self, name: &str) {
        let open = std::mem::take(&mut self.open).into_iter();
        self.stretches
            .extend(open.map(|(labels, (state, since))| stretch(name, &labels, state, since, None)));
    }
}

pub(super) fn state(state: alert::State) -> State {
    if state == alert::State::Firing { State::Firing } else { State::Pending }
}

fn stretch(name: &str, labels: &Labels, state: State, from_ms: i64, until_ms: Option<i64>) -> Stretch {
    Stretch { name: name.to_owned(), labels: pairs(labels), state, from_ms, until_ms }
}

pub(super) fn pairs(labels: &Labels) -> Pairs {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
