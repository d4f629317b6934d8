//! The services' logs reach the same place by the other way too: pushed straight to Loki.

use std::time::Duration;

use query::{Window, loki::Direction};
use serde_json::json;

use crate::harness::{Setup, eventually};

#[tokio::test]
async fn lines_pushed_straight_to_loki_carry_the_same_ids() {
    let stack = Setup::default().arg("--no-load").env("LOG_EXPORT", "loki").start().await;
    let order = json!({"user_id": 1, "product_id": 101, "quantity": 1});
    assert_eq!(stack.order(&order, "pushed").await.status(), 201);
    let loki = stack.query().loki;
    let line = eventually("the line of the order", || async {
        let logql = r#"{service_name="order-service"} |= "order confirmed" | json | correlation_id="pushed""#;
        let found =
            loki.query_range(logql, Window::last(Duration::from_secs(600)), 10, Direction::Forward).await;
        found.ok()?.into_iter().next()
    })
    .await;
    assert!(line.trace_id().is_some(), "{line:?}");
    // Its trace is found by the correlation id too, though the id is in the line and not beside it.
    eventually("its trace", || async {
        stack.run(&["trace", "--correlation", "pushed"]).await.status.success().then_some(())
    })
    .await;
}
