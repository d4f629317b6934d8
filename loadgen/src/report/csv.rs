//! The report as CSV: one line per kind of step, and one for all. For spreadsheets.

use super::{Report, StepRow};
use crate::stats::Percentiles;
use std::fmt::Write as _;

const COLUMNS: &str = "journey,step,method,route,service,expect,ended,failed,expected_failures,late";

/// Writes the table, with a head line.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut text = COLUMNS.to_owned();
    for histogram in ["response", "service_time", "lag"] {
        for value in ["p50", "p90", "p99", "p999", "max", "mean"] {
            // Writing to a String cannot fail.
            let _ = write!(text, ",{histogram}_{value}_ms");
        }
    }
    text.push('\n');
    for step in &report.steps {
        line(&mut text, step);
    }
    let ended = report.steps.iter().map(|s| s.ended).sum();
    line(
        &mut text,
        &StepRow {
            journey: "all".to_owned(),
            step: "all".to_owned(),
            method: String::new(),
            route: String::new(),
            service: String::new(),
            expect: 0,
            ended,
            failed: report.failed,
            expected_failures: report.expected_failures,
            late: report.late,
            response_ms: report.response_ms,
            service_ms: report.service_ms,
            lag_ms: report.lag_ms,
        },
    );
    text
}

fn line(text: &mut String, row: &StepRow) {
    let words = [&row.journey, &row.step, &row.method, &row.route, &row.service].map(|w| quote(w));
    let (expect, ended, failed) = (row.expect, row.ended, row.failed);
    // Writing to a String cannot fail.
    let _ =
        write!(text, "{},{expect},{ended},{failed},{},{}", words.join(","), row.expected_failures, row.late);
    for Percentiles { p50, p90, p99, p999, max, mean } in [row.response_ms, row.service_ms, row.lag_ms] {
        let _ = write!(text, ",{p50},{p90},{p99},{p999},{max},{mean}");
    }
    text.push('\n');
}

fn quote(word: &str) -> String {
    if word.contains([',', '"', '\n']) {
        format!("\"{}\"", word.replace('"', "\"\""))
    } else {
        word.to_owned()
    }
}
