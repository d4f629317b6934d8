//! `/loki/api/v1/query_range` and `/loki/api/v1/query`: reading their parameters, and handing log queries to `lines`,
//! metric queries to `samples`. Also `format_query`.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use serde_json::json;

use super::LokiError;
use super::lines::{self, Wish};
use super::samples;
use super::times::{DEFAULT_LOGS_NS, duration, instant as time_instant, range as time_range};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::logql::metric::Grid;
use crate::logql::{self, Expr};
use crate::time::now_ns;

/// Loki's default bounds on `limit`.
const DEFAULT_LIMIT: usize = 100;
pub(super) const MAX_LIMIT: usize = 5000;
/// The most steps of a metric query.
const MAX_STEPS: i64 = 11_000;
const SECOND_NS: i64 = 1_000_000_000;

pub(super) async fn range(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let categorize = wants_categories(&request);
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let query = logql::parse(params.get("query").unwrap_or_default())?;
        let times = time_range(&params, now_ns(), DEFAULT_LOGS_NS)?;
        let limit = limit(&params)?;
        let forward = is_forward(&params)?;
        let step = step(&params, times.end - times.start)?;
        let interval = match params.get("interval") {
            Some(text) => duration(text)?,
            None => 0,
        };
        if interval < 0 {
            return Err(LokiError::bad("interval must be >= 0"));
        }
        let shared = Arc::clone(&backend);
        let found = backend
            .gate
            .run(None, move |deadline| {
                let started = Instant::now();
                match query {
                    Expr::Log(query) => {
                        if limit > MAX_LIMIT {
                            return Err(LokiError::bad(format!(
                                "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAX_LIMIT})"
                            )));
                        }
                        let wish = Wish { times, limit, forward, interval, deadline };
                        let found = lines::find(&shared, &query, &wish)?;
                        lines::print(found, categorize, started)
                    }
                    Expr::Metric(metric) => {
                        // Steps are multiples of the step, so that two queries of one graph see the same windows.
                        let start = times.start - times.start.rem_euclid(step);
                        let end = times.end + (step - times.end.rem_euclid(step)) % step;
                        let len = usize::try_from((end - start) / step).unwrap_or(0) + 1;
                        let grid = Grid { start, step, len };
                        samples::answer(&shared, &metric, grid, false, deadline, started)
                    }
                }
            })
            .await??;
        Ok(([(header::CONTENT_TYPE, "application/json")], found).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) async fn instant(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let query = logql::parse(params.get("query").unwrap_or_default())?;
        let at = time_instant(&params, now_ns())?;
        limit(&params)?;
        is_forward(&params)?;
        let Expr::Metric(metric) = query else {
            return Err(LokiError::bad(
                "log queries are not supported as an instant query type, please change your query to a range query type",
            ));
        };
        let shared = Arc::clone(&backend);
        let found = backend
            .gate
            .run(None, move |deadline| {
                let grid = Grid { start: at, step: SECOND_NS, len: 1 };
                samples::answer(&shared, &metric, grid, true, deadline, Instant::now())
            })
            .await??;
        Ok(([(header::CONTENT_TYPE, "application/json")], found).into_response())
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

/// `/loki/api/v1/format_query`: writes a query anew, or says what is wrong with it.
pub(super) async fn format(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        Ok(match logql::parse(params.get("query").unwrap_or_default()) {
            Ok(query) => Json(json!({"status": "success", "data": logql::pretty(&query)})).into_response(),
            Err(error) => {
                let body = json!({"status": "invalid-query", "error": error.to_string()});
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
        })
    };
    answer.await.unwrap_or_else(|e: LokiError| e.answer(&backend))
}

pub(super) fn wants_categories(request: &Request) -> bool {
    request
        .headers()
        .get("x-loki-response-encoding-flags")
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.split(',').any(|flag| flag.trim() == "categorize-labels"))
}

/// `limit`, for a metric query of no account.
pub(super) fn limit(params: &Params) -> Result<usize, LokiError> {
    let Some(text) = params.get("limit") else { return Ok(DEFAULT_LIMIT) };
    let limit: i64 = text
        .parse()
        .map_err(|_| LokiError::bad(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?;
    usize::try_from(limit)
        .ok()
        .filter(|l| *l > 0)
        .ok_or_else(|| LokiError::bad("limit must be a positive value"))
}

fn is_forward(params: &Params) -> Result<bool, LokiError> {
    match params.get("direction").map(str::to_ascii_lowercase).as_deref() {
        None | Some("backward") => Ok(false),
        Some("forward") => Ok(true),
        Some(other) => Err(LokiError::bad(format!("invalid direction '{other}'"))),
    }
}

/// `step` in nanoseconds; the default makes about 250 of the range, of whole seconds.
pub(super) fn step(params: &Params, length: i64) -> Result<i64, LokiError> {
    let step = match params.get("step") {
        Some(text) => duration(text)?,
        None => (length / SECOND_NS / 250).max(1) * SECOND_NS,
    };
    if step <= 0 {
        return Err(LokiError::bad(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if length / step > MAX_STEPS {
        return Err(LokiError::bad(
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
        ));
    }
    Ok(step)
}
