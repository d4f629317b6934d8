//! The report's tables.

use crate::client::{Ids, Shown};
use crate::plan::journeys::Kind;
use crate::stats::{Cell, Exemplar, Percentiles, Recorder};
use serde::Serialize;

/// Exemplars of slow requests listed.
const SLOW: usize = 10;
/// Exemplars of failed requests listed.
const FAILED: usize = 10;

/// One kind of step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepRow {
    /// Its journey.
    pub journey: String,
    /// Its word within the journey.
    pub step: String,
    /// HTTP method.
    pub method: String,
    /// Path template.
    pub route: String,
    /// Who answers.
    pub service: String,
    /// The planned status.
    pub expect: u16,
    /// Requests ended.
    pub ended: u64,
    /// Unexpected answers, errors, timeouts.
    pub failed: u64,
    /// Planned errors.
    pub expected_failures: u64,
    /// Sent later than the lag budget allows.
    pub late: u64,
    /// Due to ended.
    pub response_ms: Percentiles,
    /// Fired to ended.
    pub service_ms: Percentiles,
    /// Due to fired.
    pub lag_ms: Percentiles,
}

/// Unexpected answers of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorRow {
    /// `journey/step`.
    pub step: String,
    /// What came: a status, or `connect`, `closed`, `protocol`, `too-large`, `timeout`.
    pub got: String,
    /// What was planned.
    pub expected: u16,
    /// How often.
    pub count: u64,
}

/// A request to look at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExemplarRow {
    /// `p99`, at or above that of all requests, or `failed`.
    pub why: &'static str,
    /// Response time.
    pub response_ms: f64,
    /// Trace of the request.
    pub trace_id: String,
    /// Correlation id of its session.
    pub correlation_id: String,
    /// Number of its session.
    pub session: u64,
    /// `journey/step`.
    pub step: String,
    /// A status or an error.
    pub got: String,
}

impl ExemplarRow {
    /// Why it is worth a look, in a word that is no column's name.
    pub(super) fn reason(&self) -> &'static str {
        if self.why == "p99" { "slow" } else { self.why }
    }
}

fn name(kind: &Kind) -> String {
    format!("{}/{}", kind.journey, kind.step)
}

/// One row per kind that was asked for.
pub(super) fn steps(kinds: &[Kind], measured: &Recorder) -> Vec<StepRow> {
    let rows = kinds.iter().zip(measured.cells()).filter(|(_, cell)| cell.ended() > 0);
    rows.map(|(kind, cell)| StepRow {
        journey: kind.journey.to_owned(),
        step: kind.step.to_owned(),
        method: kind.method.to_owned(),
        route: kind.route.to_owned(),
        service: kind.service.name().to_owned(),
        expect: kind.expect,
        ended: cell.ended(),
        failed: cell.failed,
        expected_failures: cell.expected_failures,
        late: cell.late,
        response_ms: Percentiles::of(&cell.response),
        service_ms: Percentiles::of(&cell.service),
        lag_ms: Percentiles::of(&cell.lag),
    })
    .collect()
}

/// Unexpected answers, the most frequent first.
pub(super) fn errors(kinds: &[Kind], measured: &Recorder) -> Vec<ErrorRow> {
    let mut rows = Vec::new();
    for (kind, cell) in kinds.iter().zip(measured.cells()) {
        for (outcome, count) in cell.outcomes.iter().filter(|(outcome, _)| **outcome != Ok(kind.expect)) {
            let got = Shown(*outcome).to_string();
            rows.push(ErrorRow { step: name(kind), got, expected: kind.expect, count: *count });
        }
    }
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.step.cmp(&b.step)));
    rows
}

/// Requests at and above the p99 of all, and failed ones.
pub(super) fn exemplars(kinds: &[Kind], ids: &Ids, total: &Cell) -> Vec<ExemplarRow> {
    let row = |why, e: Exemplar| ExemplarRow {
        why,
        response_ms: e.response_us as f64 / 1e3,
        trace_id: e.trace_id.to_string(),
        correlation_id: ids.correlation(e.session),
        session: e.session,
        step: kinds.get(e.kind).map(name).unwrap_or_default(),
        got: Shown(e.outcome).to_string(),
    };
    // The histogram's p99 is the upper end of its bucket: the requests in that bucket belong to it.
    let p99 = total.response.lowest_equivalent(total.response.value_at_quantile(0.99));
    let slow = total.exemplars.at_least(p99, SLOW).into_iter().map(|e| row("p99", e));
    let failed = total.failures.at_least(0, FAILED).into_iter().map(|e| row("failed", e));
    slow.chain(failed).collect()
}
