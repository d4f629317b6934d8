//! The services' logs reach the same place by the other way too: pushed straight to Loki.

use std::time::Duration;

use query::{Window, loki::Direction};
use serde_json::json;

use crate::harness::{Setup, eventually, said};

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
    // Whoever looks for the ids finds them, though they are in the line here and not beside it.
    eventually("its trace with its lines", || async {
        let output = stack.run(&["trace", "--correlation", "pushed"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.contains("order confirmed").then_some(())
    })
    .await;
    let output = stack.run(&["audit", "--requests", "30", "--json"]).await;
    assert!(output.status.success(), "{}", said(&output));
}
