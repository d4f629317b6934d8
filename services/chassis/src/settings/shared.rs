//! The settings of a running service: the state, its file, and those who are told of a change.
//!
//! A change is checked whole, kept, and only then acts; what cannot be kept does not act.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::check::Described;
use super::handle::Store;
use super::state::{Revision, State, Unreachable, Values};
use super::{SettingsError, file};
use crate::clock;

/// The most leases at the same time.
const MOST_LEASES: usize = 100;

/// One setting.
pub(super) struct Entry {
    pub(super) described: Described,
    pub(super) store: Store,
}

/// Who is told of changes.
pub(super) struct Watch {
    pub(super) prefixes: &'static [&'static str],
    pub(super) tell: Box<dyn Fn() + Send + Sync>,
}

/// The settings of a service. Clones share them.
#[derive(Clone)]
pub struct Settings(Arc<Shared>);

struct Shared {
    service: &'static str,
    entries: BTreeMap<String, Entry>,
    watches: Vec<Watch>,
    defaults: Values,
    path: Option<PathBuf>,
    state: Mutex<State>,
    /// A lease came, or its end is another one.
    leases_changed: Notify,
}

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Refused {
    /// What is wrong with it, by key, and the keys that there are.
    Wrong { wrong: Vec<Wrong>, known: Vec<String> },
    /// More leases than are kept.
    TooManyLeases,
    /// That revision cannot be gone back to.
    Unreachable(Unreachable),
    /// It could not be kept.
    NotKept(io::Error),
}

/// What is wrong with one key of a change.
#[derive(Debug, PartialEq)]
pub(super) struct Wrong {
    pub(super) key: String,
    pub(super) problem: String,
    /// The setting as it is shown; none where there is none of this key.
    pub(super) setting: Option<Value>,
}

impl Settings {
    pub(super) fn open(
        service: &'static str,
        entries: BTreeMap<String, Entry>,
        watches: Vec<Watch>,
        path: Option<PathBuf>,
    ) -> Result<Self, SettingsError> {
        let defaults: Values =
            entries.iter().map(|(key, entry)| (key.clone(), entry.described.default.clone())).collect();
        let mut state = State::new(defaults.clone());
        if let Some(path) = &path {
            let unusable = |cause| SettingsError { path: path.clone(), cause };
            state = file::read(path, defaults.clone()).map_err(unusable)?;
            // What another program of this name took may lie beyond today's ranges.
            for (key, value) in &mut state.values {
                match entries[key].described.check(value) {
                    Ok(checked) => *value = checked,
                    Err(_) => value.clone_from(&defaults[key]),
                }
            }
            state.leases.keep(|key| defaults.contains_key(key));
            if state.take_back_ended(clock::now_ms()) {
                file::write(path, &state, &defaults).map_err(unusable)?;
            }
        }
        let state = Mutex::new(state);
        let shared =
            Shared { service, entries, watches, defaults, path, state, leases_changed: Notify::new() };
        let this = Self(Arc::new(shared));
        let restored: Vec<String> = this.0.changed(&this.0.defaults, &this.0.state().values);
        this.0.act(&restored, &this.0.state().values);
        Ok(this)
    }

