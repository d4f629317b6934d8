//! The same traffic, seen by the real stack and by the embedded backend: each query of the dashboards has the same answer.
//!
//! One set of services sends to the real collector, which hands a copy of all that it takes in to the embedded backend;
//! both scrape the same pages. What is left to differ is when a page was read, up to a second earlier or later.

mod alike;
mod both;

use std::{collections::BTreeMap, fs, path::Path};

use firedrill::dashboards::{check, folder::Folder, plan::Ask};
use query::{UnixNanos, Window, loki::Answer};
use serde_json::{Value, json};

use self::{
    alike::{same_lines, same_numbers},
    both::Both,
};
use crate::harness::checkout;

/// What is in a query whose answers may differ, and why.
const DIFFER: [(&str, &str); 3] = [
    ("scrape_duration_seconds", "each of them times its own scrapes"),
    (
        "slo:",
        "recorded by rules, which each evaluates at moments of its own; the backend's tests compare these",
    ),
    ("ALERTS", "each evaluates the rules at moments of its own; the backend's tests compare these"),
];
/// How often a target may differ before it counts.
const ROUNDS: usize = 3;

/// The checkout's dashboards with every panel at this step: its rates then cover the measured traffic and the rest around
/// it, so that it does not matter when within a second a page was read.
fn dashboards(at: &Path, step_s: i64) -> Folder {
    for entry in fs::read_dir(checkout().join("dashboards")).expect("the dashboards").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let mut dashboard: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("a file")).expect("JSON");
        set_steps(&mut dashboard["panels"], step_s);
        fs::write(at.join(entry.file_name()), dashboard.to_string()).expect("written");
    }
    Folder::open(Some(at)).expect("the dashboards")
}

fn set_steps(panels: &mut Value, step_s: i64) {
    for panel in panels.as_array_mut().into_iter().flatten() {
        panel["interval"] = json!(format!("{step_s}s"));
        for target in panel["targets"].as_array_mut().into_iter().flatten() {
            target.as_object_mut().expect("a target").remove("interval");
        }
        set_steps(&mut panel["panels"], step_s);
    }
}

#[tokio::test]
async fn every_query_of_the_dashboards_has_the_same_answer_on_both_stacks() {
    let Some(both) = Both::start().await else { return };
    let mut different = differences(&both, None).await;
    // A request that failed for once makes a series that one of them saw a scrape earlier. What is really different
    // is so each time.
    for _ in 1..ROUNDS {
        if !different.is_empty() {
            different = differences(&both, Some(&different)).await;
        }
    }
    let said: Vec<String> = different.iter().map(|(target, why)| format!("{target}\n    {why}")).collect();
    assert!(different.is_empty(), "{} targets:\n{}", different.len(), said.join("\n"));
}

/// Lets traffic pass and gives the targets whose answers differ, and how; of all targets, or of these.
async fn differences(both: &Both, of: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let (window, _silence) = both.traffic().await;
    let seconds = (window.end.0 - window.start.0) / 1_000_000_000;
    let folder = tempfile::tempdir().expect("a folder");
    // The longest step whose rate interval, a second more, begins while all was still at rest.
    let folder = dashboards(folder.path(), seconds + 1);
    let asked = check::asked(&both.real, &folder, window, &BTreeMap::new()).await;
    assert!(asked.len() > 80, "{} targets", asked.len());

    let mut different = BTreeMap::new();
    for (target, asks) in asked {
        if of.is_some_and(|of| !of.contains_key(&target)) {
            continue;
        }
        for ask in asks.into_iter().filter(|ask| !may_differ(ask)) {
            if let Err(why) = compare(both, &ask, window).await {
                different.insert(target.clone(), format!("{ask:?}\n    {why}"));
            }
        }
    }
    different
}

fn may_differ(ask: &Ask) -> bool {
    let (Ask::Instant { expr } | Ask::Range { expr, .. }) = ask else { return false };
    DIFFER.iter().any(|(metric, _)| expr.contains(metric))
}

/// What is different between the two answers to a question.
async fn compare(both: &Both, ask: &Ask, window: Window) -> Result<(), String> {
    let (real, ours) = (&both.real, &both.embedded);
    let said = |e: query::Error| e.to_string();
    match ask {
        Ask::Instant { expr } | Ask::Range { expr, .. } => {
            let at = Some(window.end);
            let real = real.prometheus.instant(expr, at).await.map_err(said)?;
            let ours = ours.prometheus.instant(expr, at).await.map_err(said)?;
            same_numbers(expr, real.data, ours.data)
        }
        Ask::Exemplars { expr } => {
            let real = real.prometheus.exemplars(expr, window).await.map_err(said)?;
            let ours = ours.prometheus.exemplars(expr, window).await.map_err(said)?;
            // Which requests become exemplars depends on the moment of the scrape; that there are some does not.
            match real.is_empty() == ours.is_empty() {
                true => Ok(()),
                false => Err(format!("{} and {} series with exemplars", real.len(), ours.len())),
            }
        }
        Ask::LogRange { expr, limit, step } => {
            let real = real.loki.range(expr, window, *step, *limit).await.map_err(said)?;
            match real {
                Answer::Lines(real) => {
                    match ours.loki.range(expr, window, *step, *limit).await.map_err(said)? {
                        Answer::Lines(ours) => same_lines(&real, &ours, *limit),
                        Answer::Numbers(_) => Err("lines and numbers".to_owned()),
                    }
                }
                Answer::Numbers(_) => logs_at(both, expr, window.end, *limit).await,
            }
        }
        Ask::LogInstant { expr, limit } => logs_at(both, expr, window.end, *limit).await,
        Ask::Search(search) => {
            let real = real.jaeger.search(search).await.map_err(said)?.len();
            let ours = ours.jaeger.search(search).await.map_err(said)?.len();
            if real == ours { Ok(()) } else { Err(format!("{real} and {ours} traces")) }
        }
        Ask::Trace(id) => {
            let id: query::TraceId = id.parse().map_err(|_| format!("{id} is no trace id"))?;
            let real = real.jaeger.trace(id).await.map_err(said)?.spans.len();
            let ours = ours.jaeger.trace(id).await.map_err(said)?.spans.len();
            if real == ours { Ok(()) } else { Err(format!("{real} and {ours} spans")) }
        }
        Ask::Dependencies => {
            let sorted = |mut all: Vec<query::jaeger::Dependency>| {
                all.sort_by(|a, b| (&a.parent, &a.child).cmp(&(&b.parent, &b.child)));
                all
            };
            let real = sorted(real.jaeger.dependencies(window).await.map_err(said)?);
            let ours = sorted(ours.jaeger.dependencies(window).await.map_err(said)?);
            if real == ours { Ok(()) } else { Err(format!("{real:?} and {ours:?}")) }
        }
    }
}

async fn logs_at(both: &Both, expr: &str, at: UnixNanos, limit: usize) -> Result<(), String> {
    let said = |e: query::Error| e.to_string();
    let real = both.real.loki.instant(expr, at, limit).await.map_err(said)?;
    let ours = both.embedded.loki.instant(expr, at, limit).await.map_err(said)?;
    match (real, ours) {
        (Answer::Numbers(real), Answer::Numbers(ours)) => same_numbers(expr, real, ours),
        (Answer::Lines(real), Answer::Lines(ours)) => same_lines(&real, &ours, limit),
        _ => Err("lines and numbers".to_owned()),
    }
}
