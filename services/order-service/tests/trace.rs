//! The shape of an order's trace, and of the delivery that links to it.
//!
//! A binary of its own: `tracing` remembers per call site whether anybody listens, and in the other tests nobody does.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

#[allow(dead_code, reason = "this binary needs a part of it")]
mod proxy;
#[allow(dead_code, reason = "this binary needs a part of it")]
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SimpleSpanProcessor, SpanData};
use telemetry::config::LogExport;
use telemetry::{Builder, Config, Telemetry};
use tracing::dispatcher::DefaultGuard;

use crate::support::{Shop, client, eventually, set, single};

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.to_string())
}

fn namespace(span: &SpanData) -> String {
    attribute(span, "db.namespace").unwrap_or_default()
}

fn named<'a>(spans: &'a [SpanData], kind: &SpanKind, name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.span_kind == *kind && span.name == name).expect(name)
}

/// The spans, once the request's own has ended: the database's thread may hold it a little longer than the answer takes.
async fn ended(spans: &InMemorySpanExporter, request: &str) -> Vec<SpanData> {
    let is_it = |span: &SpanData| span.span_kind == SpanKind::Server && span.name == request;
    eventually("the request's span has ended", || async {
        spans.get_finished_spans().unwrap().iter().any(is_it)
    })
    .await;
    spans.get_finished_spans().unwrap()
}

/// Spans in memory, on this thread alone, which is also the runtime's only one.
fn observe() -> (InMemorySpanExporter, Telemetry, DefaultGuard) {
    observe_into(std::io::sink())
}

/// The same, with its log lines.
fn observe_into(output: impl Write + Send + 'static) -> (InMemorySpanExporter, Telemetry, DefaultGuard) {
    let spans = InMemorySpanExporter::default();
    let mut config = Config::read("order-service", "0.0.0", |_| None).unwrap();
    config.traces = None;
    config.logs = LogExport::None;
    let builder = Builder::new(config).span_processor(SimpleSpanProcessor::new(spans.clone()));
    let (dispatch, telemetry) = builder.output(output).build().unwrap();
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
    let spans = ended(&spans, "GET /orders/{id}").await;
    let server = named(&spans, &SpanKind::Server, "GET /orders/{id}");
    let child = |name: &str| {
        let of_server = |span: &&SpanData| span.parent_span_id == server.span_context.span_id();
        spans.iter().filter(of_server).find(|span| span.name == name).expect(name)
    };
    let (wait, statement) = (child("acquire"), child("SELECT orders"));
    assert!(wait.end_time <= statement.start_time);
}

#[tokio::test]
async fn an_order_whose_connection_is_its_requests_writes_on_it_and_waits_for_none() {
    let (spans, _telemetry, _default) = observe();
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("orders.connection_scope", "request").await;
    // A new pool, whose first connection is yet to be opened.
    orders.set("db.pool.max_connections", 1).await;
    assert_eq!(orders.order(&single(101)).await.status, 201);
    let spans = ended(&spans, "POST /orders").await;
    let order = named(&spans, &SpanKind::Server, "POST /orders");
    let mut children: Vec<&SpanData> =
        spans.iter().filter(|span| span.parent_span_id == order.span_context.span_id()).collect();
    children.sort_by_key(|span| span.start_time);
    let names: Vec<&str> = children.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names[0], "acquire", "the connection comes first, and is opened for it: {names:?}");
    assert_eq!(names.iter().filter(|name| **name == "transaction").count(), 2, "{names:?}");
    assert_eq!(spans.iter().filter(|span| span.name == "acquire" && namespace(span) == "orders").count(), 1);
}

#[tokio::test]
async fn a_basket_that_is_looked_up_piece_by_piece_has_a_call_and_a_statement_for_each() {
    let (spans, _telemetry, _default) = observe();
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let basket = serde_json::json!({"user_id": 1, "items": [
        {"product_id": 101, "quantity": 1}, {"product_id": 102, "quantity": 1}, {"product_id": 103, "quantity": 1},
    ]});
    let count = |name: &str| {
        let spans = spans.get_finished_spans().unwrap();
        spans.iter().filter(|span| span.span_kind == SpanKind::Client && span.name == name).count()
    };
    assert_eq!(orders.order(&basket).await.status, 201);
    assert_eq!((count("GET /products/{id}"), count("SELECT products")), (0, 1));
    orders.set("orders.lookup", "each").await;
    assert_eq!(orders.order(&basket).await.status, 201);
    assert_eq!((count("GET /products/{id}"), count("SELECT products")), (3, 1 + 3));
}

