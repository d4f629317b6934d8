//! `/api/v1/query`, `/api/v1/query_range`, `/api/v1/query_exemplars`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use promql_parser::parser::{Expr, VectorSelector};
use serde::Serialize;
use serde_json::{Number, json};

use super::answer::{ApiError, number, seconds, success, with_notes};
use super::times::{duration, required_time, time};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::labels::Labels;
use crate::promql::{
    self, Answer, Grid, LOOKBACK_MS, Options, Query, QueryError, Row, Value, is_present, matchers_of,
};
use crate::store::samples::Samples;
use crate::time::now_ms;

/// Most points of one series in a range answer, as in Prometheus.
const MAX_POINTS: usize = 11_000;

pub(super) async fn instant(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let limit = limit(&params)?;
        let t = time(&params, "time", now_ms)?;
        let found =
            run(&backend, &params, move |source, query, options| promql::instant(source, query, t, options));
        let mut answer = found.await?;
        let cut = match &mut answer.value {
            Value::Vector(rows) => cut(rows, limit),
            Value::Matrix(rows) => cut(rows, limit),
            Value::Scalar(_) | Value::Text(_) => false,
        };
        warn_of_cut(&mut answer.warnings, cut);
        Ok(with_notes(print_instant(&answer.value, t), answer.warnings, answer.infos))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn range(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let limit = limit(&params)?;
        let grid = grid(&params)?;
        let found =
            run(&backend, &params, move |source, query, options| promql::range(source, query, grid, options));
        let mut answer = found.await?;
        let mut rows = rows_by_labels(answer.value);
        let cut = cut(&mut rows, limit);
        warn_of_cut(&mut answer.warnings, cut);
        Ok(with_notes(print_range(rows, grid), answer.warnings, answer.infos))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

/// Evaluates the parameters' query within its time and the backend's bounds.
async fn run(
    backend: &Arc<Backend>,
    params: &Params,
    evaluate: impl FnOnce(&Samples, &Query, Options) -> Result<Answer, QueryError> + Send + 'static,
) -> Result<Answer, ApiError> {
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
    let query = parse(params)?;
    let points = backend.config.limits.query_points;
    let shared = Arc::clone(backend);
    let answer = backend
        .gate
        .run(timeout, move |deadline| {
            evaluate(&shared.store.samples, &query, Options { deadline, points, lookback_ms })
        })
        .await??;
    Ok(answer)
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

/// Most series of an answer, as asked for; zero is no bound.
fn limit(params: &Params) -> Result<usize, ApiError> {
    match params.get("limit").map(str::parse::<i64>) {
        None => Ok(0),
        Some(Ok(limit)) if limit >= 0 => Ok(usize::try_from(limit).unwrap_or(0)),
        Some(Ok(_)) => Err(ApiError::parameter("limit", "limit must be non-negative")),
        Some(Err(_)) => {
            let text = params.get("limit").unwrap_or_default();
            Err(ApiError::parameter("limit", format!("strconv.Atoi: parsing {text:?}: invalid syntax")))
        }
    }
}

/// Drops what is beyond the limit and tells whether there was anything.
fn cut<T>(rows: &mut Vec<T>, limit: usize) -> bool {
    let beyond = limit > 0 && rows.len() > limit;
    if beyond {
        rows.truncate(limit);
    }
    beyond
}

fn warn_of_cut(warnings: &mut Vec<String>, cut: bool) {
    if cut {
        warnings.push("results truncated due to limit".to_owned());
    }
}

pub(super) async fn exemplars(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let start = time(&params, "start", || i64::MIN)?;
        let end = time(&params, "end", || i64::MAX)?;
        if end < start {
            return Err(ApiError::bad_data(
                "invalid parameter \"end\": end timestamp must not be before start timestamp",
            ));
        }
        let query = parse(&params)?;
        let mut selectors = Vec::new();
        selectors_of(query.expr(), &mut selectors);
        let mut found = std::collections::BTreeMap::new();
        for selector in selectors {
            found.extend(backend.store.samples.exemplars(&matchers_of(selector)?, start, end));
        }
        let data: Vec<_> = found
            .into_iter()
            .map(|(labels, exemplars)| {
                let exemplars: Vec<_> = exemplars
                    .iter()
                    .map(|e| json!({"labels": e.labels, "value": number(e.value), "timestamp": seconds(e.t)}))
                    .collect();
                json!({"seriesLabels": labels, "exemplars": exemplars})
            })
            .collect();
        Ok(success(data))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

fn parse(params: &Params) -> Result<Query, ApiError> {
    match params.get("query") {
        Some(query) => Ok(Query::new(query)?),
        None => {
            Err(ApiError::parameter("query", "unknown position: parse error: no expression found in input"))
        }
    }
}

fn selectors_of<'e>(expr: &'e Expr, found: &mut Vec<&'e VectorSelector>) {
    match expr {
        Expr::VectorSelector(v) => found.push(v),
        Expr::MatrixSelector(m) => found.push(&m.vs),
        Expr::Aggregate(a) => selectors_of(&a.expr, found),
        Expr::Unary(u) => selectors_of(&u.expr, found),
        Expr::Paren(p) => selectors_of(&p.expr, found),
        Expr::Subquery(s) => selectors_of(&s.expr, found),
        Expr::Binary(b) => {
            selectors_of(&b.lhs, found);
            selectors_of(&b.rhs, found);
        }
        Expr::Call(c) => c.args.args.iter().for_each(|a| selectors_of(a, found)),
        _ => {}
    }
}

type Point = (Number, String);

#[derive(Serialize)]
struct InstantRow<'a> {
    metric: &'a Labels,
    value: Point,
}

#[derive(Serialize)]
struct RangeRow {
    metric: Labels,
    values: Vec<Point>,
}

fn print_instant(value: &Value, t: i64) -> serde_json::Value {
    match value {
        Value::Scalar(values) => {
            let value = number(values.first().copied().unwrap_or(f64::NAN));
            json!({"resultType": "scalar", "result": [seconds(t), value]})
        }
        Value::Text(text) => json!({"resultType": "string", "result": [seconds(t), text]}),
        Value::Vector(rows) => {
            let present = |row: &&Row| row.points.first().is_some_and(|v| is_present(*v));
            let rows: Vec<_> = rows
                .iter()
                .filter(present)
                .map(|row| InstantRow { metric: &row.labels, value: (seconds(t), number(row.points[0])) })
                .collect();
            json!({"resultType": "vector", "result": rows})
        }
        Value::Matrix(rows) => {
            let rows: Vec<_> = rows
                .iter()
                .map(|row| RangeRow {
                    metric: row.labels.clone(),
                    values: row.samples.iter().map(|s| (seconds(s.t), number(s.v))).collect(),
                })
                .collect();
            json!({"resultType": "matrix", "result": rows})
        }
    }
}

#[derive(Serialize)]
struct RangeData {
    #[serde(rename = "resultType")]
    kind: &'static str,
    result: Vec<RangeRow>,
}

/// Series with any value, sorted by labels.
fn rows_by_labels(value: Value) -> Vec<Row> {
    let mut rows = match value {
        Value::Vector(rows) => rows,
        Value::Scalar(points) => vec![Row { labels: Labels::default(), points }],
        Value::Matrix(_) | Value::Text(_) => Vec::new(),
    };
    rows.retain(Row::has_any);
    rows.sort_by(|a, b| a.labels.cmp(&b.labels));
    rows
}

fn print_range(rows: Vec<Row>, grid: Grid) -> RangeData {
    let result = rows
        .into_iter()
        .map(|row| {
            let points = grid.times().zip(&row.points).filter(|(_, v)| is_present(**v));
            RangeRow { values: points.map(|(t, v)| (seconds(t), number(*v))).collect(), metric: row.labels }
        })
        .collect();
    RangeData { kind: "matrix", result }
}
