//! What an Alertmanager decides, with the time as a parameter and without a socket or a disk: which alerts there are, in
//! which groups, who is told what, and what is held back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::alert::{Alert, Posted, later};
use super::alerts::Alerts;
use super::config::{Config, Integration};
use super::counts::Counts;
use super::groups::{GroupId, Groups};
use super::inhibit::Inhibitor;
use super::labels::{self, Fingerprint, Labels};
use super::message::{Message, Subject};
use super::notified::{News, Notified};
use super::routes::Routes;
use super::silences::Silences;

/// How often groups without alerts are forgotten, and how often alerts that are over and all else that is old.
const FORGET_GROUPS: Duration = Duration::from_secs(30);
const FORGET_ALERTS: Duration = Duration::from_secs(30 * 60);

/// The state, and what is done with it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) routes: Routes,
    pub(crate) alerts: Alerts,
    pub(crate) silences: Silences,
    pub(crate) notified: Notified,
    pub(crate) groups: Groups,
    pub(crate) inhibitor: Inhibitor,
    pub(crate) counts: Counts,
    external_url: String,
    /// Grows with each configuration: what was begun under an older one does not end a turn under this one.
    generation: u64,
    forget_groups_at: Timestamp,
    forget_alerts_at: Timestamp,
}

/// A group's turn: what is to be sent.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) group: GroupId,
    generation: u64,
    /// How long the sending may take, with all its attempts.
    pub(crate) patience: Duration,
    /// The resolved alerts that everybody knows of when all is sent.
    resolved: Vec<(Fingerprint, Timestamp)>,
    pub(crate) sends: Vec<Sending>,
}

/// A notification by one channel.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) receiver: String,
    pub(crate) integration: Integration,
    /// `None` when there is nothing to send, but something to remember: the end of alerts, where ends are not sent.
    pub(crate) message: Option<Message>,
    key: String,
    news: News,
    repeat: Duration,
}

/// Why an alert notifies nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldBack {
    pub(crate) inhibited_by: Option<Fingerprint>,
    pub(crate) silenced_by: Vec<String>,
}

impl HeldBack {
    pub(crate) fn is_held_back(&self) -> bool {
        self.inhibited_by.is_some() || !self.silenced_by.is_empty()
    }
}

/// The shortest time that the sending of a turn is given.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

impl Core {
    pub(crate) fn new(
        config: Config,
        silences: Silences,
        notified: Notified,
        external_url: String,
        now: Timestamp,
    ) -> Self {
        Self {
            routes: Routes::new(&config.route),
            inhibitor: Inhibitor::new(&config.inhibit_rules, &Alerts::default()),
            config,
            alerts: Alerts::default(),
            silences,
            notified,
            groups: Groups::default(),
            counts: Counts::default(),
            external_url,
            generation: 0,
            forget_groups_at: later(now, FORGET_GROUPS),
            forget_alerts_at: later(now, FORGET_ALERTS),
        }
    }

    /// Works by another configuration from now on. All groups begin anew; what was told is remembered.
    pub(crate) fn reconfigure(&mut self, config: Config, now: Timestamp) {
        self.generation += 1;
        self.routes = Routes::new(&config.route);
        self.inhibitor = Inhibitor::new(&config.inhibit_rules, &self.alerts);
        self.config = config;
        self.groups = Groups::default();
        let alerts: Vec<Arc<Alert>> = self.alerts.iter().map(|(_, alert)| Arc::clone(alert)).collect();
        alerts.into_iter().for_each(|alert| self.group(&alert, now));
    }

    /// Takes alerts in, as many as make sense.
    ///
    /// # Errors
    /// What is wrong with the others, and for how many there was no room.
    pub(crate) fn post(&mut self, posted: Vec<Posted>, now: Timestamp) -> Result<(), PostError> {
        let (mut wrong, mut no_room) = (Vec::new(), 0);
        for one in posted {
            let alert = match one.at(now, self.config.resolve_timeout) {
                Ok(alert) => alert,
                Err(what) => {
                    self.counts.invalid += 1;
                    wrong.push(what);
                    continue;
                }
            };
            if alert.resolved_at(now) {
                self.counts.received_resolved += 1;
            } else {
                self.counts.received_firing += 1;
            }
            if self.alerts.is_full() && self.alerts.get(alert.fingerprint()).is_none() {
                self.forget_resolved(now);
            }
            match self.alerts.put(alert, now) {
                Some(alert) => {
                    self.inhibitor.learn(&alert);
                    self.group(&alert, now);
                }
                None => {
                    self.counts.limited += 1;
                    no_room += 1;
                }
            }
        }
        match (wrong.is_empty(), no_room) {
            (false, _) => Err(PostError::Wrong(wrong.join("; "))),
            (true, 0) => Ok(()),
            (true, n) => Err(PostError::NoRoom(n)),
        }
    }

    fn group(&mut self, alert: &Arc<Alert>, now: Timestamp) {
        for route in self.routes.of(&alert.labels) {
            let options = self.routes.options(route);
            let id = (route, options.group_labels(&alert.labels));
            if !self.groups.insert(id, Arc::clone(alert), options, now) {
                self.counts.groups_limited += 1;
            }
        }
    }

