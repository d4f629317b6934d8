//! `/api/v1/targets` and `scrape_pools`. A pool is what has one `job`. Nothing relabels targets here, so none is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{ApiError, success};
use super::times::{duration_text, rfc3339};
use crate::Backend;
use crate::api::params;
use crate::ingest::scrape::Health;
use crate::ingest::targets::Target;

/// What Prometheus says of a time that has not come: the zero of its clock.
const NEVER: &str = "0001-01-01T00:00:00Z";

pub(super) async fn targets(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let state = params.get("state").unwrap_or("any").to_lowercase();
        let pool = params.get("scrapePool");
        let known = backend.targets.all();
        let active: Vec<Value> = known
            .iter()
            .filter(|(t, _)| state != "dropped" && pool.is_none_or(|p| p == t.pool()))
            .map(|(target, health)| describe(&backend, target, health))
            .collect();
        let mut found = json!({"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": null});
        if state != "active" {
            let counts: BTreeMap<&str, u32> = known.iter().map(|(t, _)| (t.pool(), 0)).collect();
            found["droppedTargetCounts"] = json!(counts);
        }
        Ok(success(found))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn pools(State(backend): State<Arc<Backend>>) -> Response {
    let known = backend.targets.all();
    let pools: BTreeSet<&str> = known.iter().map(|(target, _)| target.pool()).collect();
    success(json!({"scrapePools": pools}))
}

fn describe(backend: &Backend, target: &Target, health: &Health) -> Value {
    let (state, error) = match &health.error {
        None => ("unknown", ""),
        Some(Ok(())) => ("up", ""),
        Some(Err(error)) => ("down", error.as_str()),
    };
    let interval = duration_text(backend.config.scrape_interval);
    let timeout = duration_text(backend.config.limits.scrape_timeout);
    let mut discovered: BTreeMap<&str, &str> =
        target.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    // `instance` is made of the address where the file names none.
    discovered.retain(|name, value| *name != "instance" || *value != target.address);
    discovered.extend([
        ("__address__", target.address.as_str()),
        ("__metrics_path__", target.path.as_str()),
        ("__scheme__", "http"),
        ("__scrape_interval__", interval.as_str()),
        ("__scrape_timeout__", timeout.as_str()),
    ]);
    json!({
        "discoveredLabels": discovered,
        "labels": target.labels,
        "scrapePool": target.pool(),
        "scrapeUrl": target.url(),
        "globalUrl": target.url(),
        "lastError": error,
        "lastScrape": if health.error.is_some() { rfc3339(health.last_scrape_ms) } else { NEVER.to_owned() },
        "lastScrapeDuration": health.duration.as_secs_f64(),
        "health": state,
        "scrapeInterval": interval,
        "scrapeTimeout": timeout,
    })
}
