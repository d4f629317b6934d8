//! Asks the APIs for what the analysis needs: a bounded number of bounded questions, a few at a time.
//!
//! Metrics come first: what they say decides which traces are looked for beyond the general sample. Without metrics there is
//! no answer; without traces or log lines there is a poorer one, which says so.

mod metrics;
mod traces;

use crate::{facts::Facts, periods::Periods};
use futures_util::{StreamExt as _, stream};
use query::{Stack, Window, loki::Direction};

/// Questions under way at a time: the stack has other work.
const AT_A_TIME: usize = 4;
/// The most log lines of one question.
const LINES: usize = 1_500;

/// Collects the facts of both periods.
///
/// # Errors
/// When Prometheus gives no answer.
pub async fn collect(stack: &Stack, periods: Periods) -> Result<Facts, query::Error> {
    let mut facts = Facts::new(periods);
    facts.metrics = metrics::collect(&stack.prometheus, &facts.grid).await?;
    facts.rhythm = metrics::rhythm(&stack.prometheus, &periods).await?;
    traces::collect(&stack.jaeger, &mut facts).await;
    for (window, during) in [(periods.baseline, false), (periods.incident, true)] {
        let lines = lines(stack, window).await;
        match lines {
            Ok(lines) if during => facts.during.lines = lines,
            Ok(lines) => facts.before.lines = lines,
            Err(error) => facts.gaps.push(format!("log lines are missing: {error}")),
        }
    }
    Ok(facts)
}

/// The newest lines of all kinds, and the newest of those that warn.
async fn lines(stack: &Stack, window: Window) -> Result<Vec<query::LogEntry>, query::Error> {
    let all = r#"{service_name=~".+"}"#.to_owned();
    let loud = format!(r#"{all} | severity_text=~"WARN|ERROR|FATAL""#);
    let mut found = Vec::new();
    for logql in [loud, all] {
        let lines = stack.loki.query_range(&logql, window, LINES, Direction::Backward).await?;
        found.extend(lines);
    }
    found.sort_by(|a, b| (a.time, &a.line, &a.labels).cmp(&(b.time, &b.line, &b.labels)));
    found.dedup();
    Ok(found)
}

/// Does work a few at a time and returns what came of it, in the order of the work.
async fn a_few_at_a_time<T, F: Future<Output = T>>(work: impl IntoIterator<Item = F>) -> Vec<T> {
    stream::iter(work).buffered(AT_A_TIME).collect().await
}
