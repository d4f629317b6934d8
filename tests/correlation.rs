//! One correlation id joins every hop and every signal.

use std::collections::BTreeSet;

use query::{Window, loki::Direction, trace};
use serde_json::json;

use crate::harness::{Stack, eventually};

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

#[tokio::test]
async fn an_order_is_found_in_all_three_signals_by_its_correlation_id() {
    let stack = Stack::quiet().await;
    let order = json!({"user_id": 1, "product_id": 101, "quantity": 2});
    let answer = stack.order(&order, "first-order.42").await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["x-correlation-id"], "first-order.42");
    let baggage: Vec<_> = answer.headers().keys().filter(|name| name.as_str() == "baggage").collect();
    assert!(baggage.is_empty(), "baggage is not echoed");

    let query = stack.query();
    // The order's own trace, and later that of the delivery of its notification.
    let ids = eventually("two traces", || async {
        let found =
            trace::find_by_correlation(&query.jaeger, &query.loki, "first-order.42", Window::last(HOUR))
                .await;
        found.ok().filter(|ids| ids.len() == 2)
    })
    .await;
    let tree = eventually("a whole trace", || async {
        let tree = trace::load(&query, ids[0]).await.ok()?.tree;
        let services: BTreeSet<_> = tree.services.iter().map(String::as_str).collect();
        (services == BTreeSet::from(["order-service", "product-service", "user-service"])).then_some(tree)
    })
    .await;
    for node in &tree.nodes {
        let id = node.span.tag_text("correlation.id");
        assert_eq!(id.as_deref(), Some("first-order.42"), "{} in {}", node.span.operation_name, node.service);
    }
    // Its spans come from two services, in any order.
    eventually("a delivery that links to the order's trace", || async {
        let delivery = trace::load(&query, ids[1]).await.ok()?.tree;
        let mut links = delivery.nodes.iter().flat_map(|node| node.links());
        links.any(|link| link.trace_id == ids[0]).then_some(())
    })
    .await;

    let lines = eventually("lines of all three services", || async {
        let logql = r#"{service_name=~".+"} | correlation_id="first-order.42""#;
        let lines = query.loki.query_range(logql, Window::last(HOUR), 1000, Direction::Forward).await.ok()?;
        let services: BTreeSet<_> = lines.iter().map(|line| line.service().to_owned()).collect();
        (services.len() == 3 && lines.iter().any(|line| line.message() == "order confirmed")).then_some(lines)
    })
    .await;
    for line in &lines {
        assert!(line.trace_id().is_some_and(|id| ids.contains(&id)), "{line:?}");
        assert!(line.span_id().is_some(), "{line:?}");
    }

    // The metric it is counted in carries its trace id as an exemplar.
    eventually("an exemplar", || async {
        let expression =
            r#"http_server_request_duration_seconds_bucket{service="order-service",route="/orders"}"#;
        let found = query.prometheus.exemplars(expression, Window::last(HOUR)).await.ok()?;
        let of_order =
            |e: &query::prometheus::Exemplar| e.labels.get("trace_id") == Some(&ids[0].to_string());
        found.iter().any(|series| series.exemplars.iter().any(of_order)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_hostile_correlation_id_or_baggage_goes_nowhere() {
    let stack = Stack::quiet().await;
    let request = stack.http.get(format!("{}/users/1", stack.url("user-service")));
    let answer = request
        .header("X-Correlation-ID", "x".repeat(129))
        .header("baggage", "user.email=alice@example.com")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let given = answer.headers()["x-correlation-id"].to_str().expect("text").to_owned();
    assert!(!given.contains("xxx") && !given.is_empty(), "{given}");

    let query = stack.query();
    let ids = eventually("its trace", || async {
        let found = trace::find_by_correlation(&query.jaeger, &query.loki, &given, Window::last(HOUR)).await;
        found.ok().filter(|ids| !ids.is_empty())
    })
    .await;
    // Its log lines may have told the id before its spans were there.
    let json =
        eventually("its spans", || async { query.jaeger.trace_json(ids[0]).await.ok() }).await.to_string();
    assert!(json.contains(&given), "{json}");
    assert!(!json.contains("alice@example.com"), "{json}");
}