    /// Why an alert with these labels notifies nobody now.
    pub(crate) fn held_back(&self, set: &Labels, now: Timestamp) -> HeldBack {
        HeldBack {
            inhibited_by: self.inhibitor.held_back_by(set, &self.alerts, now),
            silenced_by: self.silences.of(set, now),
        }
    }

    /// The groups whose turn it is, with what is to be sent of each; and forgets what is old.
    pub(crate) fn take_turns(&mut self, now: Timestamp) -> Vec<Turn> {
        if now >= self.forget_groups_at {
            self.groups.forget_empty();
            self.forget_groups_at = later(now, FORGET_GROUPS);
        }
        if now >= self.forget_alerts_at {
            self.forget_resolved(now);
            self.forget_alerts_at = later(now, FORGET_ALERTS);
        }
        let routes = &self.routes;
        let turns = self.groups.take_turns(|id| routes.options(id), now);
        turns.into_iter().map(|(group, alerts)| self.turn(group, alerts, now)).collect()
    }

    /// Forgets the silences and notifications that no longer matter; whether there were any.
    pub(crate) fn forget_old(&mut self, now: Timestamp) -> bool {
        // Both, whatever the first one finds.
        self.silences.forget_old(now) | self.notified.forget_old(now)
    }

    fn forget_resolved(&mut self, now: Timestamp) {
        for alert in self.alerts.forget_resolved(now) {
            self.inhibitor.forget(&alert);
        }
    }

    fn turn(&mut self, group: GroupId, mut alerts: Vec<Arc<Alert>>, now: Timestamp) -> Turn {
        let options = self.routes.options(group.0).clone();
        alerts.sort_by(|a, b| labels::alert_order(&a.labels, &b.labels));
        let resolved =
            alerts.iter().filter(|a| a.resolved_at(now)).map(|a| (a.fingerprint(), a.updated_at)).collect();
        alerts.retain(|alert| {
            if self.inhibitor.held_back_by(&alert.labels, &self.alerts, now).is_some() {
                self.counts.suppressed_by_inhibition += 1;
                return false;
            }
            let silenced = !self.silences.of(&alert.labels, now).is_empty();
            self.counts.suppressed_by_silence += u64::from(silenced);
            !silenced
        });
        let mut sends = Vec::new();
        if !alerts.is_empty() {
            let group_key = self.routes.group_key(group.0, &group.1);
            let subject = Subject {
                receiver: &options.receiver,
                group_key: &group_key,
                group_labels: &group.1,
                external_url: &self.external_url,
            };
            let integrations = self.config.integrations(&options.receiver).iter().enumerate();
            for (index, integration) in integrations {
                let key = format!("{group_key}:{}/{}/{index}", options.receiver, integration.name());
                sends.extend(self.sending(&subject, integration, key, &alerts, options.repeat_interval, now));
            }
        }
        let patience = options.group_interval.max(LEAST_PATIENCE);
        Turn { group, generation: self.generation, patience, resolved, sends }
    }

    fn sending(
        &self,
        subject: &Subject<'_>,
        integration: &Integration,
        key: String,
        alerts: &[Arc<Alert>],
        repeat: Duration,
        now: Timestamp,
    ) -> Option<Sending> {
        let mut news = News::default();
        for alert in alerts {
            let set = if alert.resolved_at(now) { &mut news.resolved } else { &mut news.firing };
            set.insert(alert.fingerprint());
        }
        let sends_resolved = integration.sends_resolved();
        if !self.notified.is_news(&key, &news, sends_resolved, repeat, now) {
            return None;
        }
        let sent: Vec<Arc<Alert>> =
            alerts.iter().filter(|a| sends_resolved || !a.resolved_at(now)).cloned().collect();
        let max_alerts = match integration {
            Integration::Webhook(webhook) => webhook.max_alerts,
            Integration::Terminal => 0,
        };
        let message = (!sent.is_empty()).then(|| Message::new(subject, &sent, max_alerts, now));
        let receiver = subject.receiver.to_owned();
        Some(Sending { receiver, integration: integration.clone(), message, key, news, repeat })
    }

    /// A channel has been told, or there was nothing to tell it.
    pub(crate) fn told(&mut self, sending: Sending, now: Timestamp) {
        self.notified.write_down(sending.key, sending.news, sending.repeat, now);
    }

    /// A turn is over; `complete` when every channel has been told.
    pub(crate) fn finish(&mut self, turn: &Turn, complete: bool) {
        if turn.generation == self.generation {
            self.groups.finish(&turn.group, if complete { &turn.resolved } else { &[] });
        }
    }

    /// When there is something to do next.
    pub(crate) fn next_turn(&self) -> Timestamp {
        let forget = self.forget_groups_at.min(self.forget_alerts_at);
        self.groups.next_turn().map_or(forget, |turn| turn.min(forget))
    }

    /// How many alerts fire: those that notify, and those that are held back.
    pub(crate) fn firing(&self, now: Timestamp) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::from([("active", 0), ("suppressed", 0)]);
        for (_, alert) in self.alerts.iter().filter(|(_, alert)| !alert.resolved_at(now)) {
            let state =
                if self.held_back(&alert.labels, now).is_held_back() { "suppressed" } else { "active" };
            *counts.entry(state).or_default() += 1;
        }
        counts
    }
}

/// Why not all alerts were taken in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PostError {
    /// Some are no alerts.
    Wrong(String),
    /// There are too many.
    NoRoom(usize),
}

#[cfg(test)]
mod tests;
