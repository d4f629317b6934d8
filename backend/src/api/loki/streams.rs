//! `/loki/api/v1/labels`, `label/{name}/values`, `series`, `index/stats`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::json;

use super::LokiError;
use super::times::{DEFAULT_SERIES_NS, range};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::labels::Labels;
use crate::logql;
use crate::store::logs::StreamStats;
use crate::time::now_ns;

type Streams = HashMap<Arc<Labels>, StreamStats>;

/// The streams that satisfy the selectors and have entries in the range.
async fn matching(
    backend: &Arc<Backend>,
    params: &Params,
    selectors: Vec<String>,
) -> Result<Streams, LokiError> {
    let parsed: Result<Vec<_>, _> = selectors.iter().map(|s| logql::parse(s)).collect();
    let selectors = parsed?.into_iter().map(|q| q.selector).collect::<Vec<_>>();
    let range = range(params, now_ns(), DEFAULT_SERIES_NS)?;
    let shared = Arc::clone(backend);
    let found = backend.gate.run(None, move |_| shared.store.streams(&selectors, &range)).await??;
    Ok(found)
}

fn selectors(params: &Params, name: &str) -> Vec<String> {
    params.all(name).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

fn success(data: impl Serialize) -> Response {
    Json(json!({"status": "success", "data": data})).into_response()
}

pub(super) async fn labels(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let streams = matching(&backend, &params, selectors(&params, "query")).await?;
        let names: BTreeSet<&str> = streams.keys().flat_map(|l| l.iter().map(|(k, _)| k)).collect();
        Ok(success(names))
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) async fn label_values(
    State(backend): State<Arc<Backend>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let streams = matching(&backend, &params, selectors(&params, "query")).await?;
        let values: BTreeSet<&str> = streams.keys().map(|l| l.get(&name)).filter(|v| !v.is_empty()).collect();
        Ok(success(values))
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) async fn series(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let mut wanted = selectors(&params, "match[]");
        wanted.extend(selectors(&params, "match"));
        if wanted.is_empty() {
            return Err(LokiError::bad("0 matcher groups supplied"));
        }
        let streams = matching(&backend, &params, wanted).await?;
        let sorted: BTreeSet<&Labels> = streams.keys().map(|l| &**l).collect();
        Ok(success(sorted))
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) async fn stats(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let streams = matching(&backend, &params, selectors(&params, "query")).await?;
        let sum = |f: fn(&StreamStats) -> u64| streams.values().map(f).sum::<u64>();
        let body = json!({
            "streams": streams.len(), "chunks": sum(|s| s.blocks), "entries": sum(|s| s.entries), "bytes": sum(|s| s.bytes),
        });
        Ok(Json(body).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}
