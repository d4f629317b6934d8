//! What programs and people read: JSON with its promised keys, CSV, one-file HTML, text, progress lines.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use loadgen::Options;
use loadgen::progress::{Printer, Snapshot};
use loadgen::report::{csv, html, text};
use serde_json::Value;
use std::time::Duration;
use support::{Shop, options, plan, run};

async fn report() -> loadgen::Report {
    let shop = Shop::open().await;
    let options = Options {
        console: Some("http://127.0.0.1:8080/".to_owned()),
        thresholds: Some(vec!["failed<1%".parse().unwrap()]),
        ..options()
    };
    run(plan(1, Duration::from_millis(400), 300.0, &[]), shop.targets(), options).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_one_line_with_the_promised_keys() {
    let report = report().await;
    let json = report.json();
    assert!(!json.contains('\n'));
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["version"], 1);
    for key in ["scheduled", "fired", "late", "shed", "failed", "expected_failures", "seed", "exit"] {
        assert!(value[key].is_u64(), "{key} in {json}");
    }
    for percentile in ["p50", "p90", "p99", "p999", "max"] {
        for key in ["response_ms", "service_ms", "lag_ms"] {
            assert!(value[key][percentile].is_f64(), "{key}.{percentile}");
        }
    }
    assert_eq!(value["plan_digest"].as_str().unwrap().len(), 64);
    assert_eq!(value["profile"], "test");
    assert_eq!(value["thresholds"][0]["held"], true);
    let steps = value["steps"].as_array().unwrap();
    assert_eq!(steps.iter().map(|s| s["ended"].as_u64().unwrap()).sum::<u64>(), report.fired);
    let exemplar = &value["exemplars"][0];
    assert_eq!(exemplar["trace_id"].as_str().unwrap().len(), 32);
    assert!(exemplar["correlation_id"].as_str().unwrap().starts_with("load-"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_has_a_line_per_step_and_one_for_all() {
    let report = report().await;
    let table = csv(&report);
    let lines: Vec<Vec<&str>> = table.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(lines.len(), report.steps.len() + 2);
    assert!(lines.iter().all(|l| l.len() == lines[0].len()), "{table}");
    let ended = lines[0].iter().position(|c| *c == "ended").unwrap();
    assert_eq!(lines.last().unwrap()[ended], report.fired.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn html_is_one_file_that_links_to_traces() {
    let report = report().await;
    let page = html(&report);
    assert!(page.starts_with("<!DOCTYPE html>"));
    for outside in ["<script", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let trace = &report.exemplars[0].trace_id;
    assert!(page.contains(&format!("href=\"http://127.0.0.1:8080/trace/{trace}\"")));
    assert!(page.contains(&report.plan_digest));
    assert!(
        page.contains("<th>planned answer</th>") && page.contains("<th>expected failures</th>"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn html_escapes_what_a_profile_is_called() {
    let mut report = report().await;
    report.profile = "<b>&".to_owned();
    assert!(html(&report).contains("&lt;b&gt;&amp;"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_names_counts_steps_and_traces() {
    let report = report().await;
    let text = text(&report);
    assert!(text.contains(&format!("scheduled {}  fired {}", report.scheduled, report.fired)), "{text}");
    assert!(text.contains("buy/order") && text.contains("POST /orders"), "{text}");
    assert!(text.contains(&format!("/trace/{}", report.exemplars[0].trace_id)), "{text}");
    assert!(text.contains("held    failed<=1%"), "{text}");
    assert!(text.contains("expected failures") && !text.contains("planned"), "{text}");
    // One p99 for all requests and one for each step; a trace is slow.
    assert!(!text.lines().any(|line| line.trim_start().starts_with("p99")), "{text}");
    assert!(text.contains("\n  slow"), "{text}");
    let p99s: Vec<f64> = text
        .lines()
        .skip_while(|line| !line.starts_with("step, slowest first"))
        .skip(1)
        .take(report.steps.len())
        .map(|line| line.split_whitespace().last().unwrap().parse().unwrap())
        .collect();
    assert!(p99s.len() > 1 && p99s.is_sorted_by(|a, b| a >= b), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_comes_and_its_last_snapshot_is_the_report() {
    let shop = Shop::open().await;
    let mut last = None;
    let plan = plan(1, Duration::from_millis(300), 200.0, &[]);
    let progress = |snapshot: &Snapshot| last = Some(*snapshot);
    let report =
        loadgen::run(plan, shop.targets(), options(), progress, std::future::pending()).await.unwrap();
    let last = last.unwrap();
    assert_eq!((last.scheduled, last.fired, last.ended), (report.scheduled, report.fired, report.fired));
    assert_eq!(last.in_flight, 0);
    assert!(loadgen::progress::line(&last).contains(" 100% "), "{last:?}");
}

#[test]
fn progress_replaces_its_line_on_a_terminal_only() {
    let snapshot = Snapshot { elapsed_s: 2.0, fired: 40, rate: 20.0, late: 3, ..Snapshot::default() };
    let shown = |terminal| {
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, terminal);
        printer.show(&snapshot).unwrap();
        printer.show(&snapshot).unwrap();
        printer.finish().unwrap();
        String::from_utf8(out).unwrap()
    };
    let line = loadgen::progress::line(&snapshot);
    assert!(line.contains("sent 40") && line.contains("late 3") && !line.contains("shed"), "{line}");
    assert_eq!(shown(false), format!("{line}\n{line}\n"));
    assert_eq!(shown(true), format!("\r\x1b[2K{line}\r\x1b[2K{line}\n"));
}
