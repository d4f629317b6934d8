//! The report as one HTML file: no script, no other file, light and dark. Charts are inline SVG.

use super::{Report, chart};
use crate::stats::Percentiles;
use maud::{DOCTYPE, Markup, PreEscaped, html as page};

const STYLE: &str = "
:root{color-scheme:light dark;--fg:#1b1f24;--dim:#5b6470;--line:#d6dae0;--bg:#fff;--a:#0b62c4;--b:#b3541e;--bad:#b42318;--good:#1a7f37}
@media(prefers-color-scheme:dark){:root{--fg:#e6e8eb;--dim:#9aa4b0;--line:#353b43;--bg:#14171a;--a:#6cb0ff;--b:#f0a36b;--bad:#ff7b72;--good:#56d364}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}p,dd{color:var(--dim)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:right}
th:first-child,td:first-child,.l{text-align:left}th{color:var(--dim);font-weight:500}.scroll{overflow-x:auto}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}a{color:var(--a)}.bad{color:var(--bad);font-weight:600}.good{color:var(--good)}
svg{width:100%;height:auto;border:1px solid var(--line);border-radius:4px}svg text{fill:var(--dim);font:11px system-ui,sans-serif}
.a{stroke:var(--a)}.b{stroke:var(--b)}.a,.b{fill:none;stroke-width:1.6}.key-a{color:var(--a)}.key-b{color:var(--b)}.grid{stroke:var(--line)}
";

/// Writes the page.
#[must_use]
pub fn html(report: &Report) -> String {
    let title = format!("Load report: {} seed {}", report.profile, report.seed);
    page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p { (report.started_at) " · run " code { (report.run) } " · plan " code { (report.plan_digest) } }
                (outcome(report))
                (counts(report))
                h2 { "Times" }
                (times(report))
                h2 { "Over time" }
                (chart::timeline(&report.timeline))
                h2 { "Steps, slowest first" }
                (steps(report))
                (errors(report))
                (exemplars(report))
            }
        }
    }
    .into_string()
}

fn outcome(report: &Report) -> Markup {
    page! {
        @if !report.valid {
            p.bad { "Invalid: the generator itself was " (ms(report.lag_ms.p99)) " ms late at p99, more than "
                (report.lag_budget_ms) " ms allow. The figures below say nothing about the target." }
        }
        @if let Some(told) = report.also_failed() { p.bad { (told) } }
        @if report.interrupted { p { "Ended early." } }
        @if !report.thresholds.is_empty() {
            ul { @for v in &report.thresholds {
                li { span class=(if v.held { "good" } else { "bad" }) { (if v.held { "held" } else { "failed" }) }
                    " " code { (v.threshold) } ", measured " (v.actual) }
            } }
        }
    }
}

fn counts(r: &Report) -> Markup {
    let cells = [
        ("scheduled", r.scheduled),
        ("fired", r.fired),
        ("late", r.late),
        ("shed", r.shed),
        ("failed", r.failed),
        ("expected failures", r.expected_failures),
        ("sessions", r.sessions),
    ];
    page! {
        div.scroll { table {
            tr { @for (name, _) in cells { th { (name) } } th { "requests/s" } th { "seconds" } }
            tr { @for (_, value) in cells { td { (value) } } td { (r.throughput_rps) } td { (r.elapsed_s) } }
        } }
    }
}

fn times(r: &Report) -> Markup {
    let row = |name: &str, p: &Percentiles| {
        page! {
            tr { td { (name) } td { (ms(p.p50)) } td { (ms(p.p90)) } td { (ms(p.p99)) } td { (ms(p.p999)) } td { (ms(p.max)) } }
        }
    };
    page! {
        div.scroll { table {
            tr { th { "milliseconds" } th { "p50" } th { "p90" } th { "p99" } th { "p99.9" } th { "max" } }
            (row("response: due to ended, what a user waits", &r.response_ms))
            (row("service: fired to ended, what the target took", &r.service_ms))
            (row("lag: due to fired, the generator's own", &r.lag_ms))
        } }
    }
}

fn steps(r: &Report) -> Markup {
    page! {
        div.scroll { table {
            tr { th { "step" } th.l { "request" } th { "planned answer" } th { "ended" } th { "failed" }
                th { "expected failures" } th { "p50 ms" } th { "p90 ms" } th { "p99 ms" } th { "max ms" } }
            @for s in r.slowest_first() { tr {
                td { (s.journey) " / " (s.step) }
                td.l { code { (s.method) " " (s.route) } }
                td { (s.expect) } td { (s.ended) }
                td class=[(s.failed > 0).then_some("bad")] { (s.failed) }
                td { (s.expected_failures) }
                td { (ms(s.response_ms.p50)) } td { (ms(s.response_ms.p90)) } td { (ms(s.response_ms.p99)) } td { (ms(s.response_ms.max)) }
            } }
        } }
    }
}

fn errors(r: &Report) -> Markup {
    page! {
        @if !r.errors.is_empty() {
            h2 { "Unexpected answers" }
            div.scroll { table {
                tr { th { "step" } th { "got" } th { "planned answer" } th { "count" } }
                @for e in &r.errors { tr { td { (e.step) } td { (e.got) } td { (e.expected) } td { (e.count) } } }
            } }
        }
    }
}

fn exemplars(r: &Report) -> Markup {
    page! {
        @if !r.exemplars.is_empty() {
            h2 { "Traces to look at" }
            p { "Slow ones, at or above the p99 of all requests, and failed ones." }
            div.scroll { table {
                tr { th { "why" } th { "ms" } th { "answer" } th.l { "step" } th.l { "trace" } th.l { "correlation id" } }
                @for e in &r.exemplars { tr {
                    td { (e.reason()) } td { (ms(e.response_ms)) } td { (e.got) } td.l { (e.step) }
                    td.l { @match r.trace_url(&e.trace_id) {
                        Some(url) => { a href=(url) { code { (e.trace_id) } } }
                        None => { code { (e.trace_id) } }
                    } }
                    td.l { code { (e.correlation_id) } }
                } }
            } }
        }
    }
}

pub(super) fn ms(value: f64) -> String {
    format!("{value:.2}")
}