#[tokio::test]
async fn an_order_that_is_detached_leaves_its_trace_and_keeps_its_correlation_id() {
    let (spans, _telemetry, _default) = observe();
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("propagation.detached", true).await;
    let mut request = chassis::testing::post("/orders", &single(101));
    request.headers_mut().insert("x-correlation-id", "c-9".parse().unwrap());
    assert_eq!(chassis::testing::send(&orders.router, request).await.status, 201);
    let spans = ended(&spans, "POST /orders").await;
    let order = named(&spans, &SpanKind::Server, "POST /orders");
    assert!(
        spans.iter().all(|span| span.parent_span_id != order.span_context.span_id()),
        "it has no children"
    );
    for name in ["GET /users/{id}", "POST /products/batch", "POST /products/{id}/reserve"] {
        let call = named(&spans, &SpanKind::Client, name);
        assert_eq!(call.parent_span_id, SpanId::INVALID, "{name} is a root");
        assert_ne!(call.span_context.trace_id(), order.span_context.trace_id());
        assert_eq!(attribute(call, "correlation.id").as_deref(), Some("c-9"));
    }
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

#[tokio::test]
async fn a_page_of_notifications_reads_itself_or_all_of_the_users() {
    let (spans, _telemetry, _default) = observe();
    let shop = Shop::open().await;
    for event in 0..5 {
        let body =
            serde_json::json!({"event_id": format!("e-{event}"), "type": "t", "order_id": 1, "total": 1.0});
        let request = client().post(format!("{}/users/1/notifications", shop.users.url)).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 201);
    }
    let rows_read = async || {
        spans.reset();
        let url = format!("{}/users/1/notifications?per_page=2", shop.users.url);
        assert_eq!(client().get(url).send().await.unwrap().status(), 200);
        let spans = spans.get_finished_spans().unwrap();
        let page = spans.iter().filter(|span| span.name == "SELECT notifications");
        page.filter_map(|span| attribute(span, "db.response.returned_rows")).collect::<Vec<_>>()
    };
    assert_eq!(rows_read().await, ["2", "1"], "the page, and the number of all");
    set(&shop.users_settings, "notifications.page", "all").await;
    assert_eq!(rows_read().await, ["5"]);
}

#[tokio::test]
async fn the_settings_of_telemetry_are_those_of_the_process() {
    let lines = Lines::default();
    let (spans, telemetry, _default) = observe_into(lines.clone());
    let shop = Shop::open().await;
    let orders = shop.orders_on(telemetry.metrics().clone(), |_| {}).await;
    let read = async || {
        spans.reset();
        chassis::testing::send(&orders.router, chassis::testing::get("/orders/1")).await;
        ended(&spans, "GET /orders/{id}").await
    };
    let before = std::time::SystemTime::now();
    let hour = std::time::Duration::from_secs(3600);
    orders.set("clock.offset_ms", 3_600_000).await;
    assert!(named(&read().await, &SpanKind::Server, "GET /orders/{id}").start_time >= before + hour);
    orders.set("clock.offset_ms", -3_600_000).await;
    assert!(named(&read().await, &SpanKind::Server, "GET /orders/{id}").start_time < before);
    orders.set("clock.offset_ms", 0).await;

    orders.set("otlp.queue_size", 3).await;
    assert_eq!(telemetry.metrics().controls().queue_size(), 3);

    orders.set("log.level", "error").await;
    tracing::warn!("not written");
    orders.set("log.level", "configured").await;
    tracing::warn!("written");

    orders.set("trace.sample_ratio", 0.0).await;
    orders.set("trace.parent_based", false).await;
    let sampler = telemetry.metrics().controls().sampler();
    assert_eq!((sampler.ratio, sampler.parent_based), (0.0, false));
    spans.reset();
    assert_eq!(orders.order(&single(101)).await.status, 201);
    let recorded = spans.get_finished_spans().unwrap();
    assert!(recorded.is_empty(), "no trace is recorded: {recorded:#?}");

    telemetry.shutdown().await;
    let lines = lines.0.lock().unwrap().clone();
    let lines = String::from_utf8(lines).unwrap();
    assert!(lines.contains("\"written\"") && !lines.contains("not written"), "{lines}");
}

/// Output in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
