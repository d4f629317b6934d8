//! What every route gets from the layers around it.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use chassis::extract::Json;
use chassis::layers::{HttpSettings, around};
use chassis::limits::HttpLimits;
use chassis::problem::{self, Problem};
use chassis::settings::List;
use chassis::testing::{Reply, get as get_request, raw_post, send};
use telemetry::Metrics;
use telemetry::server::Detail;
use tower::ServiceExt;

fn app() -> Router {
    async fn hang() {
        std::future::pending::<()>().await;
    }
    async fn fail() -> &'static str {
        panic!("the reason stays inside")
    }
    async fn sum(Json(numbers): Json<Vec<u32>>) -> String {
        numbers.iter().sum::<u32>().to_string()
    }
    let routes = Router::new().route("/hang", get(hang)).route("/panic", get(fail)).route("/sum", post(sum));
    let limits = HttpLimits { request_timeout: Duration::from_millis(20), ..HttpLimits::default() };
    let settings = HttpSettings::add(&mut List::new(), &limits);
    around(routes, &limits, &settings, &Metrics::new("test-service", "0.0.0"))
}

fn assert_problem(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status);
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert_eq!(reply.json["status"], status);
    assert_eq!(reply.json["correlation_id"], reply.headers["x-correlation-id"].to_str().unwrap());
}

#[tokio::test]
async fn a_problem_hands_its_detail_to_the_line_of_its_request() {
    async fn refuse() -> Problem {
        Problem::conflict("in-flight", "a request with this key is under way")
    }
    let app = Router::new().route("/", get(refuse)).layer(from_fn(problem::render));
    let answer = app.oneshot(get_request("/")).await.unwrap();
    let detail = answer.extensions().get::<Detail>().unwrap();
    assert_eq!(detail.0, "a request with this key is under way");
}

#[tokio::test]
async fn an_unknown_path_is_a_404_problem() {
    assert_problem(&send(&app(), get_request("/nothing")).await, 404);
}

#[tokio::test]
async fn a_wrong_method_is_a_405_problem_that_names_the_right_one() {
    let reply = send(&app(), get_request("/sum")).await;
    assert_problem(&reply, 405);
    assert_eq!(reply.headers["allow"], "POST");
}

#[tokio::test]
async fn a_handler_that_hangs_is_a_503_problem_with_retry_after() {
    let reply = send(&app(), get_request("/hang")).await;
    assert_problem(&reply, 503);
    assert_eq!(reply.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_panic_is_a_500_problem_that_keeps_its_reason_inside() {
    let reply = send(&app(), get_request("/panic")).await;
    assert_problem(&reply, 500);
    assert!(!reply.json.to_string().contains("the reason"));
}

#[tokio::test]
async fn the_clients_correlation_id_comes_back_in_header_and_problem() {
    let mut request = raw_post("/sum", "[1,");
    request.headers_mut().insert("x-correlation-id", "c-42".parse().unwrap());
    let reply = send(&app(), request).await;
    assert_problem(&reply, 400);
    assert_eq!(reply.headers["x-correlation-id"], "c-42");
}

#[tokio::test]
async fn metrics_are_served_and_do_not_count_themselves() {
    let app = app();
    send(&app, raw_post("/sum", "[1, 2]")).await;
    let request = Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("route=\"/sum\"") && !text.contains("route=\"/metrics\""), "{text}");
}
