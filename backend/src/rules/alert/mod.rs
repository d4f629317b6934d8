//! The alerts of one rule: each is inactive, pending or firing, and is carried from one evaluation to the next as
//! Prometheus does it. No clock and no store: the time and what the query answered are told.

mod expand;
mod humanize;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use expand::{Ask, DIALECT, Data, Externals, link};

use super::definition::{Alert, Rule};
use crate::labels::{Labels, NAME};

/// How long an alert that is over is still told of.
const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;

/// The series that tell of alerts, and of since when they are active.
pub(crate) const ALERTS: &str = "ALERTS";
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
const ALERT_NAME: &str = "alertname";
const ALERT_STATE: &str = "alertstate";

/// What an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum State {
    /// Over.
    Inactive,
    /// The query holds, and not yet for as long as the rule asks.
    Pending,
    Firing,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// Names and values.
pub(crate) type Annotations = Arc<[(Arc<str>, String)]>;

/// What the query answers for one alert.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) value: f64,
    /// The labels of the answer.
    pub(crate) labels: Labels,
    /// When it was asked.
    pub(crate) at_ms: i64,
    /// None while nobody has asked for them.
    pub(crate) annotations: Option<Annotations>,
}

/// One alert.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    pub(crate) labels: Labels,
    pub(crate) state: State,
    /// What the query answered last.
    pub(crate) found: Found,
    pub(crate) active_at_ms: i64,
    pub(crate) fired_at_ms: Option<i64>,
    pub(crate) resolved_at_ms: Option<i64>,
    /// Since when it fires although the query does not hold.
    pub(crate) keep_firing_since_ms: Option<i64>,
    pub(crate) last_sent_ms: Option<i64>,
    /// Until when a receiver may take it for active without hearing of it again.
    pub(crate) valid_until_ms: i64,
    series: Series,
}

/// The labels of its series.
#[derive(Debug, Clone)]
struct Series {
    pending: Labels,
    firing: Labels,
    for_state: Labels,
}

impl Active {
    fn new(rule: &Rule, labels: Labels, found: Found) -> Self {
        let series = |name: &str, state: Option<State>| {
            let of_rule = rule.written_labels();
            let own = [(NAME, name), (ALERT_NAME, &rule.name)];
            let state = state.map(|state| (ALERT_STATE, state.name()));
            Labels::new(of_rule.chain(labels.iter()).chain(own).chain(state))
        };
        let series = Series {
            pending: series(ALERTS, Some(State::Pending)),
            firing: series(ALERTS, Some(State::Firing)),
            for_state: series(ALERTS_FOR_STATE, None),
        };
        Self {
            active_at_ms: found.at_ms,
            labels,
            state: State::Pending,
            found,
            fired_at_ms: None,
            resolved_at_ms: None,
            keep_firing_since_ms: None,
            last_sent_ms: None,
            valid_until_ms: 0,
            series,
        }
    }

    /// Its series, with the values they have now.
    pub(crate) fn samples(&self) -> [(&Labels, f64); 2] {
        let state = if self.state == State::Firing { &self.series.firing } else { &self.series.pending };
        [(state, 1.0), (&self.series.for_state, self.active_at_ms.div_euclid(1000) as f64)]
    }

    /// Whether it is pending or firing.
    pub(crate) fn is_active(&self) -> bool {
        self.state != State::Inactive
    }

    /// Whether receivers should hear of it now.
    pub(crate) fn needs_sending(&self, now_ms: i64, resend_ms: i64) -> bool {
        let sent = self.last_sent_ms;
        match self.state {
            State::Pending => false,
            _ if self.resolved_at_ms.is_some_and(|at| sent.is_none_or(|sent| at > sent)) => true,
            _ => sent.is_none_or(|sent| sent.saturating_add(resend_ms) < now_ms),
        }
    }
}

/// The labels of the alert that a row of the query's answer makes.
pub(crate) fn labels_of(rule: &Rule, data: &Data<'_>) -> Labels {
    let own = rule.labels.iter().map(|(name, text)| (Arc::clone(name), Arc::from(data.expand(rule, text))));
    let of_row = data.labels.pairs().iter().filter(|(name, _)| &**name != NAME).cloned();
    let name: (Arc<str>, Arc<str>) = (ALERT_NAME.into(), Arc::clone(&rule.name));
    Labels::new(of_row.chain(own).chain([name]))
}

/// The annotations of such an alert.
pub(crate) fn annotations_of(rule: &Rule, data: &Data<'_>) -> Annotations {
    let texts = rule.alert().map(|alert| alert.annotations.as_slice()).unwrap_or_default();
    texts.iter().map(|(name, text)| (Arc::clone(name), data.expand(rule, text))).collect()
}

/// All alerts of a rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alerts(BTreeMap<Labels, Active>);

impl Alerts {
    /// Goes on to `ts`, at which the query has found these.
    ///
    /// # Errors
    /// More than `limit` alerts are active; all are forgotten then, as Prometheus does.
    pub(crate) fn advance(
        &mut self,
        rule: &Rule,
        alert: &Alert,
        ts: i64,
        found: BTreeMap<Labels, Found>,
        limit: usize,
    ) -> Result<(), String> {
        let holds: Vec<Labels> = found.keys().cloned().collect();
        for (labels, found) in found {
            match self.0.get_mut(&labels) {
                Some(active) if active.is_active() => active.found = found,
                _ => {
                    self.0.insert(labels.clone(), Active::new(rule, labels, found));
                }
            }
        }
        self.0.retain(|labels, active| step(alert, active, ts, holds.binary_search(labels).is_ok()));
        let count = self.active().count();
        if limit > 0 && count > limit {
            self.0.clear();
            return Err(format!("exceeded limit of {limit} with {count} alerts"));
        }
        Ok(())
    }

    /// The alerts that are pending or firing, by their labels.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Active> {
        self.0.values().filter(|active| active.is_active())
    }

    /// All of them, those that are over among them.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Active> {
        self.0.values_mut()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the rule as a whole is: the most that one of its alerts is.
    pub(crate) fn state(&self) -> State {
        self.0.values().map(|active| active.state).max().unwrap_or(State::Inactive)
    }
}

/// Brings one alert to `ts`. Answers whether it is still to be kept.
fn step(alert: &Alert, active: &mut Active, ts: i64, holds: bool) -> bool {
    if holds {
        active.keep_firing_since_ms = None;
    } else {
        let mut keeps_firing = false;
        if active.state == State::Firing && alert.keep_firing_ms > 0 {
            let since = *active.keep_firing_since_ms.get_or_insert(ts);
            keeps_firing = ts - since < alert.keep_firing_ms;
        }
        let long_over = active.resolved_at_ms.is_some_and(|at| ts - at > RESOLVED_RETENTION_MS);
        if active.state == State::Pending || long_over {
            return false;
        }
        if !keeps_firing {
            if active.is_active() {
                active.state = State::Inactive;
                active.resolved_at_ms = Some(ts);
            }
            return true;
        }
    }
    if active.state == State::Pending && ts - active.active_at_ms >= alert.hold_ms {
        active.state = State::Firing;
        active.fired_at_ms = Some(ts);
    }
    // Of a rule that was changed to hold longer.
    if active.state == State::Firing && ts - active.active_at_ms < alert.hold_ms {
        active.state = State::Pending;
        active.fired_at_ms = None;
        active.last_sent_ms = None;
        active.keep_firing_since_ms = None;
    }
    true
}

#[cfg(test)]
mod tests;
