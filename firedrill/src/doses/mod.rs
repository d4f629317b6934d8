//! Asks the telemetry whether a condition occurred: the number that a fault's question has for an answer.

mod panels;
mod traces;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use loadgen::faults::{Answering, Gauge, Question};
use query::{
    Labels, Stack, UnixNanos, Window,
    jaeger::SearchParams,
    loki,
    prometheus::{Data, Sample},
};

/// Most traces looked at.
const MOST_TRACES: usize = 200;

/// Asks the three APIs of a stack.
pub struct Doses {
    stack: Stack,
}

impl Doses {
    /// For the stack with these APIs.
    pub fn new(stack: Stack) -> Self {
        Self { stack }
    }

    async fn number(&self, question: &Question, until: UnixNanos, window: Duration) -> Result<f64, String> {
        let in_a_line = |e: query::Error| e.to_string();
        let all = |data| largest(points(data).map(|(_, value)| value));
        let window = Window { start: until.before(window), end: until };
        match question {
            Question::Promql(promql) => {
                let answer = self.stack.prometheus.instant(promql, Some(until)).await.map_err(in_a_line)?;
                Ok(all(answer.data))
            }
            Question::Logql(logql) => {
                Ok(match self.stack.loki.instant(logql, until, 1).await.map_err(in_a_line)? {
                    loki::Answer::Numbers(data) => all(data),
                    loki::Answer::Lines(lines) => lines.len() as f64,
                })
            }
            Question::Panel(panel) => panels::shown(&self.stack, panel, window).await,
            Question::Traces { service, operation, measure } => {
                let mut search = SearchParams::new(service, window);
                search.operation.clone_from(operation);
                search.limit = MOST_TRACES;
                let found = self.stack.jaeger.search(&search).await.map_err(in_a_line)?;
                let trees: Vec<_> =
                    found.into_iter().map(|trace| query::trace::assemble(trace, Vec::new())).collect();
                Ok(traces::measure(*measure, service, operation.as_deref(), &trees))
            }
        }
    }
}

impl Gauge for Doses {
    fn ask<'a>(&'a self, question: &'a Question, until: SystemTime, window: Duration) -> Answering<'a> {
        let since = until.duration_since(UNIX_EPOCH).unwrap_or_default();
        let until = UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
        Box::pin(async move { self.number(question, until, window).await })
    }
}

/// The numbers of an answer, each with the labels of its series.
fn points(data: Data) -> impl Iterator<Item = (Labels, f64)> {
    data.into_samples().into_iter().map(|Sample { labels, point }| (labels, point.value))
}

/// The largest number; 0 when there is none.
fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.filter(|number| number.is_finite()).fold(0.0, f64::max)
}
