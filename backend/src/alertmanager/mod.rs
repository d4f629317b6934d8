//! The built-in Alertmanager: takes alerts, puts them in groups, holds back what is silenced or explained by others, and
//! tells the rest by webhook or on the terminal, as Alertmanager's own configuration file says.
//!
//! [`decide`] decides, with the time as a parameter; here it is given the clock, the disk and the network. The API is in
//! [`crate::api::alertmanager`]. It evaluates no rules and knows no other Alertmanagers.

mod alert;
mod alerts;
mod config;
mod counts;
mod decide;
mod deliver;
mod disk;
mod groups;
mod inhibit;
pub(crate) mod labels;
pub(crate) mod matchers;
mod message;
mod notified;
mod offline;
mod routes;
pub(crate) mod silences;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use alert::{Alert, Posted};
pub(crate) use config::Config;
pub use config::check;
pub(crate) use counts::render;
pub(crate) use decide::{Core, HeldBack, PostError};
pub use deliver::Screen;
pub use offline::Routing;

use crate::Error;
use config::Integration;
use counts::Channel;
use decide::{Sending, Turn};

/// The longest sleep: should the wall clock be set, what is due by it is noticed after this.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long the disk has peace between two writes, and after one that failed.
const PEACE: Duration = Duration::from_millis(200);
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How often old silences and notifications are forgotten.
const FORGET_OLD: Duration = Duration::from_secs(15 * 60);

/// An Alertmanager at work.
#[derive(Debug)]
pub(crate) struct Alertmanager {
    core: Mutex<Core>,
    /// The configuration; without one, everything goes to the terminal.
    file: Option<PathBuf>,
    state: PathBuf,
    client: reqwest::Client,
    screen: Screen,
    /// Something has changed that may make a group's turn earlier.
    changed: Notify,
    /// Something has changed that is kept on disk.
    unsaved: Notify,
    pub(crate) started_at: Timestamp,
}

impl Alertmanager {
    /// Reads the configuration, and from `folder` what is remembered. `external_url` is what notifications say where it is.
    ///
    /// # Errors
    /// The configuration has a mistake, or the folder cannot be used.
    pub(crate) fn open(
        file: Option<PathBuf>,
        folder: &Path,
        external_url: String,
        screen: Screen,
    ) -> Result<Self, Error> {
        let config = Config::load(file.as_deref()).map_err(Error::Configuration)?;
        let state = folder.join("state.json");
        let (silences, notified) = disk::read(&state).map_err(|error| Error::io(folder, &error))?;
        let now = Timestamp::now();
        let mut core = Core::new(config, silences, notified, external_url, now);
        core.counts.reloaded_at = Some(now);
        let client = reqwest::Client::builder().no_proxy().user_agent(AGENT).build();
        let client = client.map_err(|_| Error::Stopped("the client of webhooks"))?;
        Ok(Self {
            core: Mutex::new(core),
            file,
            state,
            client,
            screen,
            changed: Notify::new(),
            unsaved: Notify::new(),
            started_at: now,
        })
    }

    /// The state, to be looked at.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        // Decisions leave the state whole at every step; a panic in one of them is no reason to stop all notifications.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes alerts.
    pub(crate) fn post(&self, alerts: Vec<Posted>) -> Result<(), PostError> {
        let posted = self.core().post(alerts, Timestamp::now());
        self.changed.notify_one();
        posted
    }

    /// Changes silences.
    pub(crate) fn with_silences<T>(&self, change: impl FnOnce(&mut silences::Silences) -> T) -> T {
        let changed = change(&mut self.core().silences);
        self.unsaved.notify_one();
        changed
    }

