//! What the API says of the server itself: targets, build, run time, cardinality. There are no rules yet, and the
//! answers for rules and alerts say so by being empty.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::success;
use crate::Backend;

/// The Prometheus release whose behaviour this API follows: dashboards switch features by it. Who answers in truth is
/// said by the revision and the branch.
const FOLLOWS: &str = "3.5.0";

pub(super) async fn targets(State(backend): State<Arc<Backend>>) -> Response {
    let interval = duration_text(backend.config.scrape_interval);
    let timeout = duration_text(backend.config.limits.scrape_timeout);
    let active: Vec<Value> = backend
        .targets
        .all()
        .into_iter()
        .map(|(target, health)| {
            let (state, error) = match health.error {
                None => ("unknown", String::new()),
                Some(Ok(())) => ("up", String::new()),
                Some(Err(error)) => ("down", error),
            };
            json!({
                "discoveredLabels": {"__address__": target.address, "__metrics_path__": target.path, "__scheme__": "http", "job": target.labels.get("job")},
                "labels": target.labels,
                "scrapePool": target.labels.get("job"),
                "scrapeUrl": target.url(),
                "globalUrl": target.url(),
                "lastError": error,
                "lastScrape": rfc3339(health.last_scrape_ms),
                "lastScrapeDuration": health.duration.as_secs_f64(),
                "health": state,
                "scrapeInterval": interval,
                "scrapeTimeout": timeout,
            })
        })
        .collect();
    success(json!({"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {}}))
}

pub(super) async fn rules() -> Response {
    success(json!({"groups": []}))
}

pub(super) async fn alerts() -> Response {
    success(json!({"alerts": []}))
}

pub(super) async fn buildinfo() -> Response {
    success(json!({
        "version": FOLLOWS, "revision": concat!("firedrill-", env!("CARGO_PKG_VERSION")),
        "branch": "embedded", "buildUser": "", "buildDate": "", "goVersion": "",
    }))
}

pub(super) async fn runtimeinfo(State(backend): State<Arc<Backend>>) -> Response {
    let gauges = backend.store.samples.gauges();
    success(json!({
        "startTime": rfc3339(backend.started_ms),
        "CWD": backend.config.data_dir,
        "hostname": "localhost",
        "serverTime": rfc3339(crate::time::now_ms()),
        "reloadConfigSuccess": true,
        "lastConfigTime": rfc3339(backend.started_ms),
        "corruptionCount": backend.stats.segments_set_aside.load(Relaxed),
        "goroutineCount": 0, "GOMAXPROCS": 0, "GOMEMLIMIT": 0, "GOGC": "", "GODEBUG": "",
        "storageRetention": duration_text(backend.config.retention),
        "timeSeriesCount": gauges.series,
    }))
}

pub(super) async fn tsdb(State(backend): State<Arc<Backend>>) -> Response {
    let gauges = backend.store.samples.gauges();
    let cardinality = backend.store.samples.cardinality();
    let top = |mut counts: Vec<(String, usize)>| -> Vec<Value> {
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.into_iter().take(10).map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    let pairs = cardinality.series_by_pair.len();
    success(json!({
        "headStats": {
            "numSeries": gauges.series, "numLabelPairs": pairs, "chunkCount": gauges.chunks,
            "minTime": gauges.min_time_ms, "maxTime": gauges.max_time_ms,
        },
        "seriesCountByMetricName": top(cardinality.series_by_name),
        "labelValueCountByLabelName": top(cardinality.values_by_label),
        "memoryInBytesByLabelName": [],
        "seriesCountByLabelValuePair": top(cardinality.series_by_pair),
    }))
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default()
}

fn duration_text(duration: std::time::Duration) -> String {
    let s = duration.as_secs();
    match s {
        0 => format!("{}ms", duration.as_millis()),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}
