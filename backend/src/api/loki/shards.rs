//! `/loki/api/v1/index/shards`: how a query might be cut up among several. Here one answers it all.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::LokiError;
use super::query::{limit, step};
use super::stats::{Read, stats};
use super::streams::{matching, selectors};
use super::times::{DEFAULT_LOGS_NS, range};
use crate::Backend;
use crate::api::params;
use crate::logql;
use crate::store::logs::StreamStats;
use crate::time::now_ns;

pub(super) async fn shards(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let started = Instant::now();
        let params = params::read(&backend.bodies, request).await?;
        let times = range(&params, now_ns(), DEFAULT_LOGS_NS)?;
        limit(&params)?;
        step(&params, times.end - times.start)?;
        let selectors = selectors(&params, "query")?;
        if selectors.is_empty() {
            return Err(LokiError::bad("parse error : syntax error: unexpected $end"));
        }
        let target = params.get("targetBytesPerShard").map(logql::bytes);
        if target.flatten().is_none_or(|bytes| bytes <= 0.0) {
            return Err(LokiError::bad("targetBytesPerShard must be a positive value"));
        }
        let streams = matching(&backend, &params, selectors).await?;
        let sum = |f: fn(&StreamStats) -> u64| streams.values().map(f).sum::<u64>();
        let all = json!({
            "bounds": {"min": 0, "max": u64::MAX},
            "stats": {
                "streams": streams.len(), "chunks": sum(|s| s.blocks), "entries": sum(|s| s.entries), "bytes": sum(|s| s.bytes),
            },
        });
        let body =
            json!({"shards": [all], "statistics": stats(&Read::default(), 1, started), "chunkGroups": null});
        Ok(Json(body).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}
