//! `firedrill trace`: one trace as a tree with its log lines in place, by its id or by a correlation id.

use std::time::Duration;

use query::{Stack, TraceId, Window, trace};

use super::output;
use crate::{
    cli::Trace,
    failure::{Code, Failure, Outcome},
    home::Home,
    run_file::RunFile,
    stack, view,
};

/// How far back a correlation id is looked for: as long as telemetry is kept by default.
const REACH: Duration = Duration::from_secs(24 * 3600);

/// Prints the trace, or each trace of a correlation id from the oldest on; with `--json` the Jaeger API's answer.
pub(super) async fn run(home: &Home, options: &Trace, json: bool) -> Outcome {
    let stack = stack::of(&RunFile::find(home)?)?;
    let ids = match (&options.id, &options.correlation) {
        (Some(id), _) => vec![id.parse::<TraceId>().map_err(|e| Failure::arguments(format!("{id:?}: {e}")))?],
        (None, Some(correlation)) => by_correlation(&stack, correlation).await?,
        (None, None) => return Err(Failure::arguments("name a trace id, or --correlation ID")),
    };
    if json {
        output::json(&as_json(&stack, &ids).await?);
        return Ok(Code::Good);
    }
    for (i, id) in ids.iter().enumerate() {
        let loaded = trace::load(&stack, *id).await.map_err(|e| explain(&e, *id))?;
        if let Some(error) = &loaded.logs_error {
            output::note(&format!("without log lines: {error}"));
        }
        if i > 0 {
            output::print("");
        }
        output::print(&view::trace::render(&loaded.tree, output::look()));
    }
    Ok(Code::Good)
}

async fn by_correlation(stack: &Stack, correlation: &str) -> Result<Vec<TraceId>, Failure> {
    let found =
        trace::find_by_correlation(&stack.jaeger, &stack.loki, correlation, Window::last(REACH)).await;
    let ids = found.map_err(|e| stack::failed(&e))?;
    if ids.is_empty() {
        return Err(Failure::not_good(format!(
            "no trace carries the correlation id {correlation:?}; it may not have arrived yet (try again in a second) or be older than what is kept"
        )));
    }
    Ok(ids)
}

/// The answer of `/api/traces/{id}`; for several traces one answer that holds them all, as a search has it.
async fn as_json(stack: &Stack, ids: &[TraceId]) -> Result<serde_json::Value, Failure> {
    let mut whole: Option<serde_json::Value> = None;
    for id in ids {
        let mut answer = stack.jaeger.trace_json(*id).await.map_err(|e| explain(&e, *id))?;
        match &mut whole {
            None => whole = Some(answer),
            Some(whole) => {
                if let (Some(all), Some(more)) = (whole["data"].as_array_mut(), answer["data"].as_array_mut())
                {
                    all.append(more);
                }
            }
        }
    }
    whole.ok_or_else(|| Failure::not_good("there is no trace"))
}

fn explain(error: &query::Error, id: TraceId) -> Failure {
    if error.is_not_found() {
        return Failure::not_good(format!(
            "there is no trace {id}; it may not have arrived yet (try again in a second) or be older than what is kept"
        ));
    }
    stack::failed(error)
}
