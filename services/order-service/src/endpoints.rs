//! The instances of the neighbours, for the operator: who they are, what part of the calls each gets, and a new list of them.
//!
//! These routes belong on a listener of the operator's; nothing here asks who calls.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use balance::{Endpoint, Group, Shown};
use chassis::extract;
use chassis::problem::Problem;

/// `GET /endpoints` and `PUT /endpoints`, for this service's `neighbours`.
pub fn routes(neighbours: Group) -> Router {
    Router::new().route("/endpoints", get(show).put(replace)).with_state(neighbours)
}

async fn show(State(neighbours): State<Group>) -> Json<BTreeMap<&'static str, Vec<Shown>>> {
    Json(neighbours.shown())
}

/// Replaces the instances of the neighbours that are named; calls under way go on where they are.
async fn replace(
    State(neighbours): State<Group>,
    extract::Json(lists): extract::Json<BTreeMap<String, Vec<Endpoint>>>,
) -> Result<Json<BTreeMap<&'static str, Vec<Shown>>>, Problem> {
    neighbours
        .replace(&lists)
        .map_err(|wrong| Problem::unprocessable("wrong-endpoints", wrong.to_string()))?;
    tracing::info!(services = lists.len(), "endpoints replaced");
    Ok(Json(neighbours.shown()))
}