    /// Reads the configuration again; one with a mistake changes nothing.
    ///
    /// # Errors
    /// The mistake.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let read = Config::load(self.file.as_deref());
        let mut core = self.core();
        core.counts.reload_failed = read.is_err();
        let now = Timestamp::now();
        core.reconfigure(read?, now);
        core.counts.reloaded_at = Some(now);
        drop(core);
        self.changed.notify_one();
        Ok(())
    }

    /// Works until `stop`, then writes down what is not yet.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(Arc::clone(&self).take_turns(stop.clone()), self.keep_saved(stop));
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "the last silences and notifications could not be written");
        }
    }

    async fn take_turns(self: Arc<Self>, stop: CancellationToken) {
        let mut turns = JoinSet::new();
        loop {
            let (due, next) = {
                let mut core = self.core();
                (core.take_turns(Timestamp::now()), core.next_turn())
            };
            for turn in due {
                turns.spawn(Arc::clone(&self).tell(turn));
            }
            let wait = Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or_default();
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.changed.notified() => {}
                Some(_) = turns.join_next() => {}
                () = tokio::time::sleep(wait.min(LONGEST_SLEEP)) => {}
            }
        }
        // What is being sent is sent anew after a restart.
        turns.shutdown().await;
    }

    /// Tells all channels of a group what is news to them.
    async fn tell(self: Arc<Self>, mut turn: Turn) {
        let sends = std::mem::take(&mut turn.sends);
        let told = join_all(sends.into_iter().map(|sending| self.send(sending, turn.patience))).await;
        self.core().finish(&turn, told.into_iter().all(|told| told));
    }

    async fn send(&self, sending: Sending, patience: Duration) -> bool {
        let channel = |core: &mut Core, count: &dyn Fn(&mut Channel)| match &sending.integration {
            Integration::Terminal => count(&mut core.counts.terminal),
            Integration::Webhook(_) => count(&mut core.counts.webhook),
        };
        channel(&mut self.core(), &Channel::begin);
        let attempted =
            |took, succeeded| channel(&mut self.core(), &|channel| channel.attempted(took, succeeded));
        match (&sending.integration, &sending.message) {
            (_, None) => {}
            (Integration::Terminal, Some(message)) => {
                self.screen.show(&message.line());
                attempted(Duration::ZERO, true);
            }
            (Integration::Webhook(webhook), Some(message)) => {
                let sent = deliver::webhook(&self.client, webhook, message, patience, attempted).await;
                if let Err(given_up) = sent {
                    channel(&mut self.core(), &|channel| channel.failed(given_up.reason));
                    let (receiver, attempts) = (&sending.receiver, given_up.attempts);
                    tracing::warn!(
                        receiver,
                        attempts,
                        error = given_up.what,
                        "a webhook did not take a notification"
                    );
                    return false;
                }
            }
        }
        self.core().told(sending, Timestamp::now());
        self.unsaved.notify_one();
        true
    }

    /// Writes after each change, and forgets now and then what is old.
    async fn keep_saved(&self, stop: CancellationToken) {
        let mut refused = false;
        let mut forget = tokio::time::interval(FORGET_OLD);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.unsaved.notified() => {}
                _ = forget.tick() => {
                    if !self.core().forget_old(Timestamp::now()) {
                        continue;
                    }
                }
            }
            let peace = match self.save().await {
                Ok(()) => {
                    refused = false;
                    PEACE
                }
                Err(error) => {
                    if !refused {
                        tracing::warn!(%error, "silences and notifications cannot be written; a restart would lack them");
                    }
                    refused = true;
                    self.unsaved.notify_one();
                    AFTER_FAILURE
                }
            };
            let _ = tokio::time::timeout(peace, stop.cancelled()).await;
        }
    }

    async fn save(&self) -> std::io::Result<()> {
        let bytes = disk::write(&self.core())?;
        let path = self.state.clone();
        let written = tokio::task::spawn_blocking(move || disk::replace(&path, &bytes)).await;
        let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        let mut core = self.core();
        core.counts.snapshots += 1;
        core.counts.snapshots_failed += u64::from(written.is_err());
        drop(core);
        written
    }
}

/// How webhooks are asked.
const AGENT: &str = concat!("firedrill-alertmanager/", env!("CARGO_PKG_VERSION"));

/// An id for a silence, as Alertmanager's are: a random UUID of version 4.
pub(crate) fn fresh_id() -> String {
    let bits: u128 = rand::random();
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_uuids() {
        let ids: std::collections::BTreeSet<String> = (0..100).map(|_| fresh_id()).collect();
        assert_eq!(ids.len(), 100);
        for id in ids {
            let parts: Vec<&str> = id.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
            assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        }
    }
}
