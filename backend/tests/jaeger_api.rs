//! Jaeger's API: search, catalogue, dependencies, and its way to say no.

use opentelemetry_proto::tonic::trace::v1::span::Event;
use serde_json::{Value, json};

use crate::harness::{TestBackend, export, span, text};

async fn shop() -> TestBackend {
    let backend = TestBackend::start().await;
    let quick = span(1, 1, None, "GET /orders");
    let mut slow = span(2, 1, None, "POST /orders");
    slow.end_time_unix_nano = slow.start_time_unix_nano + 2_000_000_000;
    backend.send(&export("orders", vec![quick, slow])).await;
    backend.send(&export("users", vec![span(2, 3, Some(1), "GET /users/{id}")])).await;
    backend
}

async fn ids(backend: &TestBackend, query: &[(&str, &str)]) -> Vec<String> {
    let found = backend.json(&backend.jaeger, "/api/traces", query).await;
    let data = found["data"].as_array().expect("a list");
    data.iter().map(|t| t["traceID"].as_str().expect("an id")[..2].to_owned()).collect()
}

#[tokio::test]
async fn a_search_finds_by_service_operation_tag_and_duration() {
    let backend = shop().await;
    assert_eq!(ids(&backend, &[("service", "orders")]).await, ["02", "01"]);
    assert_eq!(ids(&backend, &[("service", "orders"), ("limit", "1")]).await, ["02"]);
    assert_eq!(ids(&backend, &[("service", "orders"), ("operation", "GET /orders")]).await, ["01"]);
    assert_eq!(ids(&backend, &[("service", "orders"), ("minDuration", "1s")]).await, ["02"]);
    assert_eq!(ids(&backend, &[("service", "orders"), ("maxDuration", "100ms")]).await, ["01"]);
    assert_eq!(
        ids(&backend, &[("service", "orders"), ("tags", r#"{"correlation.id":"corr-1"}"#)]).await,
        ["01"]
    );
    assert_eq!(
        ids(
            &backend,
            &[("service", "orders"), ("tag", "correlation.id:corr-2"), ("tag", "span.kind:server")]
        )
        .await,
        ["02"]
    );
    assert_eq!(ids(&backend, &[("service", "users"), ("tag", "span.kind:server")]).await, [""; 0]);
    assert_eq!(ids(&backend, &[("service", "orders"), ("end", "1000")]).await, [""; 0]);
    assert_eq!(
        ids(&backend, &[("traceID", &"01".repeat(16)), ("traceID", &"02".repeat(16))]).await,
        ["01", "02"]
    );
}

#[tokio::test]
async fn services_operations_and_dependencies_are_listed() {
    let backend = shop().await;
    let services = backend.json(&backend.jaeger, "/api/services", &[]).await;
    assert_eq!(
        services,
        json!({"data": ["orders", "users"], "total": 2, "limit": 0, "offset": 0, "errors": null})
    );
    let operations = backend.json(&backend.jaeger, "/api/services/orders/operations", &[]).await;
    assert_eq!(operations["data"], json!(["GET /orders", "POST /orders"]));
    let kinds = backend.json(&backend.jaeger, "/api/operations", &[("service", "users")]).await;
    assert_eq!(kinds["data"], json!([{"name": "GET /users/{id}", "spanKind": "client"}]));
    let end = (crate::harness::now_ns() / 1_000_000 + 1000).to_string();
    let graph =
        backend.json(&backend.jaeger, "/api/dependencies", &[("endTs", &end), ("lookback", "60000")]).await;
    assert_eq!(graph["data"], json!([{"parent": "orders", "child": "users", "callCount": 1}]));
}

#[tokio::test]
async fn errors_have_jaegers_shape() {
    let backend = shop().await;
    for (path, status, message) in [
        ("/api/traces/ffff", 404, "trace not found"),
        ("/api/traces/nothex", 400, "strconv.ParseUint: parsing \"nothex\": invalid syntax"),
        ("/api/traces", 400, "parameter 'service' is required"),
        ("/api/traces?service=a&limit=x", 400, "strconv.ParseInt: parsing \"x\": invalid syntax"),
        ("/api/traces?service=a&limit=0", 500, "search depth must be greater than 0"),
        ("/api/traces?service=a&limit=1501", 400, "parameter 'limit' must be between 1 and 1500"),
        ("/api/traces?service=a&tag=x", 400, "malformed 'tag' parameter, expecting key:value, received: x"),
        ("/api/traces?service=a&tags=x", 400, "malformed 'tags' parameter, cannot unmarshal JSON"),
        (
            "/api/traces?service=a&minDuration=2s&maxDuration=1s",
            400,
            "'maxDuration' should be greater than 'minDuration'",
        ),
        ("/api/archive/ffff", 404, "page not found"),
    ] {
        let answer = backend.get(&backend.jaeger, path).await;
        assert_eq!(answer.status(), status, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["data"], Value::Null, "{path}");
        assert_eq!(body["errors"][0]["code"], status, "{path}");
        let said = body["errors"][0]["msg"].as_str().expect("a message");
        assert!(said.starts_with(message), "{path}: {said}");
    }
    let mixed = backend
        .json(&backend.jaeger, "/api/traces", &[("traceID", "ffff"), ("traceID", &"01".repeat(16))])
        .await;
    assert_eq!(mixed["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(mixed["errors"][0]["traceID"], "000000000000ffff");
}

#[tokio::test]
async fn the_third_version_answers_otlp_and_has_errors_of_its_own_shape() {
    let backend = shop().await;
    let found = backend.json(&backend.jaeger, &format!("/api/v3/traces/{}", "02".repeat(16)), &[]).await;
    let resources = found["result"]["resourceSpans"].as_array().expect("OTLP");
    assert_eq!(resources.len(), 2);
    let span = &resources[0]["scopeSpans"][0]["spans"][0];
    assert_eq!((&span["traceId"], &span["kind"]), (&json!("02".repeat(16)), &json!(2)));
    assert!(span["startTimeUnixNano"].is_string(), "64 bits are text in protobuf's JSON: {span}");
    for (path, status, message) in [
        ("/api/v3/traces/ffff", 404, "No traces found"),
        ("/api/v3/traces/x", 400, "malformed parameter trace_id: strconv.ParseUint"),
        ("/api/v3/traces", 400, "query.start_time_min and query.start_time_max are required"),
        (
            "/api/v3/traces?query.start_time_min=2026-01-01T00:00:00Z&query.start_time_max=2026-01-02T00:00:00Z&query.num_traces=1",
            400,
            "a search without query.service_name is not supported",
        ),
        (
            "/api/v3/traces?query.start_time_min=x&query.start_time_max=y",
            400,
            "malformed parameter query.start_time_min",
        ),
    ] {
        let answer = backend.get(&backend.jaeger, path).await;
        assert_eq!(answer.status(), status, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["error"]["httpCode"], status, "{path}");
        let said = body["error"]["message"].as_str().expect("a message");
        assert!(said.starts_with(message), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_tag_that_is_indexed_is_found_wherever_jaeger_looks_for_it() {
    let backend = TestBackend::start().await;
    let mut in_event = span(1, 1, None, "a");
    in_event.attributes.clear();
    in_event.events = vec![Event { attributes: vec![text("correlation.id", "x")], ..Event::default() }];
    backend.send(&export("orders", vec![in_event])).await;
    let mut in_resource = export("orders", vec![span(2, 1, None, "b")]);
    if let Some(resource) = &mut in_resource.resource_spans[0].resource {
        resource.attributes.push(text("correlation.id", "x"));
    }
    backend.send(&in_resource).await;
    let asked = [("service", "orders"), ("tag", "correlation.id:x")];
    let mut found = ids(&backend, &asked).await;
    found.sort();
    assert_eq!(found, ["01", "02"]);
}
