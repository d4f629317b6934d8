//! What there is: services, their operations, and who calls whom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::{JaegerError, number, success};
use crate::Backend;
use crate::api::params;
use crate::store::spans::kind_name;
use crate::time::now_ms;

/// Jaeger's default for dependencies: a day.
const DEFAULT_LOOKBACK_MS: i64 = 24 * 3_600_000;

/// Names of all services.
pub(super) async fn names(backend: &Arc<Backend>) -> Result<BTreeSet<String>, JaegerError> {
    let shared = Arc::clone(backend);
    Ok(backend.gate.run(None, move |_| shared.store.services()).await??)
}

/// Operations of a service with their kinds, empty where unspecified; of one kind only if it is given.
pub(super) async fn kinds(
    backend: &Arc<Backend>,
    service: String,
    kind: Option<&str>,
) -> Result<Vec<(String, &'static str)>, JaegerError> {
    let shared = Arc::clone(backend);
    let found = backend.gate.run(None, move |_| shared.store.operations(&service)).await??;
    let named = found.into_iter().map(|(name, k)| (name, kind_name(i32::from(k)).unwrap_or_default()));
    Ok(named.filter(|(_, k)| kind.is_none_or(|wanted| wanted == *k)).collect())
}

/// Go writes an empty list that nothing was put into as `null`.
fn list(items: &[Value]) -> Value {
    if items.is_empty() { Value::Null } else { items.into() }
}

pub(super) async fn services(State(backend): State<Arc<Backend>>) -> Response {
    let answer = async {
        let names: Vec<Value> = names(&backend).await?.into_iter().map(Value::from).collect();
        Ok(success(&list(&names), names.len()))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

pub(super) async fn operations_of(
    State(backend): State<Arc<Backend>>,
    Path(service): Path<String>,
) -> Response {
    let answer = async {
        let found = kinds(&backend, service, None).await?;
        let names: BTreeSet<String> = found.into_iter().map(|(name, _)| name).collect();
        let names: Vec<Value> = names.into_iter().map(Value::from).collect();
        Ok(success(&list(&names), names.len()))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

pub(super) async fn operations(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let service = params
            .get("service")
            .ok_or_else(|| JaegerError::bad("parameter 'service' is required"))?
            .to_owned();
        let found = kinds(&backend, service, params.get("spanKind")).await?;
        let rows: Vec<Value> =
            found.into_iter().map(|(name, kind)| json!({"name": name, "spanKind": kind})).collect();
        Ok(success(&json!(rows), rows.len()))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

pub(super) async fn dependencies(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let end_ms = number(&params, "endTs")?.unwrap_or_else(now_ms);
        let lookback_ms = number(&params, "lookback")?.unwrap_or(DEFAULT_LOOKBACK_MS);
        let start_ms = end_ms.saturating_sub(lookback_ms);
        if end_ms < start_ms {
            let message = "end time must be greater than start time".to_owned();
            return Err(JaegerError(StatusCode::INTERNAL_SERVER_ERROR, message));
        }
        let of = params.get("service").map(str::to_owned);
        let shared = Arc::clone(&backend);
        let ns = |ms: i64| ms.saturating_mul(1_000_000);
        let (start_ns, end_ns) = (ns(start_ms), ns(end_ms));
        let calls: Option<BTreeMap<_, _>> =
            backend.gate.run(None, move |deadline| shared.store.calls(start_ns, end_ns, deadline)).await??;
        let calls = calls.ok_or_else(|| {
            JaegerError(
                StatusCode::UNPROCESSABLE_ENTITY,
                "too many spans in this time range, use a shorter lookback".to_owned(),
            )
        })?;
        let rows: Vec<Value> = calls
            .into_iter()
            .filter(|((parent, child), _)| of.as_ref().is_none_or(|of| of == parent || of == child))
            .map(|((parent, child), count)| json!({"parent": parent, "child": child, "callCount": count}))
            .collect();
        Ok(success(&json!(rows), 0))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}
