//! Server spans, metrics and request lines follow the HTTP semantic conventions.

mod support;

use std::future::pending;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use support::{Observed, attribute, observe, quiet, text};
use telemetry::server::Detail;
use tower::ServiceExt;

fn app(observed: &Observed) -> Router {
    Router::new()
        .route("/users/{id}", get(|Path(id): Path<String>| async move { id }))
        .route("/broken", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/never", get(pending::<()>))
        .merge(telemetry::metrics::routes(observed.metrics()))
        .layer(telemetry::server::layer(observed.metrics()))
}

async fn send(app: Router, request: Request<Body>) -> http::Response<Body> {
    app.oneshot(request).await.expect("the router answers")
}

fn request(uri: &str) -> Request<Body> {
    Request::builder()
        .uri(uri)
        .header("host", "shop.local:5001")
        .header("user-agent", "test/1")
        .body(Body::empty())
        .expect("a valid request")
}

#[tokio::test]
async fn a_span_has_kind_name_and_attributes_of_the_conventions() {
    let observed = observe(quiet("user-service"));
    send(app(&observed), request("/users/7?q=1&sig=secret")).await;
    let span = observed.span();
    assert_eq!(span.name, "GET /users/{id}");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.status, Status::Unset);
    for (key, expected) in [
        ("http.request.method", "GET"),
        ("http.route", "/users/{id}"),
        ("url.path", "/users/7"),
        ("url.query", "q=1&sig=REDACTED"),
        ("url.scheme", "http"),
        ("server.address", "shop.local"),
        ("user_agent.original", "test/1"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(text(&span, key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(attribute(&span, "http.response.status_code"), Some(Value::I64(200)));
    assert_eq!(attribute(&span, "server.port"), Some(Value::I64(5001)));
    for absent in
        ["error.type", "http.request.method_original", "code.file.path", "thread.id", "target", "level"]
    {
        assert_eq!(attribute(&span, absent), None, "{absent}");
    }
}

#[tokio::test]
async fn the_clients_address_is_known_on_a_real_connection() {
    let observed = observe(quiet("user-service"));
    let address = support::serve(app(&observed)).await;
    reqwest::get(format!("http://{address}/users/1")).await.expect("an answer");
    assert_eq!(text(&observed.span(), "client.address").as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn a_server_error_is_an_error_and_a_client_error_is_none() {
    let observed = observe(quiet("user-service"));
    send(app(&observed), request("/broken")).await;
    send(app(&observed), request("/no/such/route")).await;
    let spans = observed.spans();
    assert_eq!(spans[0].status, Status::error(""));
    assert_eq!(text(&spans[0], "error.type").as_deref(), Some("503"));
    assert_eq!(spans[1].status, Status::Unset);
    assert_eq!(spans[1].name, "GET");
    assert_eq!(attribute(&spans[1], "http.route"), None);
    assert_eq!(attribute(&spans[1], "http.response.status_code"), Some(Value::I64(404)));
    let exposition = observed.metrics().encode();
    assert!(
        exposition.contains(
            r#"seconds_count{service="user-service",method="GET",route="<unknown>",status="404"} 1"#
        ),
        "{exposition}"
    );
}

#[tokio::test]
async fn an_unknown_method_is_other_everywhere() {
    let observed = observe(quiet("user-service"));
    let mut brew = request("/users/7");
    *brew.method_mut() = "BREW".parse().expect("a token");
    send(app(&observed), brew).await;
    let span = observed.span();
    assert_eq!(span.name, "HTTP /users/{id}");
    assert_eq!(text(&span, "http.request.method").as_deref(), Some("_OTHER"));
    assert_eq!(text(&span, "http.request.method_original").as_deref(), Some("BREW"));
    assert!(observed.metrics().encode().contains(r#"method="_OTHER",route="/users/{id}",status="405""#));
}

#[tokio::test]
async fn the_machinery_is_neither_traced_nor_measured_nor_logged() {
    let observed = observe(quiet("user-service"));
    for path in ["/health", "/ready", "/metrics", "/openapi.json"] {
        let response = send(app(&observed), request(path)).await;
        assert!(response.headers().contains_key("x-correlation-id"));
    }
    assert!(observed.spans().is_empty());
    assert!(!observed.metrics().encode().contains("http_server_request_duration_seconds_count"));
    assert!(observed.json_lines().await.is_empty());
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_span_and_is_counted() {
    let observed = observe(quiet("user-service"));
    let mut waiting = Box::pin(send(app(&observed), request("/never")));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    assert!(observed.metrics().encode().contains("http_server_active_requests{service=\"user-service\"} 1"));
    drop(waiting);
    let span = observed.span();
    assert_eq!(text(&span, "error.type").as_deref(), Some("client_disconnected"));
    assert_eq!(attribute(&span, "http.response.status_code"), None);
    let exposition = observed.metrics().encode();
    assert!(exposition.contains("http_server_active_requests{service=\"user-service\"} 0"), "{exposition}");
    assert!(exposition.contains(r#"route="/never",status="499"} 1"#), "{exposition}");
    let lines = observed.json_lines().await;
    assert_eq!(lines[0]["http.response.status_code"], 499);
    assert_eq!(lines[0]["span_id"], span.span_context.span_id().to_string());
}

#[tokio::test]
async fn each_request_is_one_line_whose_level_follows_the_status() {
    let observed = observe(quiet("user-service"));
    for path in ["/users/7", "/no/such/route", "/broken"] {
        send(app(&observed), request(path)).await;
    }
    let lines = observed.json_lines().await;
    let seen: Vec<_> = lines
        .iter()
        .map(|line| {
            (line["level"].as_str(), line["http.response.status_code"].as_u64(), line["http.route"].as_str())
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Some("INFO"), Some(200), Some("/users/{id}")),
            (Some("WARN"), Some(404), Some("<unknown>")),
            (Some("ERROR"), Some(503), Some("/broken")),
        ]
    );
    assert!(
        lines.iter().all(|line| line["message"] == "request" && line["duration_ms"].is_f64()),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_refusals_line_says_what_the_client_was_told() {
    let observed = observe(quiet("user-service"));
    let refuse = || async { (StatusCode::CONFLICT, Extension(Detail("only 3 are left".to_owned()))) };
    let app =
        Router::new().route("/refused", get(refuse)).layer(telemetry::server::layer(observed.metrics()));
    send(app, request("/refused")).await;
    send(self::app(&observed), request("/broken")).await;
    let lines = observed.json_lines().await;
    assert_eq!(lines[0]["detail"], "only 3 are left");
    assert!(lines[1].get("detail").is_none(), "{}", lines[1]);
}

#[tokio::test]
async fn a_higher_log_level_costs_no_spans() {
    let mut config = quiet("user-service");
    config.filter = "error".to_owned();
    let observed = observe(config);
    send(app(&observed), request("/users/7")).await;
    assert_eq!(observed.span().name, "GET /users/{id}");
    assert!(observed.json_lines().await.is_empty());
}
