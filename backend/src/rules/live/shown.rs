//! What is told of groups and rules while they are evaluated: how each fared last, its alerts, and counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use crate::rules::alert::{self, Active};
use crate::rules::definition::{Group, Rule};
use crate::rules::evaluate::State;

/// How the last evaluation of a rule went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Health {
    /// There was none.
    #[default]
    Unknown,
    Good,
    /// It failed, and why.
    Bad(String),
}

impl Health {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "ok",
            Self::Bad(_) => "err",
        }
    }
}

/// What is told of a rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShownRule {
    pub(crate) health: Health,
    pub(crate) evaluated_at_ms: Option<i64>,
    pub(crate) took: Duration,
    /// None before the first evaluation.
    pub(crate) state: Option<alert::State>,
    /// Pending and firing ones.
    pub(crate) alerts: Arc<[Active]>,
}

/// What is told of a group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// By the clock, when the last evaluation began, and the moment that it was meant for.
    pub(crate) evaluated_at_ms: Option<i64>,
    pub(crate) meant_for_ms: i64,
    pub(crate) took: Duration,
    pub(crate) rules: Vec<ShownRule>,
}

/// Counts of a group.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) iterations: AtomicU64,
    pub(crate) missed: AtomicU64,
    pub(crate) evaluations: AtomicU64,
    pub(crate) failures: AtomicU64,
    /// Samples of the last evaluation.
    pub(crate) samples: AtomicU64,
    /// Time that all evaluations of rules, and all of groups, have taken, in microseconds.
    pub(crate) rules_us: AtomicU64,
    pub(crate) groups_us: AtomicU64,
    pub(crate) groups: AtomicU64,
    /// Time that alerts took to be restored.
    pub(crate) restore_us: AtomicU64,
}

/// A group that is being evaluated.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) definition: Arc<Group>,
    /// Its name in metrics.
    pub(crate) key: String,
    pub(crate) interval: Duration,
    shown: RwLock<Shown>,
    pub(crate) counters: Counters,
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Running {
    pub(super) fn new(definition: Arc<Group>, default: Duration) -> Self {
        let own = definition.interval_ms.and_then(|ms| u64::try_from(ms).ok());
        let rules = vec![ShownRule::default(); definition.rules.len()];
        Self {
            key: definition.key(),
            interval: own.map_or(default, Duration::from_millis).max(Duration::from_millis(1)),
            definition,
            shown: RwLock::new(Shown { rules, ..Shown::default() }),
            counters: Counters::default(),
        }
    }

    /// What is told of it now.
    pub(crate) fn shown(&self) -> RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how a rule fared: its health, when it was evaluated, how long that took.
    pub(super) fn show(
        &self,
        i: usize,
        rule: &Rule,
        state: &State,
        (health, at_ms, took): (Health, i64, Duration),
    ) {
        self.counters.rules_us.fetch_add(us(took), Relaxed);
        let alerts = state.alerts.active().cloned().collect();
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let Some(shown) = shown.rules.get_mut(i) else { return };
        if let Health::Bad(error) = &health
            && shown.health != health
        {
            tracing::warn!(group = %self.key, rule = %rule.name, line = rule.line, %error, "a rule fails");
        }
        let state = rule.alert().map(|_| state.alerts.state());
        *shown = ShownRule { health, evaluated_at_ms: Some(at_ms), took, state, alerts };
    }

    /// Notes that an evaluation is over.
    pub(super) fn finish(&self, now_ms: i64, meant_for_ms: i64, took: Duration) {
        self.counters.groups_us.fetch_add(us(took), Relaxed);
        self.counters.groups.fetch_add(1, Relaxed);
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let began = now_ms - i64::try_from(took.as_millis()).unwrap_or(0);
        (shown.evaluated_at_ms, shown.meant_for_ms, shown.took) = (Some(began), meant_for_ms, took);
    }
}
