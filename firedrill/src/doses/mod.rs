//! Asks the telemetry whether a condition occurred: the number that a fault's question has for an answer.

mod traces;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use loadgen::faults::{Answering, Gauge, Question};
use query::{
    Stack, UnixNanos, Window,
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

    async fn number(
        &self,
        question: &Question,
        until: UnixNanos,
        window: Duration,
    ) -> Result<f64, query::Error> {
        match question {
            Question::Promql(promql) => {
                Ok(largest(self.stack.prometheus.instant(promql, Some(until)).await?.data))
            }
            Question::Logql(logql) => Ok(match self.stack.loki.instant(logql, until, 1).await? {
                loki::Answer::Numbers(data) => largest(data),
                loki::Answer::Lines(lines) => lines.len() as f64,
            }),
            Question::Traces { service, operation, measure } => {
                let mut search =
                    SearchParams::new(service, Window { start: until.before(window), end: until });
                search.operation.clone_from(operation);
                search.limit = MOST_TRACES;
                let found = self.stack.jaeger.search(&search).await?;
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
        Box::pin(async move { self.number(question, until, window).await.map_err(|e| e.to_string()) })
    }
}

/// The largest number of an answer; 0 when there is none.
fn largest(data: Data) -> f64 {
    let values = data.into_samples().into_iter().map(|Sample { point, .. }| point.value);
    values.filter(|value| value.is_finite()).fold(0.0, f64::max)
}
