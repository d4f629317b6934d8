//! One group, evaluated at its interval: at moments that its name decides, so that groups do not all begin at once, and off
//! the threads that serve sockets.

use std::collections::HashSet;
use std::hash::Hasher as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::notify::{RESEND_MS, Told};
use super::restore::restore;
use super::shown::{Health, Running};
use crate::Backend;
use crate::labels::Labels;
use crate::promql::{Grid, LOOKBACK_MS, Options};
use crate::rules::alert::Active;
use crate::rules::definition::{Group, Rule};
use crate::rules::evaluate::{Output, Scene, State, evaluate};
use crate::stats::add;
use crate::store::samples::{Refused, is_stale, stale};
use crate::time::now_ms;

/// What a group carries from one evaluation to the next, and hands on when its definition changes.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// One for each rule.
    pub(super) states: Vec<State>,
    /// Series of rules that are no more: they get an end.
    pub(super) left: HashSet<Labels>,
}

impl Carried {
    /// Of a group that begins. `restores` when it may have alerts from before a restart.
    pub(super) fn new(group: &Group, restores: bool) -> Self {
        let state =
            |rule: &Rule| State { holds_back: restores && rule.alert().is_some(), ..State::default() };
        Self { states: group.rules.iter().map(state).collect(), left: HashSet::new() }
    }

    /// What of it belongs to the rules of a group that was changed: rules are known again by name and labels.
    pub(super) fn handed_to(self, old: &Group, new: &Group) -> Self {
        let mut carried = Self::new(new, false);
        let mut old: Vec<_> = old.rules.iter().zip(self.states).collect();
        for (rule, state) in new.rules.iter().zip(&mut carried.states) {
            let same = |o: &Rule| {
                o.name == rule.name
                    && o.alert().is_some() == rule.alert().is_some()
                    && o.written_labels().eq(rule.written_labels())
            };
            if let Some(at) = old.iter().position(|(o, _)| same(o)) {
                *state = old.remove(at).1;
            }
        }
        carried.left = self.left;
        carried.left.extend(old.into_iter().flat_map(|(_, state)| state.made));
        carried
    }
}

/// The last moment before `now` at which the group is due, in nanoseconds.
fn due_before(key: &str, interval_ns: i64, now_ns: i64) -> i64 {
    // Not the standard one, which may change: the moments of a group stay the same from one version to the next.
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    hasher.write(key.as_bytes());
    let offset = (hasher.finish() % interval_ns.unsigned_abs().max(1)) as i64;
    let adjusted = now_ns - offset;
    adjusted - adjusted.rem_euclid(interval_ns) + offset
}

struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Evaluates a group until `stop`, and hands back what it carries.
pub(super) async fn run(
    backend: Arc<Backend>,
    running: Arc<Running>,
    mut carried: Carried,
    stop: CancellationToken,
) -> Carried {
    let interval = running.interval;
    let step = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
    let mut due = due_before(&running.key, step * 1_000_000, crate::time::now_ns()) / 1_000_000 + step;
    let first = Duration::from_millis(u64::try_from(due - now_ms()).unwrap_or(0));
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + first, interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut evaluations = 0u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => return carried,
            _ = tick.tick() => {}
        }
        if evaluations > 0 {
            // The clock that is read and the one that wakes may differ by a little.
            let missed = (now_ms() + step / 10 - due) / step - 1;
            due += (missed + 1) * step;
            let missed = usize::try_from(missed).unwrap_or(0);
            add(&running.counters.missed, missed);
            add(&running.counters.iterations, missed);
        }
        add(&running.counters.iterations, 1);
        let place = Arc::clone(&backend.rules.places).acquire_owned();
        let place = tokio::select! {
            () = stop.cancelled() => return carried,
            place = place => place,
        };
        let (shared, group) = (Arc::clone(&backend), Arc::clone(&running));
        // After the second, what alerts and rules depend on has been recorded and scraped again.
        let restores = evaluations == 1;
        let work = move || {
            let _place = place;
            let started = Instant::now();
            iteration(&shared, &group, &mut carried, due);
            group.finish(now_ms(), due, started.elapsed());
            if restores {
                restore_all(&shared, &group, &mut carried);
            }
            carried
        };
        carried = match tokio::task::spawn_blocking(work).await {
            Ok(carried) => carried,
            Err(error) => {
                tracing::error!(group = %running.key, %error, "the evaluation of a group broke; it begins anew");
                Carried::new(&running.definition, false)
            }
        };
        evaluations = evaluations.saturating_add(1);
    }
}

fn restore_all(backend: &Backend, running: &Running, carried: &mut Carried) {
    let started = Instant::now();
    for (rule, state) in running.definition.rules.iter().zip(&mut carried.states) {
        if let Some(alert) = rule.alert().filter(|_| state.holds_back) {
            restore(rule, alert, state, &*backend.store.samples, now_ms());
        }
    }
    let us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    running.counters.restore_us.store(us, Relaxed);
}

