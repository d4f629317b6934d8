//! The latest orders, from the traces of the service that takes them; why one was not placed, from its log lines.

use super::reason::{Outcome, reason};
use crate::deadline::Deadline;
use query::{
    Api, Error, LogEntry, Loki, Stack, TraceId, UnixNanos, Window,
    jaeger::{SearchParams, Trace},
    trace::{Kind, Tree, assemble, logs_of_traces},
};
use std::time::Duration;

const SERVICE: &str = "order-service";
const OPERATION: &str = "POST /orders";
const COUNT: usize = 20;
/// How far back an order may be.
pub(super) const REACH: Duration = Duration::from_secs(3_600);

/// Lines may be written a little before a span begins and after it ends, and clocks differ.
const AROUND: Duration = Duration::from_secs(5);

/// One order as its trace tells it.
#[derive(Debug, PartialEq)]
pub(super) struct Order {
    pub(super) trace: TraceId,
    pub(super) time: UnixNanos,
    pub(super) duration_us: u64,
    pub(super) status: Option<u16>,
    /// Why it ended so, where its telemetry knows more than the status.
    pub(super) reason: Option<String>,
    pub(super) correlation: Option<String>,
}

impl Order {
    pub(super) fn outcome(&self) -> Outcome {
        Outcome::of(self.status)
    }
}

/// The newest first, and which questions failed.
pub(super) async fn latest(stack: &Stack, window: Window, deadline: Deadline) -> (Vec<Order>, Vec<Error>) {
    let mut params = SearchParams::new(SERVICE, window);
    params.operation = Some(OPERATION.to_owned());
    params.limit = COUNT;
    let found = stack.jaeger.search(&params);
    let traces = match deadline.ask((Api::Jaeger, stack.jaeger.base()), "the latest orders", found).await {
        Ok(traces) => traces,
        Err(error) => return (Vec::new(), vec![error]),
    };
    let mut orders: Vec<(Tree, Order)> = traces.into_iter().filter_map(order).collect();
    orders.sort_by_key(|(_, order)| std::cmp::Reverse(order.time));
    orders.truncate(COUNT);

    let (lines, error) = match lines(&stack.loki, orders.iter().map(|(_, order)| order), deadline).await {
        Ok(lines) => (lines, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let explained = orders.into_iter().map(|(tree, order)| {
        let own = lines.iter().filter(|line| line.trace_id() == Some(order.trace));
        Order { reason: reason(order.outcome(), &tree, own), ..order }
    });
    (explained.collect(), error.into_iter().collect())
}

/// The log lines of the orders that were not placed; nothing is asked if all were.
async fn lines(
    loki: &Loki,
    orders: impl Iterator<Item = &Order>,
    deadline: Deadline,
) -> Result<Vec<LogEntry>, Error> {
    let missed: Vec<&Order> = orders.filter(|order| order.outcome() != Outcome::Placed).collect();
    let (Some(newest), Some(oldest)) = (missed.first(), missed.last()) else { return Ok(Vec::new()) };
    let end = newest.time.after(Duration::from_micros(newest.duration_us)).after(AROUND);
    let window = Window { start: oldest.time.before(AROUND), end };
    let ids: Vec<TraceId> = missed.iter().map(|order| order.trace).collect();
    let found = logs_of_traces(loki, &ids, window);
    deadline.ask((Api::Loki, loki.base()), "the log lines of the latest orders", found).await
}

fn order(trace: Trace) -> Option<(Tree, Order)> {
    let tree = assemble(trace, Vec::new());
    let taken = |n: &&query::trace::Node| n.service == SERVICE && n.span.operation_name == OPERATION;
    let mut takers = tree.nodes.iter().filter(taken);
    let server = takers.clone().find(|node| node.kind() == Kind::Server).or_else(|| takers.next())?;
    let order = Order {
        trace: tree.id,
        time: UnixNanos::from_micros(server.span.start_us),
        duration_us: server.span.duration_us,
        status: server.http_status(),
        reason: None,
        correlation: server.span.tag_text("correlation.id").or_else(|| tree.correlation_id()),
    };
    Some((tree, order))
}
