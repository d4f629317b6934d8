//! `/api/traces/{id}` and the search at `/api/traces`.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;

use super::stream::{Shape, Traces};
use super::{JaegerError, go, number, parameter};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::store::spans::TraceQuery;
use crate::time::now_ns;

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 1500;
/// Most traces asked for by their ids at once.
const MAX_IDS: usize = 1500;
/// Jaeger's default when no start is given: two days.
const DEFAULT_LOOKBACK_NS: i64 = 2 * 86_400 * 1_000_000_000;

pub(super) async fn trace(
    State(backend): State<Arc<Backend>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let id = parse_id(&id).map_err(JaegerError::bad)?;
        number(&params, "start")?;
        number(&params, "end")?;
        let raw = is_raw(&params)?;
        let traces = Traces::begin(&backend, vec![id], Shape::Jaeger, raw).await?;
        if traces.is_empty() {
            return Err(JaegerError(StatusCode::NOT_FOUND, "trace not found".to_owned()));
        }
        Ok(traces.respond())
    };
    answer.await.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

pub(super) async fn search(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = find(&backend, request).await;
    answer.unwrap_or_else(|e: JaegerError| e.answer(&backend))
}

async fn find(backend: &Arc<Backend>, request: Request) -> Result<Response, JaegerError> {
    let params = params::read(&backend.bodies, request).await?;
    let query = query(&params, &backend.config.indexed_tags)?;
    let ids = params.all("traceID").map(parse_id).collect::<Result<Vec<_>, _>>();
    let ids = ids.map_err(|e| JaegerError::bad(format!("cannot parse traceID param: {e}")))?;
    let raw = is_raw(&params)?;
    if ids.len() > MAX_IDS {
        return Err(JaegerError::bad(format!("at most {MAX_IDS} traces can be asked for at once")));
    }
    if !ids.is_empty() {
        return Ok(Traces::begin(backend, ids, Shape::Asked, raw).await?.respond());
    }
    if query.service.is_empty() {
        return Err(JaegerError::bad("parameter 'service' is required"));
    }
    if let (Some(min), Some(max)) = (query.min_duration_ns, query.max_duration_ns)
        && max < min
    {
        return Err(JaegerError::bad("'maxDuration' should be greater than 'minDuration'"));
    }
    let ids = found(backend, query).await?;
    Ok(Traces::begin(backend, ids, Shape::Jaeger, raw).await?.respond())
}

/// Ids of the traces that a query finds, the latest first.
pub(super) async fn found(backend: &Arc<Backend>, query: TraceQuery) -> Result<Vec<[u8; 16]>, JaegerError> {
    let shared = Arc::clone(backend);
    Ok(backend.gate.run(None, move |deadline| shared.store.find_traces(&query, deadline)).await??)
}

fn query(params: &Params, indexed: &[String]) -> Result<TraceQuery, JaegerError> {
    let micros = |name| Ok::<_, JaegerError>(number(params, name)?.map(|us| us.saturating_mul(1000)));
    let start_ns = micros("start")?.unwrap_or_else(|| now_ns().saturating_sub(DEFAULT_LOOKBACK_NS));
    let end_ns = micros("end")?.unwrap_or_else(now_ns);
    let tags = tags(params)?;
    let limit = params.get("limit").map_or(Ok(DEFAULT_LIMIT), |text| go::parse_int(text, 32));
    let limit = checked_limit(limit.map_err(JaegerError::bad)?)?;
    let duration = |name| {
        let parsed = params.get(name).map(go::parse_duration).transpose();
        // Zero is "any", as in Jaeger.
        parsed.map(|ns| ns.filter(|ns| *ns != 0)).map_err(|e| parameter(name, &e))
    };
    Ok(TraceQuery {
        service: params.get("service").unwrap_or_default().to_owned(),
        operation: params.get("operation").map(str::to_owned),
        tags,
        min_duration_ns: duration("minDuration")?,
        max_duration_ns: duration("maxDuration")?,
        start_ns,
        // Jaeger's end is inclusive.
        end_ns: end_ns.saturating_add(1),
        limit,
        indexed: indexed.to_vec(),
    })
}

/// How many traces may be asked for.
pub(super) fn checked_limit(limit: i64) -> Result<usize, JaegerError> {
    match usize::try_from(limit) {
        Ok(limit) if (1..=MAX_LIMIT as usize).contains(&limit) => Ok(limit),
        Ok(1..) => Err(JaegerError::bad(format!("parameter 'limit' must be between 1 and {MAX_LIMIT}"))),
        _ => Err(JaegerError(
            StatusCode::INTERNAL_SERVER_ERROR,
            "search depth must be greater than 0 and less than max traces".to_owned(),
        )),
    }
}

fn is_raw(params: &Params) -> Result<bool, JaegerError> {
    params.get("raw").map_or(Ok(false), |text| go::parse_bool(text).map_err(|e| parameter("raw", &e)))
}

fn tags(params: &Params) -> Result<Vec<(String, String)>, JaegerError> {
    let mut tags = std::collections::BTreeMap::new();
    for text in params.all("tag") {
        let (key, value) = text.split_once(':').ok_or_else(|| {
            JaegerError::bad(format!("malformed 'tag' parameter, expecting key:value, received: {text}"))
        })?;
        tags.insert(key.to_owned(), value.to_owned());
    }
    for text in params.all("tags") {
        let map: std::collections::BTreeMap<String, String> = serde_json::from_str(text).map_err(|e| {
            JaegerError::bad(format!("malformed 'tags' parameter, cannot unmarshal JSON: {e}"))
        })?;
        tags.extend(map);
    }
    Ok(tags.into_iter().collect())
}

/// A trace id of up to 32 hex digits; shorter ones are padded with zeros in front.
pub(super) fn parse_id(text: &str) -> Result<[u8; 16], String> {
    if text.len() > 32 {
        return Err(format!("TraceID cannot be longer than 32 hex characters: {text}"));
    }
    let (high, low) = text.split_at_checked(text.len().saturating_sub(16)).unwrap_or((text, ""));
    let high = if high.is_empty() { 0 } else { go::parse_hex(high)? };
    let low = go::parse_hex(low)?;
    Ok(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_may_be_short_and_are_refused_in_gos_words() {
        assert_eq!(parse_id("1f").map(|id| id[15]), Ok(0x1f));
        assert_eq!(parse_id("10000000000000000").map(|id| id[7]), Ok(1));
        assert_eq!(parse_id("xyz"), Err("strconv.ParseUint: parsing \"xyz\": invalid syntax".to_owned()));
        assert!(parse_id(&"1".repeat(33)).is_err_and(|e| e.contains("longer than 32")));
        assert!(parse_id("").is_err() && parse_id("äääääääääääää").is_err());
    }
}
