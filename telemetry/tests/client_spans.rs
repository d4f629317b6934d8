//! Client spans and metrics follow the HTTP semantic conventions, one span per attempt.

mod support;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use support::{Observed, attribute, observe, quiet, serve, text};
use telemetry::client::{ResendCount, Route};

fn client(observed: &Observed, inner: reqwest::Client) -> ClientWithMiddleware {
    telemetry::client::instrument(ClientBuilder::new(inner), "user-service", observed.metrics()).build()
}

#[tokio::test]
async fn a_span_has_kind_name_and_attributes_of_the_conventions() {
    let observed = observe(quiet("order-service"));
    let address = serve(Router::new().route("/users/{id}", get(|| async { "Alice" }))).await;
    client(&observed, reqwest::Client::new())
        .get(format!("http://joe:secret@{address}/users/1?q=2"))
        .with_extension(Route("/users/{id}"))
        .with_extension(ResendCount(2))
        .send()
        .await
        .unwrap();
    let span = observed.span();
    assert_eq!(span.name, "GET /users/{id}");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.status, Status::Unset);
    for (key, expected) in [
        ("http.request.method", "GET"),
        ("url.full", &*format!("http://{address}/users/1?q=2")),
        ("url.template", "/users/{id}"),
        ("server.address", "127.0.0.1"),
        ("peer.service", "user-service"),
    ] {
        assert_eq!(text(&span, key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(attribute(&span, "server.port"), Some(Value::I64(address.port().into())));
    assert_eq!(attribute(&span, "http.response.status_code"), Some(Value::I64(200)));
    assert_eq!(attribute(&span, "http.request.resend_count"), Some(Value::I64(2)));
    let exposition = observed.metrics().encode();
    let series = r#"http_client_request_duration_seconds_count{service="order-service",peer="user-service",method="GET",route="/users/{id}",status="200"} 1"#;
    assert!(exposition.contains(series), "{exposition}");
}

#[tokio::test]
async fn a_client_error_is_an_error() {
    let observed = observe(quiet("order-service"));
    let address = serve(Router::new().route("/gone", get(|| async { StatusCode::GONE }))).await;
    client(&observed, reqwest::Client::new()).get(format!("http://{address}/gone")).send().await.unwrap();
    let span = observed.span();
    assert_eq!(span.status, Status::error(""));
    assert_eq!(text(&span, "error.type").as_deref(), Some("410"));
    assert_eq!(attribute(&span, "http.request.resend_count"), None);
}

#[tokio::test]
async fn a_refused_connection_and_a_timeout_are_told_apart() {
    let observed = observe(quiet("order-service"));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_address = closed.local_addr().unwrap();
    drop(closed);
    let inner = reqwest::Client::builder().timeout(Duration::from_millis(50)).build().unwrap();
    let client = client(&observed, inner);
    client.get(format!("http://{closed_address}/")).with_extension(Route("/")).send().await.unwrap_err();
    let silent_url = format!("http://{}/", silent.local_addr().unwrap());
    client.get(silent_url).with_extension(Route("/")).send().await.unwrap_err();
    let spans = observed.spans();
    assert_eq!(text(&spans[0], "error.type").as_deref(), Some("connection"));
    assert_eq!(text(&spans[1], "error.type").as_deref(), Some("timeout"));
    for span in &spans {
        assert!(matches!(span.status, Status::Error { .. }), "{:?}", span.status);
        assert_eq!(attribute(span, "http.response.status_code"), None);
    }
    let exposition = observed.metrics().encode();
    assert!(exposition.contains(r#"route="/",status="error"} 1"#), "{exposition}");
    assert!(exposition.contains(r#"route="/",status="timeout"} 1"#), "{exposition}");
}

#[tokio::test]
async fn a_caller_that_stops_waiting_ends_the_span() {
    let observed = observe(quiet("order-service"));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let client = client(&observed, reqwest::Client::new());
    let mut call = Box::pin(client.get(url).send());
    assert!(futures_util::poll!(&mut call).is_pending());
    drop(call);
    assert_eq!(text(&observed.span(), "error.type").as_deref(), Some("cancelled"));
    assert!(observed.metrics().encode().contains(r#"status="cancelled"} 1"#));
}
