//! `/api/v1/series`, `labels`, `label/{name}/values`, `metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use promql_parser::parser::Expr;

use super::answer::{ApiError, success};
use super::times::time;
use crate::Backend;
use crate::api::params::{self, Params};
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::promql::{self, matchers_of};

/// The sets of conditions in `match[]`.
fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, ApiError> {
    params
        .all("match[]")
        .map(|text| match promql::parse(text) {
            Ok(Expr::VectorSelector(selector)) => {
                matchers_of(&selector).map_err(|e| ApiError::parameter("match[]", e))
            }
            Ok(_) => Err(ApiError::parameter("match[]", format!("{text:?} is not a series selector"))),
            Err(error) => Err(ApiError::parameter("match[]", error)),
        })
        .collect()
}

/// The series that satisfy any of the sets (all of them without a set) within `start` and `end`.
fn matching(backend: &Backend, params: &Params) -> Result<BTreeSet<Labels>, ApiError> {
    let start = time(params, "start", || i64::MIN + 1)?;
    let end = time(params, "end", || i64::MAX)?;
    let mut sets = selectors(params)?;
    if sets.is_empty() {
        sets.push(Vec::new());
    }
    // The store's ranges are open on the left, the API's are not.
    let found = sets.iter().flat_map(|set| backend.store.samples.select(set, start.saturating_sub(1), end));
    Ok(found.map(|series| series.labels).collect())
}

fn limited<T>(params: &Params, values: impl IntoIterator<Item = T>) -> Result<Vec<T>, ApiError> {
    let limit: usize = match params.get("limit") {
        None => 0,
        Some(text) => text.parse().map_err(|_| ApiError::parameter("limit", "limit must be non-negative"))?,
    };
    Ok(values.into_iter().take(if limit == 0 { usize::MAX } else { limit }).collect())
}

pub(super) async fn series(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        if params.all("match[]").next().is_none() {
            return Err(ApiError::bad_data("no match[] parameter provided"));
        }
        Ok(success(limited(&params, matching(&backend, &params)?)?))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn labels(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let series = matching(&backend, &params)?;
        let names: BTreeSet<String> =
            series.iter().flat_map(|l| l.iter().map(|(k, _)| k.to_owned())).collect();
        Ok(success(limited(&params, names)?))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn label_values(
    State(backend): State<Arc<Backend>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        if name.is_empty() {
            return Err(ApiError::bad_data("invalid label name: \"\""));
        }
        let series = matching(&backend, &params)?;
        let values: BTreeSet<String> =
            series.iter().map(|l| l.get(&name).to_owned()).filter(|v| !v.is_empty()).collect();
        Ok(success(limited(&params, values)?))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn metadata(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let wanted = params.get("metric");
        let all = backend.store.samples.metadata();
        let chosen = all.into_iter().filter(|(name, _)| wanted.is_none_or(|w| w == name));
        let chosen: BTreeMap<_, _> = limited(&params, chosen)?.into_iter().collect();
        Ok(success(chosen))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}
