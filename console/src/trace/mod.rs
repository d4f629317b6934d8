//! The page of one trace: its spans over time, with the log lines of each in place.

mod counted;
mod header;
mod waterfall;

use crate::{layout, links, problem, serve::App};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use maud::html;
use query::{
    TraceId,
    trace::{assemble, logs_of_tree},
};

pub(crate) async fn page(State(app): State<App>, text: Result<Path<String>, PathRejection>) -> Response {
    let Ok(Path(text)) = text else { return problem::not_text(&app) };
    let id: TraceId = match text.parse() {
        Ok(id) => id,
        Err(why) => return problem::bad_id(&app, &format!("This is {why}.")),
    };
    let canonical = links::trace(id);
    if canonical != format!("/trace/{text}") {
        return Redirect::to(&canonical).into_response();
    }
    let mut tree = match app.stack.jaeger.trace(id).await {
        Ok(trace) => assemble(trace, Vec::new()),
        Err(error) if error.is_not_found() => return unknown(&app, id),
        Err(error) => return problem::failed(&app, &error),
    };
    // Both follow from the spans alone, so neither waits for the other.
    let (logs, counts) =
        tokio::join!(logs_of_tree(&app.stack.loki, &tree), counted::ask(&app.stack.prometheus, &tree));
    let logs_error = logs.map(|logs| tree.place_logs(logs)).err();
    let failed = counts.iter().filter_map(|count| count.value.as_ref().err());
    let body = html! {
        (header::facts(&app, &tree))
        (layout::failures(logs_error.iter().chain(failed)))
        (waterfall::spans(&tree))
        (counted::table(&app, &counts))
    };
    Html(layout::page(&app, &format!("Trace {id}"), None, &body).into_string()).into_response()
}

fn unknown(app: &App, id: TraceId) -> Response {
    let body = html! {
        p { "Jaeger has no span of the trace " code.long { (id) } "." }
        ul {
            li { "Has it just happened? Spans are sent in batches and can take some seconds to arrive: reload this page." }
            li { "Is it older than what is kept, or from before the last start? Then it is gone." }
            li { "Was it sampled? A trace that was not is neither sent nor stored." }
            li { "Is it a correlation id? Then look for "
                a href=(links::correlation(&id.to_string())) { "the traces that carry it" } "." }
        }
    };
    problem::page(app, StatusCode::NOT_FOUND, "Unknown trace", &body)
}
