//! `/api/traces/{id}` and the search at `/api/traces`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::{JaegerError, envelope, number, success};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::store::spans::TraceQuery;
use crate::time::now_ns;

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 1500;
/// Jaeger's default when no start is given: two days.
const DEFAULT_LOOKBACK_NS: i64 = 2 * 86_400 * 1_000_000_000;

pub(super) async fn trace(State(backend): State<Arc<Backend>>, Path(id): Path<String>) -> Response {
    let answer = async {
        let id = parse_id(&id)?;
        let shared = Arc::clone(&backend);
        let spans = backend.gate.run(None, move |deadline| shared.store.trace(id, deadline)).await??;
        if spans.is_empty() {
            return Err(JaegerError(StatusCode::NOT_FOUND, "trace not found".to_owned()));
        }
        Ok(success(&json!([super::json::trace(&spans)]), 0))
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

pub(super) async fn search(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = find(&backend, request).await;
    answer.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

async fn find(backend: &Arc<Backend>, request: Request) -> Result<Response, JaegerError> {
    let params = params::read(&backend.bodies, request).await?;
    let shared = Arc::clone(backend);
    let asked: Vec<[u8; 16]> = params.all("traceID").map(parse_id).collect::<Result<_, _>>()?;
    if !asked.is_empty() {
        let found = backend
            .gate
            .run(None, move |deadline| {
                asked
                    .into_iter()
                    .map(|id| shared.store.trace(id, deadline).map(|s| (id, s)))
                    .collect::<Result<Vec<_>, _>>()
            })
            .await??;
        let (found, missing): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, spans)| !spans.is_empty());
        let errors: Vec<Value> = missing
            .iter()
            .map(|(id, _)| json!({"msg": "trace not found", "traceID": super::json::trace_id(id)}))
            .collect();
        let data: Vec<Value> = found.iter().map(|(_, spans)| super::json::trace(spans)).collect();
        let errors = if errors.is_empty() { Value::Null } else { errors.into() };
        let total = data.len();
        return Ok(Json(envelope(&data.into(), total, &errors)).into_response());
    }
    let query = query(&params, &backend.config.indexed_tags)?;
    let traces = backend
        .gate
        .run(None, move |deadline| {
            let ids = shared.store.find_traces(&query, deadline)?;
            ids.into_iter().map(|id| shared.store.trace(id, deadline)).collect::<Result<Vec<_>, _>>()
        })
        .await??;
    let data: Vec<Value> = traces.iter().filter(|t| !t.is_empty()).map(|t| super::json::trace(t)).collect();
    let total = data.len();
    Ok(success(&data.into(), total))
}

fn query(params: &Params, indexed: &[String]) -> Result<TraceQuery, JaegerError> {
    let service = params.get("service").ok_or_else(|| JaegerError::bad("parameter 'service' is required"))?;
    let micros = |name| Ok::<_, JaegerError>(number(params, name)?.map(|us| us.saturating_mul(1000)));
    let end_ns = micros("end")?.unwrap_or_else(now_ns);
    let start_ns = match (micros("start")?, params.get("lookback").and_then(lookback_ns)) {
        (Some(start), _) => start,
        (None, Some(lookback)) => end_ns.saturating_sub(lookback),
        (None, None) => end_ns.saturating_sub(DEFAULT_LOOKBACK_NS),
    };
    let limit = number(params, "limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(JaegerError::bad(format!("parameter 'limit' must be between 1 and {MAX_LIMIT}")));
    }
    let min_duration_ns = duration(params, "minDuration")?;
    let max_duration_ns = duration(params, "maxDuration")?;
    if let (Some(min), Some(max)) = (min_duration_ns, max_duration_ns)
        && max < min
    {
        return Err(JaegerError::bad("'maxDuration' should be greater than 'minDuration'"));
    }
    Ok(TraceQuery {
        service: service.to_owned(),
        operation: params.get("operation").map(str::to_owned),
        tags: tags(params)?,
        min_duration_ns,
        max_duration_ns,
        start_ns,
        // Jaeger's end is inclusive, and in microseconds.
        end_ns: end_ns.saturating_add(1000),
        limit: limit as usize,
        indexed: indexed.to_vec(),
    })
}

fn tags(params: &Params) -> Result<Vec<(String, String)>, JaegerError> {
    let mut tags = Vec::new();
    for text in params.all("tag").filter(|t| !t.is_empty()) {
        let (key, value) = text.split_once(':').ok_or_else(|| {
            JaegerError::bad(format!("malformed 'tag' parameter, expecting key:value, received: {text}"))
        })?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    for text in params.all("tags").filter(|t| !t.is_empty()) {
        let map: std::collections::BTreeMap<String, String> = serde_json::from_str(text).map_err(|e| {
            JaegerError::bad(format!("malformed 'tags' parameter, cannot unmarshal JSON: {e}"))
        })?;
        tags.extend(map);
    }
    Ok(tags)
}

fn duration(params: &Params, name: &str) -> Result<Option<i64>, JaegerError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    duration_ns(text).map(Some).ok_or_else(|| {
        JaegerError::bad(format!("unable to parse param '{name}': time: invalid duration {text:?}"))
    })
}

/// A Go duration such as `1.2s`, `100ms`, `1h30m`.
fn duration_ns(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|d| *d > 0)?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += value
            * match &rest[..unit] {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    (!text.is_empty() && total < 9e18).then_some(total as i64)
}

/// Jaeger's UI writes the lookback as `1h`, `2d`, or `custom`.
fn lookback_ns(text: &str) -> Option<i64> {
    match text.strip_suffix('d') {
        Some(days) => days.parse::<i64>().ok().map(|d| d.saturating_mul(86_400_000_000_000)),
        None => duration_ns(text),
    }
}

/// A trace id of up to 32 hex digits; shorter ones are padded with zeros in front.
fn parse_id(text: &str) -> Result<[u8; 16], JaegerError> {
    let bad = || JaegerError::bad(format!("strconv.ParseUint: parsing {text:?}: invalid syntax"));
    if text.is_empty() || text.len() > 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad());
    }
    u128::from_str_radix(text, 16).map(u128::to_be_bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_may_be_short_and_durations_are_gos() {
        assert_eq!(parse_id("1f").map(|id| id[15]).ok(), Some(0x1f));
        assert!(parse_id("xyz").is_err());
        assert_eq!(duration_ns("1.5s"), Some(1_500_000_000));
        assert_eq!(duration_ns("1h30m"), Some(5_400_000_000_000));
        assert_eq!(duration_ns("5"), None);
        assert_eq!(lookback_ns("2d"), Some(172_800_000_000_000));
    }
}
