//! What logs are made of, for those who explore them: `detected_fields`, the values of one, `detected_labels`. Patterns are
//! not looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::LokiError;
use super::lines::{self, Wish};
use super::query::MAX_LIMIT;
use super::streams::{matching, selectors};
use super::times::{DEFAULT_LOGS_NS, range};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::logql::{self, Detected, LogqlError};
use crate::time::now_ns;

/// Loki's defaults for `line_limit` and `limit`.
const LINES: usize = 100;
const FIELDS: usize = 1000;
/// Labels that Loki shows although their values look like ids.
const STATIC: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

pub(super) async fn fields(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let limit = limit(&params)?;
        let mut fields = detected(&backend, &params, Detected::default()).await?.print();
        fields.truncate(limit);
        // Loki leaves out what is empty.
        let body = if fields.is_empty() { json!({}) } else { json!({"fields": fields, "limit": limit}) };
        Ok(Json(body).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

/// The values of one field.
pub(super) async fn values(
    State(backend): State<Arc<Backend>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let limit = limit(&params)?;
        let mut values = detected(&backend, &params, Detected::of(name)).await?.values();
        values.truncate(limit);
        let body = if values.is_empty() { json!({}) } else { json!({"values": values, "limit": limit}) };
        Ok(Json(body).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

fn limit(params: &Params) -> Result<usize, LokiError> {
    number(params, "limit", number(params, "field_limit", FIELDS)?)
}

/// What is detected in the latest lines of a query.
async fn detected(
    backend: &Arc<Backend>,
    params: &Params,
    mut detected: Detected,
) -> Result<Detected, LokiError> {
    let query = logql::parse_log(params.get("query").unwrap_or_default())?;
    let times = range(params, now_ns(), DEFAULT_LOGS_NS)?;
    let lines = number(params, "line_limit", LINES)?.min(MAX_LIMIT);
    let shared = Arc::clone(backend);
    let found = backend
        .gate
        .run(None, move |deadline| {
            let wish = Wish { times, limit: lines, forward: false, interval: 0, deadline };
            lines::find(&shared, &query, &wish)
        })
        .await??;
    for hit in &found.hits {
        detected.add(&hit.line, &hit.stream, &hit.metadata, &hit.parsed);
    }
    Ok(detected)
}

pub(super) async fn labels(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let streams = matching(&backend, &params, selectors(&params, "query")?).await?;
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in streams.keys().flat_map(|l| l.iter()) {
            values.entry(name).or_default().insert(value);
        }
        values.retain(|name, values| STATIC.contains(name) || !values.iter().all(|v| is_id(v)));
        let labels: Vec<Value> =
            values.iter().map(|(name, values)| json!({"label": name, "cardinality": values.len()})).collect();
        Ok(Json(json!({"detectedLabels": labels})).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) async fn patterns(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        if params.get("query").is_none() {
            return Err(LokiError::from(LogqlError::Meaning("syntax error: unexpected $end".to_owned())));
        }
        selectors(&params, "query")?;
        Ok(Json(json!({"status": "success", "data": []})).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

fn number(params: &Params, name: &str, default: usize) -> Result<usize, LokiError> {
    let Some(text) = params.get(name) else { return Ok(default) };
    let number: i64 = text
        .parse()
        .map_err(|_| LokiError::bad(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?;
    let number = usize::try_from(number).ok().filter(|n| *n > 0);
    number.ok_or_else(|| LokiError::bad(format!("{name} must be a positive value")))
}

/// Whether a value names one thing rather than a kind of things: a number, or a UUID.
fn is_id(value: &str) -> bool {
    let is_uuid = value.len() == 36
        && value.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && value.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
    is_uuid || value.parse::<f64>().is_ok()
}
