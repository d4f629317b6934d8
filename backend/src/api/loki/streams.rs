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
use crate::matcher::Matcher;
use crate::store::logs::StreamStats;
use crate::time::now_ns;

pub(super) type Streams = HashMap<Arc<Labels>, StreamStats>;

/// The streams that satisfy the selectors and have entries in the range.
pub(super) async fn matching(
    backend: &Arc<Backend>,
    params: &Params,
    selectors: Vec<Vec<Matcher>>,
) -> Result<Streams, LokiError> {
    let range = range(params, now_ns(), DEFAULT_SERIES_NS)?;
    let shared = Arc::clone(backend);
    let found = backend.gate.run(None, move |_| shared.store.streams(&selectors, &range)).await??;
    Ok(found)
}

/// The selectors that stand in a parameter, without a pipeline behind them.
pub(super) fn selectors(params: &Params, name: &str) -> Result<Vec<Vec<Matcher>>, LokiError> {
    params.all(name).filter(|s| !s.is_empty()).map(selector).collect()
}

fn selector(text: &str) -> Result<Vec<Matcher>, LokiError> {
    logql::parse_selector(text).map_err(|error| match logql::parse(text) {
        Ok(_) => LokiError::bad("only label matchers are supported"),
        Err(_) => error.into(),
    })
}

fn success(data: impl Serialize) -> Response {
    Json(json!({"status": "success", "data": data})).into_response()
}

pub(super) async fn labels(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let streams = matching(&backend, &params, selectors(&params, "query")?).await?;
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
        let streams = matching(&backend, &params, selectors(&params, "query")?).await?;
        let values: BTreeSet<&str> = streams.keys().map(|l| l.get(&name)).filter(|v| !v.is_empty()).collect();
        // Loki leaves the list out where it would be empty.
        if values.is_empty() {
            return Ok(Json(json!({"status": "success"})).into_response());
        }
        Ok(success(values))
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) async fn series(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let mut wanted = selectors(&params, "match[]")?;
        wanted.extend(selectors(&params, "match")?);
        let streams = matching(&backend, &params, wanted).await?;
        let sorted: BTreeSet<&Labels> = streams.keys().map(|l| &**l).collect();
        Ok(success(sorted))
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) async fn stats(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        if params.get("query").is_none() {
            return Err(LokiError::bad("parse error : syntax error: unexpected $end"));
        }
        let streams = matching(&backend, &params, selectors(&params, "query")?).await?;
        let sum = |f: fn(&StreamStats) -> u64| streams.values().map(f).sum::<u64>();
        let body = json!({
            "streams": streams.len(), "chunks": sum(|s| s.blocks), "entries": sum(|s| s.entries), "bytes": sum(|s| s.bytes),
        });
        Ok(Json(body).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}
