//! From what was typed into the search box to the page it means.

use crate::{links, problem, serve::App};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Redirect, Response},
};
use query::TraceId;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Params {
    #[serde(default)]
    q: String,
}

/// A generated correlation id has the form of a trace id, so what could be both is looked up as a trace first.
pub(crate) async fn page(State(app): State<App>, params: Result<Query<Params>, QueryRejection>) -> Response {
    let Ok(Query(params)) = params else { return problem::bad_id(&app, "Name one id, as ?q=ID.") };
    let text = params.q.trim();
    if !links::is_correlation_id(text) {
        return problem::bad_id(&app, "A trace or correlation id is 1 to 128 visible ASCII characters.");
    }
    if let Some(id) = text.parse::<TraceId>().ok().filter(|_| text.len() == 32 || text.len() == 16) {
        match app.quick.jaeger.trace(id).await {
            Ok(_) => return Redirect::to(&links::trace(id)).into_response(),
            Err(error) if error.is_not_found() => {}
            Err(error) => return problem::failed(&app, &error),
        }
    }
    Redirect::to(&links::correlation(text)).into_response()
}
