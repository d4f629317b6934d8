//! The report of a run: what was scheduled, what came of it, and whether that is good. A plain value; `json`, `csv`,
//! `html` and `text` write it.

mod chart;
mod csv;
mod html;
mod rows;
mod text;
mod verdict;

pub use csv::csv;
pub use html::html;
pub use rows::{ErrorRow, ExemplarRow, StepRow};
pub use text::text;
pub use verdict::Verdict;

use crate::client::Ids;
use crate::plan::Plan;
use crate::plan::journeys::Kind;
use crate::progress::Snapshot;
use crate::run::{Options, Point};
use crate::stats::{Percentiles, Recorder};
use serde::Serialize;
use std::time::Duration;

/// Version of the report's shape. Raised when a key changes its meaning or goes; new keys do not raise it.
pub const VERSION: u32 = 1;

/// What a run measured and whether it was good. All times in milliseconds unless named otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Shape of this report.
    pub version: u32,
    /// Profile's name.
    pub profile: String,
    /// Seed of the plan.
    pub seed: u64,
    /// SHA-256 of the plan.
    pub plan_digest: String,
    /// Id of this run, in all its correlation ids and idempotency keys.
    pub run: String,
    /// Begin, RFC 3339.
    pub started_at: String,
    /// How long it took, with the ends of the last sessions.
    pub elapsed_s: f64,
    /// How long arrivals were planned for; none without an end.
    pub duration_s: Option<f64>,
    /// Planned requests a second where the profile's level is 1; none in a closed loop.
    pub rps: Option<f64>,
    /// Connections of a closed loop.
    pub closed: Option<usize>,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// Sessions begun.
    pub sessions: u64,
    /// Requests expected from the plan, were all answers as planned.
    pub expected_requests: Option<f64>,
    /// Requests that were due: fired and shed.
    pub scheduled: u64,
    /// Requests sent.
    pub fired: u64,
    /// Of these, later than the lag budget after they were due.
    pub late: u64,
    /// Requests given up because too much was under way.
    pub shed: u64,
    /// Sessions not begun because of a pause.
    pub paused: u64,
    /// Requests with an unexpected answer, an error, a timeout.
    pub failed: u64,
    /// Requests with a planned error that came as planned.
    pub expected_failures: u64,
    /// Requests ended a second, over the run.
    pub throughput_rps: f64,
    /// From due to ended: what a user waits.
    pub response_ms: Percentiles,
    /// From fired to ended: what the target took.
    pub service_ms: Percentiles,
    /// From due to fired: what the generator itself was late.
    pub lag_ms: Percentiles,
    /// The lag at p99 beyond which the run means nothing.
    pub lag_budget_ms: f64,
    /// Whether the lag stayed within it.
    pub valid: bool,
    /// Thresholds and whether they held.
    pub thresholds: Vec<Verdict>,
    /// One row per kind of step.
    pub steps: Vec<StepRow>,
    /// Unexpected answers by step and status.
    pub errors: Vec<ErrorRow>,
    /// Requests at and beyond the p99, and failed ones, with their traces.
    pub exemplars: Vec<ExemplarRow>,
    /// How it went over time.
    pub timeline: Vec<Point>,
    /// Base URL for links to traces.
    pub console: Option<String>,
    /// 0 good, 98 the generator was overloaded, 99 a threshold failed; 98 where both are so.
    pub exit: u8,
}

/// What the run knows beside its measurements.
pub(crate) struct Facts {
    pub(crate) started_at: jiff::Timestamp,
    pub(crate) elapsed: Duration,
    pub(crate) interrupted: bool,
    pub(crate) timeline: Vec<Point>,
    pub(crate) last: Snapshot,
    pub(crate) sessions: u64,
}

impl Report {
    pub(crate) fn new(
        plan: &Plan,
        kinds: &[Kind],
        options: &Options,
        ids: &Ids,
        measured: &Recorder,
        facts: Facts,
    ) -> Self {
        let total = measured.total();
        let last = facts.last;
        let elapsed_s = facts.elapsed.as_secs_f64();
        let closed = options.closed;
        let mut report = Self {
            version: VERSION,
            profile: plan.profile().name.clone(),
            seed: plan.seed(),
            plan_digest: plan.digest(),
            run: options.run.to_string(),
            started_at: facts.started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            elapsed_s: (elapsed_s * 1e3).round() / 1e3,
            duration_s: plan.duration().map(|d| d.as_secs_f64()),
            rps: closed.is_none().then(|| plan.rps()),
            closed,
            interrupted: facts.interrupted,
            sessions: facts.sessions,
            expected_requests: plan.expected_requests().filter(|_| closed.is_none()).map(f64::round),
            scheduled: last.scheduled,
            fired: last.fired,
            late: total.late,
            shed: last.shed,
            paused: last.paused,
            failed: total.failed,
            expected_failures: total.expected_failures,
            throughput_rps: (total.ended() as f64 / elapsed_s.max(1e-3) * 10.0).round() / 10.0,
            response_ms: Percentiles::of(&total.response),
            service_ms: Percentiles::of(&total.service),
            lag_ms: Percentiles::of(&total.lag),
            lag_budget_ms: options.lag_budget.as_secs_f64() * 1e3,
            valid: true,
            thresholds: Vec::new(),
            steps: rows::steps(kinds, measured),
            errors: rows::errors(kinds, measured),
            exemplars: rows::exemplars(kinds, ids, &total),
            timeline: facts.timeline,
            console: options.console.clone(),
            exit: 0,
        };
        let thresholds = options.thresholds.as_deref().unwrap_or(&plan.profile().thresholds);
        verdict::judge(&mut report, thresholds);
        report
    }

    /// One JSON object, on one line.
    #[must_use]
    pub fn json(&self) -> String {
        // The report holds strings and numbers only; floats that are no numbers become null.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The steps for people to read: those that users wait for longest first.
    fn slowest_first(&self) -> Vec<&StepRow> {
        let mut steps: Vec<&StepRow> = self.steps.iter().collect();
        steps.sort_by(|a, b| b.response_ms.p99.total_cmp(&a.response_ms.p99));
        steps
    }

    /// Address of a trace's page, when the console's is known.
    #[must_use]
    pub fn trace_url(&self, trace_id: &str) -> Option<String> {
        self.console.as_ref().map(|base| format!("{}/trace/{trace_id}", base.trim_end_matches('/')))
    }
}
