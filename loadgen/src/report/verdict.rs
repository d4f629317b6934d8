//! Whether a run was good. An overloaded generator comes first: its figures say nothing, so neither do thresholds. That one
//! failed as well is told all the same.

use super::Report;
use crate::profile::{Quantity, Threshold};
use crate::run::{EXIT_GOOD, EXIT_OVERLOAD, EXIT_THRESHOLD};
use serde::Serialize;

/// One threshold and what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The threshold, such as `p99<=250ms`.
    pub threshold: String,
    /// What was measured, in milliseconds or as a share.
    pub actual: f64,
    /// Whether it held.
    pub held: bool,
}

/// Fills in `valid`, `thresholds` and `exit`.
pub(super) fn judge(report: &mut Report, thresholds: &[Threshold]) {
    report.valid = report.lag_ms.p99 <= report.lag_budget_ms;
    report.thresholds = thresholds
        .iter()
        .map(|threshold| {
            let actual = measured(report, threshold.quantity);
            Verdict { threshold: threshold.to_string(), actual, held: threshold.holds(actual) }
        })
        .collect();
    report.exit = if !report.valid {
        EXIT_OVERLOAD
    } else if report.thresholds.iter().any(|v| !v.held) {
        EXIT_THRESHOLD
    } else {
        EXIT_GOOD
    };
}

impl Report {
    /// Where the exit code tells of the late generator alone, that thresholds failed as well.
    #[must_use]
    pub(super) fn also_failed(&self) -> Option<String> {
        let failed = self.thresholds.iter().filter(|verdict| !verdict.held).count();
        let plural = if failed == 1 { "threshold" } else { "thresholds" };
        (!self.valid && failed > 0).then(|| {
            format!(
                "{failed} {plural} failed as well (exit {EXIT_THRESHOLD}); exit {EXIT_OVERLOAD} comes first, because figures of a late \
                 generator prove nothing"
            )
        })
    }
}

fn measured(report: &Report, quantity: Quantity) -> f64 {
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    match quantity {
        Quantity::P50 => report.response_ms.p50,
        Quantity::P90 => report.response_ms.p90,
        Quantity::P99 => report.response_ms.p99,
        Quantity::P999 => report.response_ms.p999,
        Quantity::Max => report.response_ms.max,
        Quantity::Failed => share(report.failed, report.fired),
        Quantity::Shed => share(report.shed, report.scheduled),
    }
}
