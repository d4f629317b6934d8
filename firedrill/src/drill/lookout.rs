//! What the keeper of a drill sees of it: whether the condition occurred, whose request it hurt first, which alerts fire, and
//! whether users are well again.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use drills::{evidence::accepted, scenario::Scenario};
use loadgen::faults::{Gauge as _, Injection, Users, is_as_before};
use query::{Stack, TraceId, UnixNanos, Window, jaeger::SearchParams, trace::Tree};

use crate::doses::Doses;

/// The first second of a fault is not looked at: what was under way is not yet hurt.
const SETTLING: Duration = Duration::from_secs(1);
/// How far back before the onset is looked for what is usual.
const USUAL: Duration = Duration::from_secs(20);
/// What was just sent is not yet answered, and what was answered is not yet scraped.
const ARRIVAL: Duration = Duration::from_secs(2);
/// A stretch long enough to say that users are well.
const WELL: Duration = Duration::from_secs(6);
/// The first one that was hurt is looked for in stretches of this length, and among so many traces of each.
const STRETCH: Duration = Duration::from_secs(3);
const MOST_TRACES: usize = 300;
/// Whose request is named when nothing is wrong with any.
const ANYBODY: (&str, &str) = ("order-service", "POST /orders");

/// A request that was hurt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hurt {
    /// Its trace.
    pub(super) trace: TraceId,
    /// Its correlation id.
    pub(super) correlation: String,
    /// When it began, in milliseconds since 1970.
    pub(super) at_ms: u64,
}

/// Looks out over the running stack.
pub(super) struct Lookout {
    /// Asks about doses.
    pub(super) doses: Doses,
    /// Asks everything else.
    pub(super) stack: Stack,
}

impl Lookout {
    /// The dose over the last stretch of time; none where a fault has none. The error is one line.
    pub(super) async fn dose(&self, injection: &Injection, window: Duration) -> Result<Option<f64>, String> {
        let Some(dose) = &injection.dose else { return Ok(None) };
        self.doses.ask(&dose.question.over(window), SystemTime::now(), window).await.map(Some)
    }

    /// Names of the alerts that fire.
    pub(super) async fn alerts(&self) -> Result<BTreeSet<String>, String> {
        let answer = self.stack.prometheus.instant(r#"ALERTS{alertstate="firing"}"#, None).await;
        let samples = answer.map_err(|e| e.to_string())?.data.into_samples();
        Ok(samples.into_iter().filter_map(|mut sample| sample.labels.remove("alertname")).collect())
    }

    /// The first request since the onset that the scenario's evidence accepts; of a scenario without any, the first at all.
    pub(super) async fn first_hurt(
        &self,
        scenario: &Scenario,
        onset: SystemTime,
    ) -> Result<Option<Hurt>, String> {
        let since = onset.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let onset = UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
        let mut start = onset;
        // A search gives the newest of many: the first ones are found by looking at a short time after the other.
        while start < UnixNanos::now() {
            let end = start.after(STRETCH);
            let found = self.hurt_in(scenario, Window { start, end }).await?;
            if let Some(first) = found.into_iter().min_by_key(|hurt| hurt.at_ms) {
                return Ok(Some(first));
            }
            start = end;
        }
        Ok(None)
    }

    async fn hurt_in(&self, scenario: &Scenario, window: Window) -> Result<Vec<Hurt>, String> {
        let mut found: Vec<Hurt> = Vec::new();
        for mut search in searches(scenario, window) {
            search.limit = MOST_TRACES;
            let traces = self.stack.jaeger.search(&search).await.map_err(|e| e.to_string())?;
            let trees = traces.into_iter().map(|trace| query::trace::assemble(trace, Vec::new()));
            let shows = |tree: &Tree| scenario.evidence.is_empty() || accepted(&scenario.evidence, tree);
            found.extend(trees.filter(shows).filter_map(|tree| hurt(&tree)));
        }
        // A trace that began before was hurt by nothing of this.
        found.retain(|hurt| hurt.at_ms >= window.start.micros() / 1_000);
        Ok(found)
    }
}

fn searches(scenario: &Scenario, window: Window) -> Vec<SearchParams> {
    if scenario.evidence.is_empty() {
        let mut search = SearchParams::new(ANYBODY.0, window);
        search.operation = Some(ANYBODY.1.to_owned());
        return vec![search];
    }
    let search = |predicate: &drills::evidence::Predicate| {
        let mut search = SearchParams::new(predicate.service.as_deref().unwrap_or(ANYBODY.0), window);
        search.operation.clone_from(&predicate.span);
        let least = predicate.longer_than_ms.or(predicate.own_time_ms);
        search.min_duration = least.map(|ms| Duration::from_secs_f64(ms / 1e3));
        search
    };
    scenario.evidence.iter().map(search).collect()
}

fn hurt(tree: &Tree) -> Option<Hurt> {
    let correlation = tree.nodes.iter().find_map(|node| node.span.tag_text("correlation.id"))?;
    Some(Hurt { trace: tree.id, correlation, at_ms: tree.start_us / 1_000 })
}

/// Whether users are served as before the onset again, and the condition is gone.
pub(super) async fn is_well(lookout: &Lookout, injection: &Injection, users: &Users) -> Result<bool, String> {
    let now = users.started().elapsed();
    let until = now.saturating_sub(ARRIVAL);
    let usual = injection.onset.saturating_sub(USUAL)..injection.onset;
    let before = users.felt(&injection.effect, usual.start, usual.end);
    let after = users.felt(&injection.effect, until.saturating_sub(WELL), until);
    if after.requests == 0 || !is_as_before(&before, &after) {
        return Ok(false);
    }
    let dose = lookout.dose(injection, WELL).await?;
    Ok(dose.zip(injection.dose.as_ref()).is_none_or(|(now, dose)| now < dose.at_least))
}

/// Since the onset, as far as it counts for the dose.
pub(super) fn since_onset(injection: &Injection, users: &Users) -> Duration {
    users.started().elapsed().saturating_sub(injection.onset + SETTLING)
}
