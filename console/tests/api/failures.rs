//! APIs that do not answer: the rest is shown, and which one it is is said.

use crate::{config, get, stub, words};
use axum::{Router, http::StatusCode};
use std::time::Duration;
use tokio::time::Instant;

/// Bound, but not listening: connections are refused as long as the socket lives.
fn refused() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", socket.local_addr().unwrap());
    (socket, base)
}

fn app(prometheus: &str, loki: &str, jaeger: &str) -> Router {
    console::router(&config(prometheus, loki, jaeger)).unwrap()
}

#[tokio::test]
async fn home_without_prometheus_still_lists_orders() {
    let (_socket, down) = refused();
    let up = stub::serve(words()).await;
    let page = get(&app(&down, &up, &up), "/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("<strong>Prometheus does not answer.</strong>"));
    assert_eq!(page.body.matches("does not answer").count(), 1, "said once, not once per question");
    assert!(page.body.contains("product-service: pool exhausted"));
}

#[tokio::test]
async fn home_with_nothing_at_all_says_so_and_stays() {
    let (_socket, down) = refused();
    let page = get(&app(&down, &down, &down), "/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains("Prometheus does not answer.") && page.body.contains("Jaeger does not answer.")
    );
    assert!(page.body.contains(&format!("nothing answers at {down}")));
    for untrue in ["No requests have been measured", "No order has arrived", "answered in the last"] {
        assert!(!page.body.contains(untrue), "nobody could know that: {untrue}");
    }
    assert_eq!(page.body.matches("Not known").count(), 2, "the services and the orders");
}

#[tokio::test]
async fn a_trace_without_loki_or_prometheus_still_shows_its_spans() {
    let (_socket, down) = refused();
    let up = stub::serve(words()).await;
    let page = get(&app(&down, &down, &up), &format!("/trace/{}", stub::TRACE)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Loki does not answer.") && page.body.contains("Prometheus does not answer."));
    assert!(page.body.contains("SELECT idempotency_keys") && page.body.contains("no answer"));
}

#[tokio::test]
async fn a_trace_without_jaeger_is_a_bad_gateway_not_an_unknown_trace() {
    let (_socket, down) = refused();
    let up = stub::serve(words()).await;
    let app = app(&up, &up, &down);
    for uri in [format!("/trace/{}", stub::TRACE), format!("/search?q={}", stub::TRACE)] {
        let page = get(&app, &uri).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{uri}");
        assert!(page.body.contains("Jaeger does not answer."), "{uri}");
    }
}

#[tokio::test]
async fn a_correlation_id_is_not_unknown_only_because_nobody_answered() {
    let (_socket, down) = refused();
    let page = get(&app(&down, &down, &down), "/correlation/c-42").await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
}

/// Takes every question and answers none.
async fn hanging() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(|| async { std::future::pending::<()>().await });
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

#[tokio::test(start_paused = true)]
async fn home_names_the_apis_that_hang_after_two_seconds() {
    let hung = hanging().await;
    let began = Instant::now();
    let page = get(&app(&hung, &hung, &hung), "/").await;
    assert_eq!(page.status, StatusCode::OK);
    for api in ["Prometheus", "Jaeger"] {
        let wanted = format!("<strong>{api} gave no answer within 2 s.</strong>");
        assert!(page.body.contains(&wanted), "{}", page.body);
    }
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_trace_whose_lines_and_counters_hang_waits_for_both_at_once() {
    let (hung, up) = (hanging().await, stub::serve(words()).await);
    let began = Instant::now();
    let page = get(&app(&hung, &hung, &up), &format!("/trace/{}", stub::TRACE)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("SELECT idempotency_keys"), "the spans are there");
    for api in ["Prometheus", "Loki"] {
        assert!(page.body.contains(&format!("<strong>{api} gave no answer within 5 s.</strong>")), "{api}");
    }
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_correlation_id_is_given_up_before_a_browser_is_left_waiting() {
    let hung = hanging().await;
    let began = Instant::now();
    let page = get(&app(&hung, &hung, &hung), "/correlation/c-42").await;
    assert_eq!(page.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(page.body.contains("gave no answer within 2 s."), "{}", page.body);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
