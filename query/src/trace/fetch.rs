//! Gets a trace and its log lines from the APIs, and finds traces by a correlation id.

use super::assemble::{Tree, assemble};
use crate::{
    Error, LogEntry, Stack, TraceId, UnixNanos, Window,
    jaeger::{Jaeger, SearchParams, Trace},
    loki::{Direction, Loki},
    quote::{literal_pattern, quoted},
};
use futures_util::future::join_all;
use std::{collections::BTreeMap, time::Duration};

/// As many lines as a real Loki gives at most, unless it is told otherwise.
const LOG_LINES: usize = 5_000;
/// Lines may be written a little before the first span begins and after the last one ends.
const AROUND: Duration = Duration::from_secs(60);

/// A trace, and why its log lines are missing, if they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The trace.
    pub tree: Tree,
    /// Loki did not answer: the tree is without log lines.
    pub logs_error: Option<Error>,
}

/// A trace with its log lines.
///
/// # Errors
/// Jaeger did not give the trace ([`crate::ErrorKind::NotFound`] if it has none). That Loki failed is no error, but
/// said in [`Loaded::logs_error`]: spans alone are better than nothing.
pub async fn load(stack: &Stack, id: TraceId) -> Result<Loaded, Error> {
    let mut tree = assemble(stack.jaeger.trace(id).await?, Vec::new());
    let logs_error = match logs_of_tree(&stack.loki, &tree).await {
        Ok(logs) => {
            tree.place_logs(logs);
            None
        }
        Err(error) => Some(error),
    };
    Ok(Loaded { tree, logs_error })
}

/// The log lines of a trace whose spans are known, the oldest first; they are looked for around its time only.
///
/// # Errors
/// As of [`Loki::query_range`].
pub async fn logs_of_tree(loki: &Loki, tree: &Tree) -> Result<Vec<LogEntry>, Error> {
    let start = UnixNanos::from_micros(tree.start_us);
    let end = start.after(Duration::from_micros(tree.duration_us));
    logs_of_trace(loki, tree.id, Window { start: start.before(AROUND), end: end.after(AROUND) }).await
}

/// The log lines of several traces, the oldest first, whichever way they came.
///
/// # Errors
/// As of [`Loki::query_range`].
pub async fn logs_of_traces(loki: &Loki, ids: &[TraceId], window: Window) -> Result<Vec<LogEntry>, Error> {
    let ids: Vec<String> = ids.iter().map(TraceId::to_string).collect();
    logs_with_any(loki, "trace_id", ids.iter().map(String::as_str), window).await
}

/// The log lines of one trace, the oldest first.
///
/// # Errors
/// As of [`Loki::query_range`].
pub async fn logs_of_trace(loki: &Loki, id: TraceId, window: Window) -> Result<Vec<LogEntry>, Error> {
    logs_with(loki, "trace_id", &id.to_string(), window).await
}

/// The log lines whose `field` has this value, the oldest first, whichever way they came: over OTLP the field stands
/// beside the line as structured metadata; pushed straight to Loki it is in the line, which is a JSON object.
///
/// # Errors
/// As of [`Loki::query_range`].
pub async fn logs_with(
    loki: &Loki,
    field: &str,
    value: &str,
    window: Window,
) -> Result<Vec<LogEntry>, Error> {
    let value = quoted(value);
    let beside = format!(r#"{{service_name=~".+"}} | {field}={value}"#);
    let found = loki.query_range(&beside, window, LOG_LINES, Direction::Forward).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    let within = format!(r#"{{service_name=~".+"}} |= {value} | json | {field}={value}"#);
    loki.query_range(&within, window, LOG_LINES, Direction::Forward).await
}

/// The log lines whose `field` has one of these values, the oldest first, whichever way they came (see [`logs_with`]).
/// Both ways are asked at once.
///
/// Loki looks at every line of the window for each question, so that one question for many values costs about as
/// much as one for a single value.
///
/// # Errors
/// As of [`Loki::query_range`].
pub async fn logs_with_any<'a>(
    loki: &Loki,
    field: &str,
    values: impl IntoIterator<Item = &'a str>,
    window: Window,
) -> Result<Vec<LogEntry>, Error> {
    let patterns: Vec<String> = values.into_iter().map(literal_pattern).collect();
    let any = quoted(&patterns.join("|"));
    let beside = format!(r#"{{service_name=~".+"}} | {field}=~{any}"#);
    let within = format!(r#"{{service_name=~".+"}} |~ {any} | json | {field}=~{any}"#);
    let ask =
        |logql: String| async move { loki.query_range(&logql, window, LOG_LINES, Direction::Forward).await };
    let (mut found, pushed) = tokio::try_join!(ask(beside), ask(within))?;
    found.extend(pushed);
    found.sort_by_key(|entry| entry.time);
    Ok(found)
}

/// The traces that carry a correlation id, the earliest first.
///
/// Loki is asked first, one question for all services. Where it has nothing, or does not answer, each service's spans
/// are searched in Jaeger.
///
/// # Errors
/// Nothing was found and one of the APIs failed, so that "there is none" would be a guess.
pub async fn find_by_correlation(
    jaeger: &Jaeger,
    loki: &Loki,
    id: &str,
    window: Window,
) -> Result<Vec<TraceId>, Error> {
    let lines = logs_with(loki, "correlation_id", id, window).await;
    let mut first_seen = BTreeMap::new();
    for entry in lines.as_deref().unwrap_or_default() {
        if let Some(trace) = entry.trace_id() {
            first_seen.entry(trace).or_insert(entry.time);
        }
    }
    let mut failed = lines.err();
    if first_seen.is_empty() {
        let services = jaeger.services().await?;
        let searches = services.iter().map(|service| {
            let mut params = SearchParams::new(service, window);
            params.tags.insert("correlation.id".to_owned(), id.to_owned());
            async move { jaeger.search(&params).await }
        });
        for found in join_all(searches).await {
            match found {
                Ok(traces) => {
                    first_seen.extend(traces.iter().map(|trace| (trace.trace_id, start(trace))));
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
    }
    if let (true, Some(error)) = (first_seen.is_empty(), failed) {
        return Err(error);
    }
    let mut traces: Vec<(TraceId, UnixNanos)> = first_seen.into_iter().collect();
    traces.sort_by_key(|&(id, time)| (time, id));
    Ok(traces.into_iter().map(|(id, _)| id).collect())
}

/// When its first span began.
fn start(trace: &Trace) -> UnixNanos {
    UnixNanos::from_micros(trace.spans.iter().map(|span| span.start_us).min().unwrap_or(0))
}
