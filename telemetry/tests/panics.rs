//! A panic in a handler is a 500 with its correlation id and an error span.

mod support;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use opentelemetry::Value;
use opentelemetry::trace::Status;
use support::{attribute, observe, quiet, text};
use tower::ServiceExt;

async fn panics() {
    tokio::task::yield_now().await;
    panic!("the shelf collapsed");
}

#[tokio::test]
async fn a_panic_is_a_500_with_its_correlation_id_and_an_error_span() {
    let observed = observe(quiet("product-service"));
    let app = Router::new().route("/shelf", get(panics)).layer(telemetry::server::layer(observed.metrics()));
    let request = Request::get("/shelf").header("x-correlation-id", "c-42").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();

    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["x-correlation-id"], "c-42");
    let body = to_bytes(response.into_body(), 4096).await.unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        problem,
        serde_json::json!({
            "type": "about:blank", "title": "Internal Server Error", "status": 500, "correlation_id": "c-42",
        })
    );

    let span = observed.span();
    assert_eq!(span.status, Status::error("the handler panicked"));
    assert_eq!(attribute(&span, "http.response.status_code"), Some(Value::I64(500)));
    assert_eq!(text(&span, "error.type").as_deref(), Some("panic"));
    assert_eq!(text(&span, "correlation.id").as_deref(), Some("c-42"));
    let event = &span.events[0];
    assert_eq!(event.name, "exception");
    assert!(event.attributes.iter().any(|a| a.value.as_str() == "the shelf collapsed"), "{event:?}");

    let exposition = observed.metrics().encode();
    assert!(exposition.contains(r#"route="/shelf",status="500"} 1"#), "{exposition}");
    assert!(
        exposition.contains("http_server_active_requests{service=\"product-service\"} 0"),
        "{exposition}"
    );
    let lines = observed.json_lines().await;
    assert_eq!(lines.last().unwrap()["level"], "ERROR");
    assert_eq!(lines.last().unwrap()["correlation_id"], "c-42");
}

#[tokio::test]
async fn a_panic_behind_a_path_that_is_not_observed_is_a_500_too() {
    let observed = observe(quiet("product-service"));
    let app = Router::new().route("/ready", get(panics)).layer(telemetry::server::layer(observed.metrics()));
    let response = app.oneshot(Request::get("/ready").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 500);
    assert!(observed.spans().is_empty());
}
