//! Each request carries trace context, baggage and correlation id, and its root span carries the same.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use loadgen::client::{Call, Ids, RunId, SeededIds, Sender};
use loadgen::plan::journeys::Service;
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use std::collections::HashSet;
use std::time::Duration;
use support::{Asked, Shop, options, plan, plan_of, run};

/// The process-wide provider of this test binary, with what it exports. Tests tell their spans apart by trace id.
fn exporter() -> InMemorySpanExporter {
    static EXPORTER: std::sync::OnceLock<InMemorySpanExporter> = std::sync::OnceLock::new();
    EXPORTER
        .get_or_init(|| {
            let exporter = InMemorySpanExporter::default();
            let provider = SdkTracerProvider::builder()
                .with_simple_exporter(exporter.clone())
                .with_id_generator(SeededIds::default())
                .build();
            opentelemetry::global::set_tracer_provider(provider);
            exporter
        })
        .clone()
}

fn header<'a>(asked: &'a Asked, name: &str) -> &'a str {
    asked.headers.get(name).map_or("", |v| v.to_str().unwrap())
}

fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    span.attributes.iter().find(|a| a.key.as_str() == key).map(|a| a.value.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_its_span_and_its_answer_agree() {
    let exporter = exporter();
    let shop = Shop::open().await;
    let ids = Ids::new(7, RunId::new(1001));
    let sender = Sender::new(shop.targets(), Duration::from_secs(20), ids);
    let call = Call::new(Service::Order, http::Method::POST, "/orders", "/orders", 3)
        .json(r#"{"user_id":1,"product_id":1001,"quantity":1}"#);
    let answer = sender.send(&call, "audit 1,x").await;

    let asked = shop.asked.lock().unwrap()[0].clone();
    assert_eq!((answer.trace_id, answer.span_id), (ids.trace(3, 0), ids.span(3, 0)));
    assert_eq!(header(&asked, "traceparent"), format!("00-{}-{}-01", answer.trace_id, answer.span_id));
    assert_eq!(header(&asked, "x-correlation-id"), "audit 1,x");
    assert_eq!(header(&asked, "baggage"), "correlation.id=audit%201%2Cx");
    assert_eq!(header(&asked, "content-type"), "application/json");
    assert_eq!(answer.field("id").as_deref(), Some("4711"));

    let spans = exporter.get_finished_spans().unwrap();
    let span = spans.iter().find(|s| s.span_context.trace_id() == answer.trace_id).unwrap();
    assert_eq!((span.name.as_ref(), &span.span_kind), ("POST /orders", &SpanKind::Client));
    assert_eq!(span.span_context.span_id(), answer.span_id);
    assert_eq!(span.parent_span_id, opentelemetry::trace::SpanId::INVALID, "it is the root");
    for (key, value) in [
        ("http.request.method", Value::from("POST")),
        ("url.template", Value::from("/orders")),
        ("http.response.status_code", Value::from(201)),
        ("peer.service", Value::from("order-service")),
        ("correlation.id", Value::from("audit 1,x")),
        ("loadgen.session", Value::from(3)),
    ] {
        assert_eq!(attribute(span, key), Some(value), "{key}");
    }
    assert_eq!(span.status, Status::Unset);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_stand_on_the_span_also_planned_ones() {
    let exporter = exporter();
    let shop = Shop::open().await;
    let ids = Ids::new(7, RunId::new(1002));
    let sender = Sender::new(shop.targets(), Duration::from_secs(20), ids);
    let call = Call::new(Service::User, http::Method::GET, "/users/{id}", "/users/1000000", 0);
    let answer = sender.send(&call, "c").await;
    assert_eq!(answer.status(), Some(404));
    let spans = exporter.get_finished_spans().unwrap();
    let span = spans.iter().find(|s| s.span_context.trace_id() == answer.trace_id).unwrap();
    assert!(matches!(span.status, Status::Error { .. }));
    assert_eq!(attribute(span, "error.type"), Some(Value::from("404")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_has_one_trace_per_request_and_one_correlation_id_per_session() {
    exporter();
    let shop = Shop::open().await;
    let plan = plan(2, Duration::from_millis(300), 300.0, &[]);
    let options = loadgen::Options { run: RunId::new(1003), ..options() };
    let report = run(plan, shop.targets(), options).await;
    let asked = shop.asked.lock().unwrap().clone();
    let traces: HashSet<String> = asked.iter().map(|a| header(a, "traceparent")[3..35].to_owned()).collect();
    assert_eq!(traces.len() as u64, report.fired);
    let sessions: HashSet<&str> = asked.iter().map(|a| header(a, "x-correlation-id")).collect();
    assert_eq!(sessions.len() as u64, report.sessions);
    let keys: Vec<&str> =
        asked.iter().map(|a| header(a, "idempotency-key")).filter(|k| !k.is_empty()).collect();
    let orders = asked.iter().filter(|a| a.uri.path() == "/orders" && a.method == "POST").count();
    assert_eq!((keys.len(), keys.iter().collect::<HashSet<_>>().len()), (orders, orders));
    for exemplar in &report.exemplars {
        assert!(traces.contains(&exemplar.trace_id) && sessions.contains(exemplar.correlation_id.as_str()));
    }
    assert!(report.exemplars.iter().any(|e| e.why == "p99"), "{:?}", report.exemplars);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_steps_use_what_earlier_answers_gave() {
    let shop = Shop::open().await;
    run(plan_of("buy", Duration::from_millis(200), 100.0), shop.targets(), options()).await;
    run(plan_of("login", Duration::from_millis(200), 100.0), shop.targets(), options()).await;
    let asked = shop.asked.lock().unwrap().clone();
    assert!(asked.iter().any(|a| a.uri.path() == "/orders/4711"));
    let history = asked.iter().find(|a| a.uri.query().is_some_and(|q| q.starts_with("user_id="))).unwrap();
    assert_eq!(header(history, "authorization"), "Bearer secret-token");
}

#[test]
fn two_runs_of_a_seed_share_no_identifier_and_one_run_repeats_its_own() {
    let (first, again, second) =
        (Ids::new(1, RunId::new(1)), Ids::new(1, RunId::new(1)), Ids::new(1, RunId::new(2)));
    assert_eq!(first.trace(5, 1), again.trace(5, 1));
    assert_ne!(first.trace(5, 1), second.trace(5, 1));
    assert_ne!(first.trace(5, 1), first.trace(5, 2));
    assert_ne!(first.idempotency_key(5, 1), second.idempotency_key(5, 1));
    assert_ne!(first.correlation(5), second.correlation(5));
    assert_ne!(RunId::fresh(), RunId::fresh());
}
