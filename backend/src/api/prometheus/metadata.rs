//! `/api/v1/metadata`: type, help and unit of metric families, however their samples came.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::answer::{ApiError, success};
use crate::Backend;
use crate::api::params::{self, Params};
use crate::store::samples::Metadata;

/// A bound on a count; `None` for none, which any negative number stands for.
fn most(params: &Params, name: &str) -> Result<Option<usize>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(n) => Ok(usize::try_from(n).ok()),
        Err(_) => Err(ApiError::bad_data(format!("{name} must be a number"))),
    }
}

pub(super) async fn metadata(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let families = most(&params, "limit")?.unwrap_or(usize::MAX);
        // Here, other than there, zero is no bound.
        let each = most(&params, "limit_per_metric")?.filter(|n| *n > 0).unwrap_or(usize::MAX);
        let wanted = params.get("metric");
        let known = backend.store.samples.metadata();
        let chosen: BTreeMap<String, Vec<Metadata>> = known
            .into_iter()
            .filter(|(name, _)| wanted.is_none_or(|w| w == name))
            .take(families)
            .map(|(name, entries)| (name, entries.into_iter().take(each).collect()))
            .collect();
        Ok(success(chosen))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}
