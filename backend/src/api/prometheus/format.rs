//! `/api/v1/format_query`; and `parse_query`, which is refused.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::answer::{ApiError, success};
use crate::Backend;
use crate::api::params;
use crate::promql;

pub(super) async fn format_query(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        let query = params.get("query").ok_or_else(ApiError::no_query)?;
        Ok(success(promql::format(query)?))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

pub(super) async fn parse_query(State(backend): State<Arc<Backend>>) -> Response {
    ApiError::missing("parse_query").answer(&backend)
}

/// Remote read: there is one way to ask for samples here.
pub(super) async fn read(State(backend): State<Arc<Backend>>) -> Response {
    ApiError::missing("remote read").answer(&backend)
}
