//! `/api/v3`: services, operations and traces, which come as OTLP under `result`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::stream::{Shape, Traces};
use super::{JaegerError, catalogue, go, search};
use crate::Backend;
use crate::api::params::{self, Params, rfc3339_ns};
use crate::stats::add;
use crate::store::spans::TraceQuery;

/// An error in the third version's shape.
struct V3Error(StatusCode, String);

impl V3Error {
    fn answer(self, backend: &Backend) -> Response {
        let Self(status, message) = self;
        if status.is_client_error() && status != StatusCode::NOT_FOUND {
            add(&backend.stats.bad_queries, 1);
        }
        (status, Json(json!({"error": {"httpCode": status.as_u16(), "message": message}}))).into_response()
    }
}

impl<E: Into<JaegerError>> From<E> for V3Error {
    fn from(error: E) -> Self {
        let JaegerError(status, message) = error.into();
        Self(status, message)
    }
}

fn malformed(name: &str, why: &str) -> V3Error {
    V3Error(StatusCode::BAD_REQUEST, format!("malformed parameter {name}: {why}"))
}

pub(super) async fn services(State(backend): State<Arc<Backend>>) -> Response {
    let answer = async {
        let names = catalogue::names(&backend).await?;
        Ok(Json(if names.is_empty() { json!({}) } else { json!({"services": names}) }).into_response())
    };
    answer.await.unwrap_or_else(|e: V3Error| e.answer(&backend))
}

pub(super) async fn operations(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let service = params.get("service").unwrap_or_default().to_owned();
        let found = catalogue::kinds(&backend, service, params.get("span_kind")).await?;
        let rows = found.into_iter().map(|(name, kind)| match kind {
            "" => json!({"name": name}),
            kind => json!({"name": name, "spanKind": kind}),
        });
        Ok(Json(json!({"operations": rows.collect::<Value>()})).into_response())
    };
    answer.await.unwrap_or_else(|e: V3Error| e.answer(&backend))
}

pub(super) async fn trace(
    State(backend): State<Arc<Backend>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let id = search::parse_id(&id).map_err(|e| malformed("trace_id", &e))?;
        for name in ["start_time", "end_time"] {
            time(&params, name)?;
        }
        let raw = is_raw(&params, "raw_traces")?;
        result(&backend, vec![id], raw).await
    };
    answer.await.unwrap_or_else(|e: V3Error| e.answer(&backend))
}

pub(super) async fn traces(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let (query, raw) = query(&params, &backend.config.indexed_tags)?;
        let ids = search::found(&backend, query).await?;
        result(&backend, ids, raw).await
    };
    answer.await.unwrap_or_else(|e: V3Error| e.answer(&backend))
}

async fn result(backend: &Arc<Backend>, ids: Vec<[u8; 16]>, raw: bool) -> Result<Response, V3Error> {
    let traces = Traces::begin(backend, ids, Shape::Otlp, raw).await?;
    if traces.is_empty() {
        return Err(V3Error(StatusCode::NOT_FOUND, "No traces found".to_owned()));
    }
    Ok(traces.respond())
}

fn query(params: &Params, indexed: &[String]) -> Result<(TraceQuery, bool), V3Error> {
    let (min, max) = ("query.start_time_min", "query.start_time_max");
    if params.get(min).is_none() || params.get(max).is_none() {
        return Err(V3Error(StatusCode::BAD_REQUEST, format!("{min} and {max} are required")));
    }
    let start_ns = time(params, min)?.unwrap_or_default();
    let end_ns = time(params, max)?.unwrap_or_default();
    let name = "query.num_traces";
    // Without it, Jaeger asks its store for none, which that refuses.
    let limit = match params.get(name) {
        Some(text) => go::parse_int(text, 64).map_err(|e| malformed(name, &e.replace("ParseInt", "Atoi")))?,
        None => 0,
    };
    let duration = |name| {
        let parsed = params.get(name).map(go::parse_duration).transpose();
        parsed.map(|ns| ns.filter(|ns| *ns != 0)).map_err(|e| malformed(name, &e))
    };
    let (min_duration_ns, max_duration_ns) =
        (duration("query.duration_min")?, duration("query.duration_max")?);
    let raw = is_raw(params, "query.raw_traces")?;
    let service = params.get("query.service_name").ok_or_else(|| {
        let message = "a search without query.service_name is not supported by the embedded backend";
        V3Error(StatusCode::BAD_REQUEST, message.to_owned())
    })?;
    let query = TraceQuery {
        service: service.to_owned(),
        operation: params.get("query.operation_name").map(str::to_owned),
        tags: Vec::new(),
        min_duration_ns,
        max_duration_ns,
        start_ns,
        end_ns: end_ns.saturating_add(1),
        limit: search::checked_limit(limit)?,
        indexed: indexed.to_vec(),
    };
    Ok((query, raw))
}

fn time(params: &Params, name: &str) -> Result<Option<i64>, V3Error> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let layout = "\"2006-01-02T15:04:05.999999999Z07:00\"";
    rfc3339_ns(text)
        .map(Some)
        .ok_or_else(|| malformed(name, &format!("parsing time {text:?} as {layout}: cannot parse")))
}

fn is_raw(params: &Params, name: &str) -> Result<bool, V3Error> {
    params.get(name).map_or(Ok(false), |text| go::parse_bool(text).map_err(|e| malformed(name, &e)))
}