    pub(super) fn service(&self) -> &'static str {
        self.0.service
    }

    /// The revision, and every setting as it is shown.
    pub(super) fn shown(&self) -> (u64, Value) {
        let state = self.0.state();
        let shown = self.0.entries.iter().map(|(key, entry)| {
            let value = state.values.get(key).unwrap_or(&entry.described.default);
            (key.clone(), entry.described.shown(value))
        });
        (state.revision, Value::Object(shown.collect::<Map<_, _>>()))
    }

    /// The revisions that are remembered, oldest first.
    pub(super) fn history(&self) -> Vec<Revision> {
        self.0.state().history.iter().cloned().collect()
    }

    /// Sets values, all or none; on a lease, until its end. The lease's id.
    pub(super) fn set(&self, wanted: &Values, lease: Option<Duration>) -> Result<Option<String>, Refused> {
        let wanted = self.0.checked(wanted)?;
        let now = clock::now_ms();
        let Some(lease) = lease else {
            self.0.change(|state| {
                state.set(wanted, now);
                Ok(())
            })?;
            return Ok(None);
        };
        let id = format!("{:016x}", rand::random::<u64>());
        self.0.change(|state| {
            if state.leases.len() >= MOST_LEASES {
                return Err(Refused::TooManyLeases);
            }
            state.lend(id.clone(), wanted, now, after(now, lease));
            Ok(())
        })?;
        self.0.leases_changed.notify_one();
        Ok(Some(id))
    }

    /// Lets a lease last so long from now; false when there is none of this id.
    pub(super) fn prolong(&self, id: &str, lease: Duration) -> Result<bool, Refused> {
        let until = after(clock::now_ms(), lease);
        let found = self.0.change(|state| Ok(state.leases.prolong(id, until)))?;
        self.0.leases_changed.notify_one();
        Ok(found)
    }

    /// Takes a lease back; false when there is none of this id.
    pub(super) fn take_back(&self, id: &str) -> Result<bool, Refused> {
        self.0.change(|state| Ok(state.take_back(id, clock::now_ms())))
    }

    /// Goes back to a revision; without one, to the state before the last change.
    pub(super) fn roll_back(&self, to: Option<u64>) -> Result<(), Refused> {
        self.0.change(|state| state.roll_back(to, clock::now_ms()).map_err(Refused::Unreachable))
    }

    /// Takes back leases as they end, for ever.
    pub(super) async fn end_leases(&self) {
        loop {
            let next = self.0.state().leases.next_end();
            let until_then = async {
                match next {
                    Some(end) => {
                        let left = u64::try_from(end.saturating_sub(clock::now_ms())).unwrap_or(0);
                        tokio::time::sleep(Duration::from_millis(left)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = until_then => {}
                () = self.0.leases_changed.notified() => continue,
            }
            let ended = self.0.change(|state| {
                state.take_back_ended(clock::now_ms());
                Ok(())
            });
            if let Err(refused) = ended {
                // The disk may have room again in a moment; until then the lease goes on.
                tracing::warn!(reason = ?refused, "settings cannot be kept, tried again in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

impl Shared {
    /// Both halves of a change are made under the lock, so a panic elsewhere leaves none half made.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The values as they are kept, or all that is wrong with them.
    fn checked(&self, wanted: &Values) -> Result<Values, Refused> {
        let mut checked = Values::new();
        let mut wrong = Vec::new();
        for (key, value) in wanted {
            match self.entries.get(key) {
                None => {
                    let problem = "there is no such setting".to_owned();
                    wrong.push(Wrong { key: key.clone(), problem, setting: None });
                }
                Some(entry) => match entry.described.check(value) {
                    Ok(value) => drop(checked.insert(key.clone(), value)),
                    Err(problem) => {
                        let now = self.state().values.get(key).cloned().unwrap_or_default();
                        let setting = Some(entry.described.shown(&now));
                        wrong.push(Wrong { key: key.clone(), problem, setting });
                    }
                },
            }
        }
        let known = || self.entries.keys().cloned().collect();
        if wrong.is_empty() { Ok(checked) } else { Err(Refused::Wrong { wrong, known: known() }) }
    }

    /// Makes a change: on a copy first, then in the file, then for everybody.
    fn change<T>(&self, make: impl FnOnce(&mut State) -> Result<T, Refused>) -> Result<T, Refused> {
        let mut state = self.state();
        let mut next = state.clone();
        let made = make(&mut next)?;
        if next == *state {
            return Ok(made);
        }
        if let Some(path) = &self.path {
            file::write(path, &next, &self.defaults).map_err(Refused::NotKept)?;
        }
        let changed = self.changed(&state.values, &next.values);
        *state = next;
        // Under the lock: what acts is always what was changed last.
        self.act(&changed, &state.values);
        Ok(made)
    }

    fn changed(&self, before: &Values, after: &Values) -> Vec<String> {
        after
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(value))
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn act(&self, changed: &[String], values: &Values) {
        for key in changed {
            if let (Some(entry), Some(value)) = (self.entries.get(key), values.get(key)) {
                (entry.store)(value);
            }
        }
        for watch in &self.watches {
            let concerned = |key: &String| watch.prefixes.iter().any(|prefix| key.starts_with(prefix));
            if changed.iter().any(concerned) {
                (watch.tell)();
            }
        }
    }
}

fn after(now_ms: i64, lease: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
}
