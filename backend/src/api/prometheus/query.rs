//! `/api/v1/query` and `/api/v1/query_range`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header;
use serde_json::json;

use super::answer::ApiError;
use super::print;
use super::times::{duration, limit, required_time, time};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::promql::{self, Answer, Grid, LOOKBACK_MS, Options, Query, QueryError, SampleCount};
use crate::store::samples::Samples;
use crate::time::now_ms;

/// Most points of one series in a range answer, as in Prometheus.
const MAX_POINTS: usize = 11_000;

pub(super) async fn instant(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let limit = limit(&params)?;
        let t = time(&params, "time", now_ms)?;
        run(&backend, &params, move |source, query, options, shown| {
            let answer = promql::instant(source, query, t, options)?;
            Ok(shown.with(answer, |answer, stats| print::instant(answer, t, limit, stats)))
        })
        .await
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn range(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let limit = limit(&params)?;
        let grid = grid(&params)?;
        run(&backend, &params, move |source, query, options, shown| {
            let answer = promql::range(source, query, grid, options)?;
            Ok(shown.with(answer, |answer, stats| print::range(answer, grid, limit, stats)))
        })
        .await
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

/// Evaluates the parameters' query within its time and the backend's bounds, and prints the answer.
async fn run(
    backend: &Arc<Backend>,
    params: &Params,
    evaluate: impl FnOnce(&Samples, &Query, Options, Shown) -> Result<String, QueryError> + Send + 'static,
) -> Result<Response, ApiError> {
    let timeout = duration(params, "timeout")?;
    let asked = duration(params, "lookback_delta").map_err(|_| {
        let text = params.get("lookback_delta").unwrap_or_default();
        ApiError::bad_data(format!(
            "error parsing lookback delta duration: cannot parse {text:?} to a valid duration"
        ))
    })?;
    let lookback_ms = match asked {
        Some(lookback) if !lookback.is_zero() => i64::try_from(lookback.as_millis()).unwrap_or(i64::MAX),
        _ => LOOKBACK_MS,
    };
    let asked_at = Instant::now();
    let query = parse(params)?;
    let stats = params.get("stats").map(str::to_owned);
    let points = backend.config.limits.query_points;
    let subquery_step_ms = backend.config.subquery_step_ms();
    let shared = Arc::clone(backend);
    let text = backend
        .gate
        .run(timeout, move |deadline| {
            let shown = Shown { stats, asked_at, begun_at: Instant::now() };
            let options = Options { deadline, points, lookback_ms, subquery_step_ms };
            evaluate(&shared.store.samples, &query, options, shown)
        })
        .await??;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// What is said beside the answer itself when `stats` are asked for.
struct Shown {
    stats: Option<String>,
    asked_at: Instant,
    begun_at: Instant,
}

impl Shown {
    fn with(self, mut answer: Answer, print: impl FnOnce(&mut Answer, Option<&str>) -> String) -> String {
        let Some(kind) = self.stats else { return print(&mut answer, None) };
        if !matches!(kind.as_str(), "true" | "all") {
            answer.warnings.push(format!(
                "value {kind:?} for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\""
            ));
        }
        let (waited, took) = (self.begun_at - self.asked_at, self.begun_at.elapsed());
        let SampleCount { at_steps, read, held } = answer.samples;
        let stats = json!({
            "timings": {
                "evalTotalTime": took.as_secs_f64(), "resultSortTime": 0.0, "queryPreparationTime": 0.0,
                "innerEvalTime": took.as_secs_f64(), "execQueueTime": waited.as_secs_f64(),
                "execTotalTime": (waited + took).as_secs_f64(),
            },
            "samples": {"totalQueryableSamples": at_steps, "samplesRead": read, "peakSamples": held},
        });
        print(&mut answer, Some(&stats.to_string()))
    }
}

/// The steps of a range query.
fn grid(params: &Params) -> Result<Grid, ApiError> {
    let (start, end) = (required_time(params, "start")?, required_time(params, "end")?);
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step = duration(params, "step")?
        .ok_or_else(|| ApiError::parameter("step", "cannot parse \"\" to a valid duration"))?;
    let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    if step <= 0 {
        return Err(ApiError::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if (end - start) / step > MAX_POINTS as i64 {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    Ok(Grid::range(start, end, step))
}

/// The parameters' query.
pub(super) fn parse(params: &Params) -> Result<Query, ApiError> {
    Ok(Query::new(params.get("query").ok_or_else(ApiError::no_query)?)?)
}
