//! What the API says of the server itself: build, run time, settings, cardinality.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{ApiError, success};
use super::times::{duration_text, rfc3339};
use crate::Backend;
use crate::api::params;
use crate::store::samples::Count;

/// The Prometheus release whose behaviour this API follows: dashboards switch features by it. Who answers in truth is
/// said by the revision and the branch.
const FOLLOWS: &str = "3.5.0";
/// Most rows of one list of `status/tsdb`.
const MAX_ROWS: usize = 10_000;

pub(super) async fn buildinfo() -> Response {
    success(json!({
        "version": FOLLOWS, "revision": concat!("firedrill-", env!("CARGO_PKG_VERSION")),
        "branch": "embedded", "buildUser": "", "buildDate": "", "goVersion": "",
    }))
}

pub(super) async fn runtimeinfo(State(backend): State<Arc<Backend>>) -> Response {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = Some(host.trim()).filter(|h| !h.is_empty()).unwrap_or("localhost");
    let (loaded, loaded_at_ms) = backend.rules.last_load();
    success(json!({
        "startTime": rfc3339(backend.started_ms),
        "CWD": backend.config.data_dir,
        "hostname": host,
        "serverTime": rfc3339(crate::time::now_ms()),
        "reloadConfigSuccess": loaded,
        "lastConfigTime": rfc3339(loaded_at_ms),
        "corruptionCount": backend.stats.segments_set_aside.load(Relaxed),
        // Of Go's run time there is none here.
        "goroutineCount": 0, "GOMAXPROCS": 0, "GOMEMLIMIT": 0, "GOGC": "", "GODEBUG": "",
        "storageRetention": duration_text(backend.config.retention),
    }))
}

/// The settings that an operator of Prometheus looks for, as the YAML they would be there.
pub(super) async fn config(State(backend): State<Arc<Backend>>) -> Response {
    let interval = duration_text(backend.config.scrape_interval);
    let timeout = duration_text(backend.config.limits.scrape_timeout);
    let evaluation = duration_text(backend.config.evaluation_interval);
    let mut yaml = format!(
        "global:\n  scrape_interval: {interval}\n  scrape_timeout: {timeout}\n  evaluation_interval: {evaluation}\n"
    );
    if !backend.config.rules.patterns().is_empty() {
        yaml += "rule_files:\n";
    }
    for file in backend.config.rules.patterns() {
        yaml += &format!("- {:?}\n", file.display().to_string());
    }
    if let Some(file) = &backend.config.scrape_file {
        let file = file.display().to_string();
        yaml +=
            &format!("scrape_configs:\n- job_name: file\n  file_sd_configs:\n  - files:\n    - {file:?}\n");
    }
    success(json!({"yaml": yaml}))
}

/// The flags of Prometheus that have a counterpart here, with what is in force.
pub(super) async fn flags(State(backend): State<Arc<Backend>>) -> Response {
    let (config, limits) = (&backend.config, &backend.config.limits);
    let flags: BTreeMap<&str, String> = [
        ("query.lookback-delta", "5m".to_owned()),
        ("query.max-concurrency", limits.concurrent_queries.to_string()),
        ("query.max-samples", limits.query_points.to_string()),
        ("query.timeout", duration_text(limits.query_timeout)),
        ("storage.tsdb.path", config.data_dir.display().to_string()),
        ("storage.tsdb.retention.time", duration_text(config.retention)),
        ("web.enable-admin-api", "false".to_owned()),
        ("web.enable-remote-write-receiver", "true".to_owned()),
        ("web.max-connections", limits.connections.to_string()),
    ]
    .into();
    success(flags)
}

/// The log is read before anything is served.
pub(super) async fn walreplay() -> Response {
    success(json!({"min": 0, "max": 0, "current": 0}))
}

pub(super) async fn tsdb(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let rows = match params.get("limit").map(str::parse::<i64>) {
            None => 10,
            Some(Ok(n)) if n > MAX_ROWS as i64 => {
                return Err(ApiError::bad_data(format!("limit must not exceed {MAX_ROWS}")));
            }
            Some(Ok(n)) if n > 0 => usize::try_from(n).unwrap_or(MAX_ROWS),
            _ => return Err(ApiError::bad_data("limit must be a positive number")),
        };
        Ok(success(cardinality(&backend, rows)))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

fn cardinality(backend: &Backend, rows: usize) -> Value {
    let gauges = backend.store.samples.gauges();
    let counts = backend.store.samples.cardinality();
    let top = |mut counts: Vec<Count>| -> Vec<Value> {
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        counts.into_iter().take(rows).map(|c| json!({"name": c.name, "value": c.count})).collect()
    };
    // Of nothing, the earliest time is the last there is, as in Prometheus.
    let (min, max) =
        if gauges.series == 0 { (i64::MAX, i64::MIN) } else { (gauges.min_time_ms, gauges.max_time_ms) };
    json!({
        "headStats": {
            "numSeries": gauges.series, "numLabelPairs": counts.series_by_pair.len(),
            "chunkCount": gauges.chunks, "minTime": min, "maxTime": max,
        },
        "seriesCountByMetricName": top(counts.series_by_name),
        "labelValueCountByLabelName": top(counts.values_by_label),
        "memoryInBytesByLabelName": top(counts.bytes_by_label),
        "seriesCountByLabelValuePair": top(counts.series_by_pair),
    })
}
