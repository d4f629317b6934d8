//! One request through two real servers is one trace under one correlation id, and nothing hostile travels along.

mod support;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::SpanData;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use support::{Observed, observe, quiet, serve, text};
use telemetry::client::Route;

fn client(observed: &Observed, peer: &'static str) -> ClientWithMiddleware {
    telemetry::client::instrument(ClientBuilder::new(reqwest::Client::new()), peer, observed.metrics())
        .build()
}

/// `back` echoes the headers it got; `front` passes each request on to it.
async fn front_and_back(observed: &Observed) -> String {
    async fn echo(headers: HeaderMap) -> String {
        tracing::info!("in the back");
        let shown = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")));
        shown.collect::<Vec<_>>().join("\n")
    }
    async fn pass_on(State((client, url)): State<(ClientWithMiddleware, String)>) -> String {
        let request = client.get(&url).with_extension(Route("/items/{id}"));
        request.send().await.expect("the back answers").text().await.expect("text")
    }
    let layer = || telemetry::server::layer(observed.metrics());
    let back = serve(Router::new().route("/items/{id}", get(echo)).layer(layer())).await;
    let state = (client(observed, "back"), format!("http://{back}/items/9"));
    let front = serve(Router::new().route("/orders", get(pass_on)).with_state(state).layer(layer())).await;
    format!("http://{front}/orders")
}

fn by_name<'a>(spans: &'a [SpanData], kind: &SpanKind, name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.span_kind == *kind && span.name == name).expect(name)
}

#[tokio::test]
async fn two_services_share_one_trace_and_one_correlation_id() {
    let observed = observe(quiet("order-service"));
    let url = front_and_back(&observed).await;
    let response =
        client(&observed, "front").get(url).header("x-correlation-id", "c-7").send().await.unwrap();
    assert_eq!(response.headers()["x-correlation-id"], "c-7");
    response.text().await.unwrap();

    let spans = observed.spans();
    assert_eq!(spans.len(), 4, "{spans:#?}");
    let root = by_name(&spans, &SpanKind::Client, "GET");
    let front = by_name(&spans, &SpanKind::Server, "GET /orders");
    let call = by_name(&spans, &SpanKind::Client, "GET /items/{id}");
    let back = by_name(&spans, &SpanKind::Server, "GET /items/{id}");
    assert_eq!(root.parent_span_id, SpanId::INVALID);
    for (parent, child) in [(root, front), (front, call), (call, back)] {
        assert_eq!(child.parent_span_id, parent.span_context.span_id());
        assert_eq!(child.span_context.trace_id(), root.span_context.trace_id());
    }
    for span in [front, call, back] {
        assert_eq!(text(span, "correlation.id").as_deref(), Some("c-7"), "{}", span.name);
    }
    for log in observed.logs.get_emitted_logs().unwrap() {
        let has_id = log.record.attributes_iter().any(|(key, value)| {
            key.as_str() == "correlation_id" && *value == opentelemetry::logs::AnyValue::from("c-7")
        });
        assert!(has_id, "{log:?}");
        let trace = log.record.trace_context().expect("a trace context");
        assert_eq!(trace.trace_id, root.span_context.trace_id());
    }
    let back_id = back.span_context.span_id().to_string();
    let lines = observed.json_lines().await;
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines.iter().all(|line| line["correlation_id"] == "c-7"), "{lines:#?}");
    let inner = lines.iter().find(|line| line["message"] == "in the back").unwrap();
    assert_eq!(inner["span_id"], back_id);
    assert_eq!(inner["service"], "order-service");
}

#[tokio::test]
async fn a_trace_is_counted_where_it_begins() {
    let observed = observe(quiet("order-service"));
    let url = front_and_back(&observed).await;
    client(&observed, "front").get(url).send().await.unwrap().text().await.unwrap();
    assert_eq!(observed.spans().len(), 4);
    let metrics = observed.metrics().encode();
    for (kind, begun) in [("client", 1), ("server", 0), ("other", 0)] {
        let of_kind = |line: &&str| {
            line.starts_with("telemetry_roots_total{") && line.contains(&format!("kind=\"{kind}\""))
        };
        let line = metrics.lines().find(of_kind).expect(kind);
        assert!(line.ends_with(&format!(" {begun}")), "{line}");
    }
}

#[tokio::test]
async fn hostile_baggage_and_ids_stop_at_the_edge() {
    let observed = observe(quiet("order-service"));
    let url = front_and_back(&observed).await;
    let response = reqwest::Client::new()
        .get(url)
        .header("baggage", "user=admin,correlation.id=forged%0d%0aSet-Cookie:x,session=secret")
        .header("x-correlation-id", "x".repeat(129))
        .send()
        .await
        .unwrap();
    let id = response.headers()["x-correlation-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 32, "a fresh id replaces invalid ones");
    assert!(response.headers().get("baggage").is_none(), "baggage is never echoed");
    let seen_behind = response.text().await.unwrap();
    assert!(seen_behind.contains(&format!("baggage: correlation.id={id}")), "{seen_behind}");
    assert!(seen_behind.contains(&format!("x-correlation-id: {id}")), "{seen_behind}");
    assert!(!seen_behind.contains("admin") && !seen_behind.contains("secret"), "{seen_behind}");
    for span in observed.spans() {
        assert_eq!(text(&span, "correlation.id"), Some(id.clone()));
    }
}

#[tokio::test]
async fn an_unsampled_request_keeps_its_correlation_id_and_writes_no_span() {
    let observed = observe(quiet("order-service"));
    let url = front_and_back(&observed).await;
    let unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let request =
        reqwest::Client::new().get(url).header("traceparent", unsampled).header("x-correlation-id", "c-8");
    let seen_behind = request.send().await.unwrap().text().await.unwrap();
    assert!(seen_behind.contains("x-correlation-id: c-8"), "{seen_behind}");
    assert!(seen_behind.contains("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"), "{seen_behind}");
    assert!(observed.spans().is_empty());
    let exposition = observed.metrics().encode();
    assert!(!exposition.contains("trace_id"), "an exemplar must lead to a recorded trace: {exposition}");
}

#[tokio::test]
async fn a_disabled_sdk_hands_the_callers_context_through() {
    let mut config = quiet("order-service");
    config.disabled = true;
    let observed = observe(config);
    let url = front_and_back(&observed).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request =
        reqwest::Client::new().get(url).header("traceparent", parent).header("x-correlation-id", "c-9");
    let seen_behind = request.send().await.unwrap().text().await.unwrap();
    assert!(seen_behind.contains(&format!("traceparent: {parent}")), "{seen_behind}");
    assert!(seen_behind.contains("x-correlation-id: c-9"), "{seen_behind}");
    assert!(observed.spans().is_empty());
}