/// Evaluates all rules of a group at one moment.
fn iteration(backend: &Backend, running: &Running, carried: &mut Carried, ts: i64) {
    let group = &*running.definition;
    let mut samples = 0;
    for (i, rule) in group.rules.iter().enumerate() {
        let (at_ms, started) = (now_ms(), Instant::now());
        let state = &mut carried.states[i];
        let output = one(backend, group, rule, state, ts);
        add(&running.counters.evaluations, 1);
        let health = match output.failures.first() {
            Some((_, what)) => {
                add(&running.counters.failures, 1);
                Health::Bad(what.clone())
            }
            None => {
                samples += output.series.len();
                send(backend, running, rule, state, ts);
                store(backend, &output).map_or(Health::Good, Health::Bad)
            }
        };
        running.show(i, rule, state, (health, at_ms, started.elapsed()));
    }
    running.counters.samples.store(samples as u64, Relaxed);
    end(backend, &std::mem::take(&mut carried.left), ts - group.query_offset_ms);
}

fn one(backend: &Backend, group: &Group, rule: &Rule, state: &mut State, ts: i64) -> Output {
    let limits = &backend.config.limits;
    let options = Options {
        deadline: Instant::now() + limits.query_timeout,
        points: limits.query_points,
        lookback_ms: LOOKBACK_MS,
        subquery_step_ms: backend.config.subquery_step_ms(),
    };
    let externals = &backend.rules.externals;
    let scene = Scene { source: &*backend.store.samples, options, externals, annotates: true };
    let at = (Grid::instant(ts - group.query_offset_ms), group.query_offset_ms);
    evaluate(rule, state, group.limit, at, &scene, &mut |_, _| {})
}

/// Hands alerts that are due to the receivers.
fn send(backend: &Backend, running: &Running, rule: &Rule, state: &mut State, ts: i64) {
    if rule.alert().is_none() {
        return;
    }
    let interval = i64::try_from(running.interval.as_millis()).unwrap_or(i64::MAX / 8);
    let rules = &backend.rules;
    let due = |active: &&mut Active| active.needs_sending(ts, RESEND_MS);
    let told = state.alerts.all_mut().filter(due).map(|active| {
        active.last_sent_ms = Some(ts);
        // Two evaluations or sendings may fail before the alert is taken to be over.
        active.valid_until_ms = ts + 4 * interval.max(RESEND_MS);
        Told::of(rule, active, &rules.externals.labels, &rules.externals.url)
    });
    let told: Vec<Told> = told.collect();
    if !told.is_empty() {
        rules.receivers.iter().for_each(|receiver| receiver.push(&told));
    }
}

/// Stores what a rule has made, and answers why the last of what was refused was.
fn store(backend: &Backend, output: &Output) -> Option<String> {
    let mut refused = None;
    let (mut stored, mut lost) = (0, 0);
    let mut appender = backend.store.samples.appender();
    for (labels, samples) in &output.series {
        for sample in samples {
            match appender.append(labels, sample.t, sample.v) {
                Ok(_) => stored += 1,
                // Another rule goes on with the series.
                Err(Refused::OutOfOrder | Refused::Duplicate) if is_stale(sample.v) => {}
                Err(error) => {
                    lost += 1;
                    refused = Some(error.reason().to_owned());
                }
            }
        }
    }
    drop(appender);
    add(&backend.stats.samples.ingested, stored);
    add(&backend.stats.samples.refused, lost);
    refused
}

/// Ends series, where nobody has gone on with them.
pub(super) fn end(backend: &Backend, series: &HashSet<Labels>, t: i64) {
    if !series.is_empty() {
        let mut appender = backend.store.samples.appender();
        for labels in series {
            let _ = appender.append(labels, t, stale());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::file;

    #[test]
    fn a_group_is_due_at_the_same_moments_whenever_it_begins() {
        let (minute, start) = (60_000_000_000, 1_700_000_000_000_000_000);
        let offset = due_before("a;b", minute, start).rem_euclid(minute);
        for late in [0, 1, 59_999_999_999, 3 * minute + 7] {
            let due = due_before("a;b", minute, start + late);
            assert_eq!(due.rem_euclid(minute), offset);
            assert!(due <= start + late && due > start + late - minute);
        }
        assert_ne!(due_before("a;c", minute, start).rem_euclid(minute), offset);
    }

    #[test]
    fn a_changed_group_goes_on_with_the_rules_it_keeps() {
        let group = |text: &str| file::read("f", text).expect("valid").remove(0);
        let old = group("groups: [{name: g, rules: [{record: a, expr: x}, {record: b, expr: x}]}]");
        let new = group("groups: [{name: g, rules: [{record: c, expr: x}, {record: b, expr: y}]}]");
        let mut carried = Carried::new(&old, false);
        let labels = |name: &str| Labels::new([("__name__", name)]);
        carried.states[0].made.insert(labels("a"));
        carried.states[1].made.insert(labels("b"));
        let carried = carried.handed_to(&old, &new);
        assert!(carried.states[0].made.is_empty());
        assert!(carried.states[1].made.contains(&labels("b")));
        assert_eq!(carried.left, HashSet::from([labels("a")]));
    }
}
