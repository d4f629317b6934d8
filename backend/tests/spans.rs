//! Spans come in by every way of OTLP and are readable through Jaeger's API, whole.

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::codec::CompressionEncoding;

use crate::harness::{TestBackend, attribute, export, gzip, now_ns, span, text};

async fn trace(backend: &TestBackend, id: u8) -> Value {
    let path = format!("/api/traces/{}", format!("{id:02x}").repeat(16));
    backend
        .until("the trace is readable", || async {
            backend.get(&backend.jaeger, &path).await.status() == 200
        })
        .await;
    backend.json(&backend.jaeger, &path, &[]).await["data"][0].clone()
}

#[tokio::test]
async fn spans_sent_by_grpc_with_and_without_gzip_are_readable() {
    let backend = TestBackend::start().await;
    let plain = TraceServiceClient::connect(backend.grpc.clone()).await.expect("a connection");
    let zipped = plain.clone().send_compressed(CompressionEncoding::Gzip);
    for (id, mut client) in [(1, plain), (2, zipped)] {
        let answer = client.export(export("shop", vec![span(id, 9, None, "GET /")])).await.expect("accepted");
        assert_eq!(answer.into_inner().partial_success, None);
        assert_eq!(trace(&backend, id).await["spans"][0]["operationName"], "GET /");
    }
}

#[tokio::test]
async fn spans_sent_by_http_as_protobuf_and_json_are_readable() {
    let backend = TestBackend::start().await;
    let url = format!("{}/v1/traces", backend.otlp);
    let protobuf = export("shop", vec![span(3, 9, None, "p")]).encode_to_vec();
    let answer = backend.post(url.clone(), "application/x-protobuf", protobuf).await;
    assert_eq!(answer.headers()["content-type"], "application/x-protobuf");
    assert!(answer.bytes().await.expect("a body").is_empty());
    trace(&backend, 3).await;

    let body = gzip(&export("shop", vec![span(4, 9, None, "z")]).encode_to_vec());
    let request = backend.client.post(&url).header("content-type", "application/x-protobuf");
    let answer = request.header("content-encoding", "gzip").body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    trace(&backend, 4).await;

    let now = now_ns();
    let body = json!({"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeSpans": [{"scope": {"name": "s"}, "spans": [{"traceId": "05".repeat(16), "spanId": "0909090909090909", "name": "j", "kind": 2,
        "startTimeUnixNano": now.to_string(), "endTimeUnixNano": (now + 1000).to_string(),
        "attributes": [{"key": "n", "value": {"intValue": "7"}}]}]}]}]});
    let answer = backend.post(url, "application/json", body.to_string()).await;
    assert_eq!(answer.text().await.expect("a body"), "{}");
    let found = trace(&backend, 5).await;
    let tags = found["spans"][0]["tags"].as_array().expect("tags");
    assert!(tags.contains(&json!({"key": "n", "type": "int64", "value": 7})), "{tags:?}");
    assert!(tags.contains(&json!({"key": "otel.scope.name", "type": "string", "value": "s"})), "{tags:?}");
}

#[tokio::test]
async fn nothing_of_a_span_is_lost() {
    let backend = TestBackend::start().await;
    let mut child = span(6, 2, Some(1), "SELECT");
    child.attributes.extend([
        attribute("ok", Any::BoolValue(true)),
        attribute("ratio", Any::DoubleValue(0.5)),
        attribute("status", Any::IntValue(503)),
    ]);
    child.events.push(Event {
        name: "exception".to_owned(),
        time_unix_nano: now_ns(),
        attributes: vec![text("exception.type", "E")],
        ..Event::default()
    });
    child.links.push(Link { trace_id: vec![7; 16], span_id: vec![8; 8], ..Link::default() });
    child.status =
        Some(opentelemetry_proto::tonic::trace::v1::Status { code: 2, message: "broken".to_owned() });
    backend.send(&export("shop", vec![span(6, 1, None, "GET /"), child])).await;

    let found = trace(&backend, 6).await;
    let id = "06".repeat(16);
    assert_eq!(found["processes"]["p1"]["serviceName"], "shop");
    assert_eq!(found["processes"]["p1"]["tags"][0]["key"], "service.version");
    let spans = found["spans"].as_array().expect("spans");
    let child = spans.iter().find(|s| s["spanID"] == "0202020202020202").expect("the child");
    assert_eq!(
        child["references"][0],
        json!({"refType": "CHILD_OF", "traceID": id, "spanID": "0101010101010101"})
    );
    assert_eq!(child["references"][1]["refType"], "FOLLOWS_FROM");
    assert_eq!(child["references"][1]["traceID"], "07".repeat(16));
    assert_eq!(child["duration"], 20_000);
    assert_eq!(
        child["logs"][0]["fields"][0],
        json!({"key": "event", "type": "string", "value": "exception"})
    );
    let tags = child["tags"].as_array().expect("tags");
    for tag in [
        json!({"key": "ok", "type": "bool", "value": true}),
        json!({"key": "ratio", "type": "float64", "value": 0.5}),
        json!({"key": "status", "type": "int64", "value": 503}),
        json!({"key": "span.kind", "type": "string", "value": "client"}),
        json!({"key": "otel.status_code", "type": "string", "value": "ERROR"}),
        json!({"key": "error", "type": "bool", "value": true}),
        json!({"key": "otel.status_description", "type": "string", "value": "broken"}),
    ] {
        assert!(tags.contains(&tag), "{tag} in {tags:?}");
    }
}

#[tokio::test]
async fn a_span_sent_twice_is_answered_once() {
    let backend = TestBackend::start().await;
    let request = export("shop", vec![span(8, 1, None, "GET /")]);
    backend.send(&request).await;
    backend.send(&request).await;
    assert_eq!(trace(&backend, 8).await["spans"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn spans_without_valid_ids_are_refused_and_counted_while_the_others_are_kept() {
    let backend = TestBackend::start().await;
    let mut bad = span(9, 2, None, "x");
    bad.trace_id = vec![1, 2, 3];
    let mut client = TraceServiceClient::connect(backend.grpc.clone()).await.expect("a connection");
    let answer =
        client.export(export("shop", vec![bad, span(9, 1, None, "y")])).await.expect("accepted").into_inner();
    let partial = answer.partial_success.expect("told");
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("trace id"), "{}", partial.error_message);
    assert_eq!(trace(&backend, 9).await["spans"].as_array().map(Vec::len), Some(1));
    assert_eq!(backend.metric("backend_refused_items_total{signal=\"spans\"}").await, 1.0);
}
