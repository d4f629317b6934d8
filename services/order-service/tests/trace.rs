//! The shape of an order's trace, and of the delivery that links to it.
//!
//! A binary of its own: `tracing` remembers per call site whether anybody listens, and in the other tests nobody does.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

#[allow(dead_code, reason = "this binary needs a part of it")]
mod proxy;
#[allow(dead_code, reason = "this binary needs a part of it")]
mod support;

use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SimpleSpanProcessor, SpanData};
use telemetry::config::LogExport;
use telemetry::{Builder, Config, Telemetry};
use tracing::dispatcher::DefaultGuard;

use crate::support::{Shop, client, eventually, single};

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.to_string())
}

fn named<'a>(spans: &'a [SpanData], kind: &SpanKind, name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.span_kind == *kind && span.name == name).expect(name)
}

/// Spans in memory, on this thread alone, which is also the runtime's only one.
fn observe() -> (InMemorySpanExporter, Telemetry, DefaultGuard) {
    let spans = InMemorySpanExporter::default();
    let mut config = Config::read("order-service", "0.0.0", |_| None).unwrap();
    config.traces = None;
    config.logs = LogExport::None;
    let builder = Builder::new(config).span_processor(SimpleSpanProcessor::new(spans.clone()));
    let (dispatch, telemetry) = builder.output(std::io::sink()).build().unwrap();
    (spans, telemetry, tracing::dispatcher::set_default(&dispatch))
}

#[tokio::test]
async fn a_wait_for_a_connection_is_a_span_before_the_statement() {
    let (spans, _telemetry, _default) = observe();
    let shop = Shop::open().await;
    let orders = shop.orders_with(|config| config.database.max_connections = 1).await;
    let held = orders.app.database.acquire().await.unwrap();
    let read = chassis::testing::send(&orders.router, chassis::testing::get("/orders/1"));
    let release = async {
        tokio::task::yield_now().await;
        drop(held);
    };
    let (reply, ()) = tokio::join!(read, release);
    assert_eq!(reply.status, 404);
    let spans = spans.get_finished_spans().unwrap();
    let server = named(&spans, &SpanKind::Server, "GET /orders/{id}");
    let child = |name: &str| {
        let of_server = |span: &&SpanData| span.parent_span_id == server.span_context.span_id();
        spans.iter().filter(of_server).find(|span| span.name == name).expect(name)
    };
    let (wait, statement) = (child("acquire"), child("SELECT orders"));
    assert!(wait.end_time <= statement.start_time);
}

#[tokio::test]
async fn an_order_is_one_trace_and_its_delivery_links_to_it() {
    let (spans, _telemetry, _default) = observe();
    let shop = Shop::open().await;
    let running = shop.run().await;
    let request = client().post(format!("{}/orders", running.url)).json(&single(101));
    let answer = request.header("x-correlation-id", "c-1").send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let delivered = |spans: &[SpanData]| spans.iter().any(|span| span.name == "outbox deliver");
    eventually("the delivery's span has ended", || async { delivered(&spans.get_finished_spans().unwrap()) })
        .await;
    running.stop().await.unwrap().unwrap();
    let spans = spans.get_finished_spans().unwrap();

    let order = named(&spans, &SpanKind::Server, "POST /orders");
    let children: Vec<&SpanData> =
        spans.iter().filter(|span| span.parent_span_id == order.span_context.span_id()).collect();
    let calls: Vec<&str> = children
        .iter()
        .filter(|span| span.span_kind == SpanKind::Client && span.name.contains('/'))
        .map(|span| span.name.as_ref())
        .collect();
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert!(calls[..2].contains(&"GET /users/{id}") && calls[..2].contains(&"POST /products/batch"));
    assert_eq!(calls[2], "POST /products/{id}/reserve");
    let transactions: Vec<&&SpanData> = children.iter().filter(|span| span.name == "transaction").collect();
    assert_eq!(transactions.len(), 2, "pending, then confirmed with its event");
    let statements: Vec<&str> = spans
        .iter()
        .filter(|span| transactions.iter().any(|tx| tx.span_context.span_id() == span.parent_span_id))
        .map(|span| span.name.as_ref())
        .filter(|name| !["acquire", "write turn"].contains(name))
        .collect();
    let pending = ["BEGIN", "INSERT orders", "INSERT order_items", "COMMIT"];
    let confirmed = ["BEGIN", "UPDATE orders", "INSERT outbox", "COMMIT"];
    assert_eq!(statements, [pending, confirmed].concat());
    for statement in &spans {
        let of = |tx: &&&&SpanData| tx.span_context.span_id() == statement.parent_span_id;
        if let Some(transaction) = transactions.iter().find(of) {
            assert!(
                statement.end_time <= transaction.end_time,
                "{} outlives its transaction",
                statement.name
            );
        }
    }
    let insert = named(&spans, &SpanKind::Client, "INSERT orders");
    assert_eq!(attribute(insert, "db.system.name").as_deref(), Some("sqlite"));
    assert_eq!(attribute(insert, "db.namespace").as_deref(), Some("orders"));
    assert_eq!(attribute(insert, "db.operation.name").as_deref(), Some("INSERT"));
    assert_eq!(attribute(insert, "db.collection.name").as_deref(), Some("orders"));
    assert!(attribute(insert, "db.query.text").unwrap().contains("?1"), "parameters, no values");
    assert_eq!(attribute(insert, "db.response.returned_rows").as_deref(), Some("1"));

    let delivery = spans.iter().find(|span| span.name == "outbox deliver").unwrap();
    assert_eq!(delivery.parent_span_id, SpanId::INVALID);
    assert_ne!(delivery.span_context.trace_id(), order.span_context.trace_id());
    assert!(delivery.attributes.contains(&opentelemetry::KeyValue::new("event.attempt", 1_i64)), "a number");
    let link = delivery.links.iter().next().expect("a link");
    assert_eq!(link.span_context.span_id(), order.span_context.span_id());
    assert_eq!(link.span_context.trace_id(), order.span_context.trace_id());
    let notify = named(&spans, &SpanKind::Client, "POST /users/{id}/notifications");
    assert_eq!(notify.parent_span_id, delivery.span_context.span_id());

    let requests = spans.iter().filter(|span| span.span_kind == SpanKind::Server);
    for span in requests.chain([delivery, insert, notify]) {
        assert_eq!(attribute(span, "correlation.id").as_deref(), Some("c-1"), "{}", span.name);
    }
    let known = [order.span_context.trace_id(), delivery.span_context.trace_id()];
    let strays: Vec<_> = spans.iter().filter(|span| !known.contains(&span.span_context.trace_id())).collect();
    assert!(strays.is_empty(), "periodic work leaves no trace: {strays:#?}");
}
