//! Asks the three APIs what a page asks, about the time in question and the one before it.

use std::time::Duration;

use query::{
    Error, Labels, LogEntry, Stack, UnixNanos, Window,
    loki::{self, Direction},
    prometheus::Data,
    trace::{Tree, assemble},
};

use crate::{
    failure::Failure,
    runbook::{
        Query, Runbook, Search, Step, Value, over,
        report::{Answer, Found, Report},
    },
    stack,
    view::runbook::{line_of_log, line_of_trace},
};

/// The most log lines and the most traces of a step: enough to say "many".
const MOST: usize = 50;
/// So many of them are told.
const EXAMPLES: usize = 3;

/// Asks all steps. Fails when no API answers at all; one that does not leaves its steps unanswered.
pub(super) async fn all(stack: &Stack, runbook: Runbook, since: Duration) -> Result<Report, Failure> {
    let end = UnixNanos::now();
    let mut answers = Vec::new();
    let mut first_error = None;
    for step in &runbook.steps {
        answers.push(match answer(stack, step, end, since).await {
            Ok(found) => Answer::Found(found),
            Err(error) => {
                let why = error.to_string();
                first_error.get_or_insert(error);
                Answer::Unanswered(why)
            }
        });
    }
    match first_error {
        Some(error) if answers.iter().all(|answer| matches!(answer, Answer::Unanswered(_))) => {
            Err(stack::failed(&error))
        }
        _ => Ok(Report { runbook, since, answers }),
    }
}

/// What was found in a stretch of time.
#[derive(Default)]
struct Seen {
    values: Vec<Value>,
    examples: Vec<String>,
    shown_by: Option<Vec<String>>,
}

async fn answer(stack: &Stack, step: &Step, end: UnixNanos, since: Duration) -> Result<Found, Error> {
    let now = ask(stack, &step.query, end, since).await?;
    let before = ask(stack, &step.query, end.before(since), since).await?;
    let verdict = step.rule.judge(&now.values, &before.values);
    Ok(Found {
        now: now.values,
        before: before.values,
        verdict,
        examples: now.examples,
        shown_by: now.shown_by,
    })
}

async fn ask(stack: &Stack, query: &Query, end: UnixNanos, window: Duration) -> Result<Seen, Error> {
    match query {
        Query::Promql(text) => {
            let text = over(text, window);
            let values = numbers(stack.prometheus.instant(&text, Some(end)).await?.data);
            Ok(Seen { values, shown_by: Some(vec!["query".to_owned(), text]), ..Seen::default() })
        }
        Query::Logql(text) => logs(stack, &over(text, window), end, window).await,
        Query::Traces(search) => traces(stack, search, Window { start: end.before(window), end }).await,
    }
}

async fn logs(stack: &Stack, text: &str, end: UnixNanos, window: Duration) -> Result<Seen, Error> {
    let shown_by = Some(vec!["logs".to_owned(), text.to_owned()]);
    // A query that begins with a selector gives lines; Loki does not take those for one moment.
    if !text.trim_start().starts_with('{') {
        return Ok(match stack.loki.instant(text, end, MOST).await? {
            loki::Answer::Numbers(data) => Seen { values: numbers(data), shown_by, ..Seen::default() },
            loki::Answer::Lines(lines) => Seen { shown_by, ..of_lines(&lines) },
        });
    }
    let window = Window { start: end.before(window), end };
    let lines = stack.loki.query_range(text, window, MOST, Direction::Backward).await?;
    Ok(Seen { shown_by, ..of_lines(&lines) })
}

fn of_lines(lines: &[LogEntry]) -> Seen {
    let examples = lines.iter().take(EXAMPLES).map(line_of_log).collect();
    Seen { values: counted(lines.len()), examples, shown_by: None }
}

async fn traces(stack: &Stack, search: &Search, window: Window) -> Result<Seen, Error> {
    let found = stack.jaeger.search(&search.params(window, MOST)).await?;
    let mut trees: Vec<Tree> = found.into_iter().map(|trace| assemble(trace, Vec::new())).collect();
    trees.sort_by_key(|tree| std::cmp::Reverse(tree.duration_us));
    let slowest = trees.first().map(|tree| vec!["trace".to_owned(), tree.id.to_string()]);
    let examples = trees.iter().take(EXAMPLES).map(line_of_trace).collect();
    Ok(Seen { values: counted(trees.len()), examples, shown_by: slowest })
}

/// What was counted, as an answer; nothing found is no answer.
fn counted(count: usize) -> Vec<Value> {
    let value = Value { labels: Labels::new(), value: count as f64 };
    if count == 0 { Vec::new() } else { vec![value] }
}

fn numbers(data: Data) -> Vec<Value> {
    let samples = data.into_samples().into_iter();
    samples.map(|sample| Value { labels: sample.labels, value: sample.point.value }).collect()
}
