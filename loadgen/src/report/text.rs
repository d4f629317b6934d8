//! The report for people at a terminal.

use super::Report;
use std::fmt::Write as _;

/// Writes it, without colours, with a newline at the end.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail; so with all below.
    let _ = write_all(&mut out, report);
    out
}

fn write_all(out: &mut String, r: &Report) -> std::fmt::Result {
    let mode = match (r.closed, r.rps) {
        (Some(connections), _) => format!("closed loop, {connections} connections"),
        (None, Some(rps)) => format!("{rps} requests/s"),
        (None, None) => String::new(),
    };
    writeln!(out, "profile {}  seed {}  {mode}  run {}", r.profile, r.seed, r.run)?;
    writeln!(out, "plan {}", r.plan_digest)?;
    writeln!(
        out,
        "scheduled {}  fired {}  late {}  shed {}  failed {}  expected failures {}  in {:.1}s ({:.1}/s)",
        r.scheduled, r.fired, r.late, r.shed, r.failed, r.expected_failures, r.elapsed_s, r.throughput_rps
    )?;
    writeln!(out, "\n{:<10}{:>10}{:>10}{:>10}{:>10}{:>10}", "ms", "p50", "p90", "p99", "p99.9", "max")?;
    for (name, p) in [("response", r.response_ms), ("service", r.service_ms), ("lag", r.lag_ms)] {
        writeln!(
            out,
            "{name:<10}{:>10.2}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
            p.p50, p.p90, p.p99, p.p999, p.max
        )?;
    }
    let widest = r.steps.iter().map(|s| s.journey.len() + s.step.len() + 1).max().unwrap_or(0).max(19);
    let routes = r.steps.iter().map(|s| s.method.len() + s.route.len() + 1).max().unwrap_or(0).max(7);
    writeln!(
        out,
        "\n{:<widest$}  {:<routes$}{:>10}{:>9}{:>19}{:>10}{:>10}",
        "step, slowest first", "request", "ended", "failed", "expected failures", "p50 ms", "p99 ms"
    )?;
    for s in r.slowest_first() {
        let (step, request) = (format!("{}/{}", s.journey, s.step), format!("{} {}", s.method, s.route));
        let (p50, p99) = (s.response_ms.p50, s.response_ms.p99);
        let (ended, failed, expected) = (s.ended, s.failed, s.expected_failures);
        writeln!(
            out,
            "{step:<widest$}  {request:<routes$}{ended:>10}{failed:>9}{expected:>19}{p50:>10.2}{p99:>10.2}"
        )?;
    }
    if !r.errors.is_empty() {
        writeln!(out, "\nunexpected answers")?;
        for e in &r.errors {
            writeln!(out, "  {:>7} × {} answered {}, planned {}", e.count, e.step, e.got, e.expected)?;
        }
    }
    if !r.exemplars.is_empty() {
        writeln!(out, "\ntraces to look at: slow ones, at or above the p99 of all, and failed ones")?;
        for e in &r.exemplars {
            let link = r.trace_url(&e.trace_id).unwrap_or_else(|| e.trace_id.clone());
            writeln!(out, "  {:<7}{:>10.2} ms  {}  {}  {link}", e.reason(), e.response_ms, e.got, e.step)?;
        }
    }
    verdicts(out, r)
}

fn verdicts(out: &mut String, r: &Report) -> std::fmt::Result {
    writeln!(out)?;
    for v in &r.thresholds {
        writeln!(
            out,
            "{}  {}  (measured {})",
            if v.held { "held  " } else { "FAILED" },
            v.threshold,
            v.actual
        )?;
    }
    if !r.valid {
        let (lag, budget) = (r.lag_ms.p99, r.lag_budget_ms);
        writeln!(
            out,
            "INVALID: the generator itself was {lag:.1} ms late at p99, more than {budget} ms allow; \
             lower the rate or give it more of the machine"
        )?;
    }
    if let Some(told) = r.also_failed() {
        writeln!(out, "{told}")?;
    }
    if r.interrupted {
        writeln!(out, "ended early")?;
    }
    Ok(())
}
