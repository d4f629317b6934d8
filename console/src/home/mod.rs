//! The first page: how the services do now, and the latest orders.

mod measured;
mod orders;
mod reason;
mod red;
mod view;

use crate::{
    deadline::Deadline,
    serve::{App, QUICK},
};
use axum::{
    extract::{Query, State},
    response::Html,
};
use query::{UnixNanos, Window};
use serde::Deserialize;

/// Seconds between two reloads.
const REFRESH_S: u32 = 5;

#[derive(Debug, Deserialize)]
pub(crate) struct Params {
    /// `off`: stay as it is, for reading.
    live: Option<String>,
}

pub(crate) async fn page(State(app): State<App>, Query(params): Query<Params>) -> Html<String> {
    let live = params.live.as_deref() != Some("off");
    let now = UnixNanos::now();
    let deadline = Deadline::after(QUICK);
    let (services, orders) = tokio::join!(
        red::now(&app.quick.prometheus, now, deadline),
        orders::latest(&app.quick, Window { start: now.before(orders::REACH), end: now }, deadline),
    );
    Html(view::page(&app, &services, &orders, live.then_some(REFRESH_S)).into_string())
}
