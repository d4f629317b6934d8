//! `/api/v1/rules`, `alerts`, `alertmanagers`: there is no rule engine here, so there are no groups, no alerts and nobody
//! to tell. What is asked for wrongly is still an error.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;

use super::answer::{ApiError, success};
use super::series::selectors;
use crate::Backend;
use crate::api::params::{self, Params};

/// Texts that Go reads as a truth value, in small letters.
const BOOLEANS: [&str; 6] = ["1", "t", "true", "0", "f", "false"];

pub(super) async fn rules(State(backend): State<Arc<Backend>>, request: Request) -> Response {
    let answer = async {
        let params = params::read(&backend.bodies, request).await?;
        check(&params)?;
        Ok(success(json!({"groups": []})))
    };
    answer.await.unwrap_or_else(|e: ApiError| e.answer(&backend))
}

fn check(params: &Params) -> Result<(), ApiError> {
    selectors(params).map_err(ApiError::bad_data)?;
    let kind = params.get("type").unwrap_or_default().to_lowercase();
    if !matches!(kind.as_str(), "" | "alert" | "record") {
        return Err(ApiError::parameter("type", format!("not supported value {kind:?}")));
    }
    let exclude = params.get("exclude_alerts").map(str::to_lowercase);
    if let Some(text) = exclude.filter(|t| !BOOLEANS.contains(&t.as_str())) {
        let what =
            format!("error converting exclude_alerts: strconv.ParseBool: parsing {text:?}: invalid syntax");
        return Err(ApiError::parameter("exclude_alerts", what));
    }
    let (limit, token) = (params.get("group_limit"), params.get("group_next_token"));
    match (limit.map(str::parse::<i32>), token) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(ApiError::parameter(
            "group_next_token",
            "group_limit needs to be present in order to paginate over the groups",
        )),
        (Some(Err(error)), _) => {
            let what = format!("group_limit needs to be a valid number: {error}");
            Err(ApiError::parameter("group_limit", what))
        }
        (Some(Ok(n)), _) if n <= 0 => {
            Err(ApiError::parameter("group_limit", "group_limit needs to be greater than 0"))
        }
        (Some(Ok(_)), Some(token)) => Err(ApiError::parameter(
            "group_next_token",
            format!("invalid group_next_token '{token}'. were rule groups changed?"),
        )),
        (Some(Ok(_)), None) => Ok(()),
    }
}

pub(super) async fn alerts() -> Response {
    success(json!({"alerts": []}))
}

pub(super) async fn alertmanagers() -> Response {
    success(json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}))
}
