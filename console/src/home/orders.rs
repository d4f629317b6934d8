//! The latest orders, from the traces of the service that takes them.

use query::{
    Error, Jaeger, TraceId, UnixNanos, Window,
    jaeger::{SearchParams, Trace},
    trace::{Kind, assemble},
};
use std::time::Duration;

const SERVICE: &str = "order-service";
const OPERATION: &str = "POST /orders";
const COUNT: usize = 20;
/// How far back an order may be.
pub(super) const REACH: Duration = Duration::from_secs(3_600);

/// One order as its trace tells it.
#[derive(Debug, PartialEq)]
pub(super) struct Order {
    pub(super) trace: TraceId,
    pub(super) time: UnixNanos,
    pub(super) duration_us: u64,
    pub(super) status: Option<u16>,
    /// What went wrong, and in which service: of the failed span farthest from the caller.
    pub(super) error: Option<String>,
    pub(super) correlation: Option<String>,
}

/// The newest first.
pub(super) async fn latest(jaeger: &Jaeger, window: Window) -> Result<Vec<Order>, Error> {
    let mut params = SearchParams::new(SERVICE, window);
    params.operation = Some(OPERATION.to_owned());
    params.limit = COUNT;
    let mut orders: Vec<Order> = jaeger.search(&params).await?.into_iter().filter_map(order).collect();
    orders.sort_by_key(|order| std::cmp::Reverse(order.time));
    orders.truncate(COUNT);
    Ok(orders)
}

fn order(trace: Trace) -> Option<Order> {
    let tree = assemble(trace, Vec::new());
    let taken = |n: &&query::trace::Node| n.service == SERVICE && n.span.operation_name == OPERATION;
    let mut takers = tree.nodes.iter().filter(taken);
    let server = takers.clone().find(|node| node.kind() == Kind::Server).or_else(|| takers.next())?;
    // The first of the deepest: later ones are repetitions and clean-up.
    let failed = tree.nodes.iter().filter(|node| node.is_error());
    let deepest = failed.reduce(|best, node| if node.depth > best.depth { node } else { best });
    Some(Order {
        trace: tree.id,
        time: UnixNanos::from_micros(server.span.start_us),
        duration_us: server.span.duration_us,
        status: server.http_status(),
        error: deepest.and_then(|node| Some(format!("{}: {}", node.service, node.error_text()?))),
        correlation: server.span.tag_text("correlation.id").or_else(|| tree.correlation_id()),
    })
}
