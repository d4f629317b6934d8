//! The traces of one correlation id: straight to the trace if there is one, else a list.

use crate::{layout, links, problem, serve::App};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use futures_util::future::join_all;
use maud::{Markup, html};
use query::{
    Error, TraceId, UnixNanos, Window,
    time::duration_text,
    trace::{Tree, assemble, find_by_correlation},
};
use std::time::Duration;

/// How far back traces are looked for.
const REACH: Duration = Duration::from_secs(24 * 3_600);
/// Traces listed; a correlation id normally has two or three.
const LISTED: usize = 50;

pub(crate) async fn page(State(app): State<App>, id: Result<Path<String>, PathRejection>) -> Response {
    let Ok(Path(id)) = id else { return problem::not_text(&app) };
    if !links::is_correlation_id(&id) {
        return problem::bad_id(&app, "A correlation id is 1 to 128 visible ASCII characters.");
    }
    let found = find_by_correlation(&app.quick.jaeger, &app.quick.loki, &id, Window::last(REACH)).await;
    match found.as_deref() {
        Err(error) => problem::failed(&app, error),
        Ok([]) => nothing(&app, &id),
        Ok([only]) => Redirect::to(&links::trace(*only)).into_response(),
        Ok(several) => {
            let trees = join_all(several.iter().take(LISTED).map(|&id| summary(&app, id))).await;
            Html(list(&app, &id, &trees, several.len()).into_string()).into_response()
        }
    }
}

async fn summary(app: &App, id: TraceId) -> (TraceId, Result<Tree, Error>) {
    (id, app.quick.jaeger.trace(id).await.map(|trace| assemble(trace, Vec::new())))
}

fn nothing(app: &App, id: &str) -> Response {
    let body = html! {
        p { "No log line and no span of the last 24 hours carries the correlation id " code { (id) } "." }
        ul {
            li { "Was the request made just now? Telemetry is sent in batches: reload in a few seconds." }
            li { "Is the id complete? It is compared character by character, capitals included." }
            li { "The services answer every request with the id in the header " code { "X-Correlation-ID" } "." }
        }
    };
    problem::page(app, StatusCode::NOT_FOUND, "Unknown correlation id", &body)
}

fn list(app: &App, id: &str, trees: &[(TraceId, Result<Tree, Error>)], total: usize) -> Markup {
    let failed =
        trees.iter().filter_map(|(_, tree)| tree.as_ref().err()).filter(|error| !error.is_not_found());
    let body = html! {
        h1 { "Correlation id " code.long { (id) } }
        p { (total) " traces carry it, the earliest first." @if total > trees.len() { " Shown are the first " (trees.len()) "." } }
        (layout::failures(failed))
        div.wide tabindex="0" role="region" aria-label="Traces" {
            table.traces {
                thead { tr {
                    th scope="col" { "Began" }
                    th scope="col" { "First span" }
                    th.number scope="col" { "Duration" }
                    th.number scope="col" { "Spans" }
                    th scope="col" { "Services" }
                    th scope="col" { "Errors" }
                    th scope="col" { "Trace" }
                } }
                tbody { @for (id, tree) in trees { (row(*id, tree.as_ref().ok())) } }
            }
        }
    };
    layout::page(app, "Correlation id", None, &body)
}

fn row(id: TraceId, tree: Option<&Tree>) -> Markup {
    let id_text = id.to_string();
    html! {
        tr {
            @match tree {
                Some(tree) => {
                    @let time = UnixNanos::from_micros(tree.start_us);
                    td data-label="Began" { time datetime=(time) { (time.clock()) } }
                    td data-label="First span" {
                        @if let Some(root) = tree.root() { (root.service) " " (root.span.operation_name) }
                    }
                    td.number data-label="Duration" { (duration_text(tree.duration_us)) }
                    td.number data-label="Spans" { (tree.nodes.len()) }
                    td data-label="Services" { (tree.services.join(", ")) }
                    td.bad[tree.errors() > 0] data-label="Errors" { (tree.errors()) }
                }
                None => td colspan="6" { "known from log lines; its spans are not stored" },
            }
            td.id data-label="Trace" { a href=(links::trace(id)) { (id_text.get(..8).unwrap_or_default()) } }
        }
    }
}
