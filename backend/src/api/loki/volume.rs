//! `/loki/api/v1/index/volume`: how many bytes the streams hold, added up by labels.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::time::Instant;

use super::LokiError;
use super::stats::{Read, stats};
use super::streams::{matching, selectors};
use super::times::{DEFAULT_SERIES_NS, range};
use crate::Backend;
use crate::api::params;
use crate::labels::Labels;
use crate::time::now_ns;

/// Loki's default for `limit`.
const DEFAULT_LIMIT: usize = 100;

pub(super) async fn volume(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let started = Instant::now();
        let params = params::read(&backend.bodies, request).await?;
        let limit = match params.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse::<usize>()
                .ok()
                .filter(|l| *l > 0)
                .ok_or_else(|| LokiError::bad("limit must be a positive value"))?,
        };
        let by_name = match params.get("aggregateBy") {
            None | Some("series") => false,
            Some("labels") => true,
            Some(_) => return Err(LokiError::bad("invalid aggregation option")),
        };
        let selectors = selectors(&params, "query")?;
        if selectors.is_empty() {
            return Err(LokiError::bad("parse error : syntax error: unexpected $end"));
        }
        // Without targets the labels count that the selector names.
        let targets: Vec<String> = match params.get("targetLabels") {
            Some(names) => names.split(',').map(|n| n.trim().to_owned()).collect(),
            None => selectors.iter().flatten().map(|m| m.name.clone()).collect(),
        };
        let targeted = params.get("targetLabels").is_some();
        let end = range(&params, now_ns(), DEFAULT_SERIES_NS)?.end;
        let streams = matching(&backend, &params, selectors).await?;
        let mut volumes: HashMap<Labels, u64> = HashMap::new();
        for (labels, found) in &streams {
            let wanted = |name: &str| targets.iter().any(|t| t == name);
            if by_name {
                for (name, _) in labels.iter().filter(|(n, _)| !targeted || wanted(n)) {
                    // An empty label would vanish from a label set: the name stands for itself until it is printed.
                    *volumes.entry(Labels::new([(name, "-")])).or_default() += found.bytes;
                }
            } else {
                let labels = if targets.is_empty() { (**labels).clone() } else { labels.filter(wanted) };
                *volumes.entry(labels).or_default() += found.bytes;
            }
        }
        let mut volumes: Vec<(Labels, u64)> = volumes.into_iter().collect();
        volumes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        volumes.truncate(limit);
        let at = end / 1_000_000_000;
        let print = |(labels, bytes): &(Labels, u64)| {
            let metric = match labels.iter().next() {
                Some((name, _)) if by_name => json!({ name: "" }),
                _ => json!(labels),
            };
            json!({"metric": metric, "value": [at, bytes.to_string()]})
        };
        let result: Vec<Value> = volumes.iter().map(print).collect();
        let stats = stats(&Read::default(), result.len(), started);
        Ok(Json(
            json!({"status": "success", "data": {"resultType": "vector", "result": result, "stats": stats}}),
        )
        .into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}
