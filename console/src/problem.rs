//! Pages that say what is wrong and what to do.

use crate::{layout, serve::App};
use axum::{
    extract::State,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use maud::{Markup, html};
use query::{Error, ErrorKind};

/// A page with a status other than 200.
pub(crate) fn page(app: &App, status: StatusCode, heading: &str, body: &Markup) -> Response {
    let body = html! {
        h1 { (heading) }
        (body)
    };
    (status, Html(layout::page(app, heading, None, &body).into_string())).into_response()
}

/// An id in the address is none.
pub(crate) fn bad_id(app: &App, why: &str) -> Response {
    let body = html! { p { (why) } };
    page(app, StatusCode::BAD_REQUEST, "Not an id", &body)
}

/// What stands in the address for an id is not even text.
pub(crate) fn not_text(app: &App) -> Response {
    bad_id(app, "What stands there is not UTF-8 once its %-escapes are read.")
}

/// An API that this page cannot do without failed.
pub(crate) fn failed(app: &App, error: &Error) -> Response {
    let status = match error.kind {
        ErrorKind::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let body = html! {
        (layout::failures([error]))
        p { "Is the stack still running? Reload this page when it is." }
    };
    page(app, status, &format!("{} gave no answer", error.api), &body)
}

pub(crate) async fn no_such_page(State(app): State<App>) -> Response {
    let body = html! { p { "There is nothing at this address. " a href="/" { "The services" } " are where everything begins." } };
    page(&app, StatusCode::NOT_FOUND, "No such page", &body)
}
