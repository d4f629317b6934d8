//! A dependency that hangs is given time: order-service retries within its budget, then stops asking and refuses at once,
//! and asks again by itself when the dependency is back.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Setup, Stack, eventually, signal};

/// As long as one attempt waits for product-service, which hangs.
const ATTEMPT: Duration = Duration::from_secs(2);

/// A metric of order-service about product-service.
async fn of_products(stack: &Stack, metric: &str) -> u64 {
    let url = format!("{}/metrics", stack.url("order-service"));
    let text = stack.http.get(url).send().await.expect("an answer").text().await.expect("metrics");
    let sample = format!("{metric}{{service=\"order-service\",peer=\"product-service\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&sample));
    value.unwrap_or_else(|| panic!("no {metric} in {text}")).parse().expect("a number")
}

/// Places an order: its status, its `Retry-After`, and why it was refused.
async fn place(stack: &Stack) -> (u16, Option<u64>, String) {
    let order = json!({"user_id": 1, "product_id": 102, "quantity": 1});
    let answer = stack.order(&order, "resilience").await;
    let status = answer.status().as_u16();
    let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body: Value = answer.json().await.expect("JSON");
    (status, wait, body["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_hanging_dependency_is_retried_within_the_budget_then_left_alone_until_it_is_back() {
    let attempt = ATTEMPT.as_millis().to_string();
    // Every second call earns a retry, and time earns none: the bound does not depend on how long the test takes.
    let stack = Setup::default()
        .arg("--no-load")
        .env("OUTBOUND_TIMEOUT_MS", &attempt)
        .env("OUTBOUND_DEADLINE_MS", "10000")
        .env("RETRY_BUDGET_PERCENT", "50")
        .env("RETRY_BUDGET_MIN_PER_SECOND", "0")
        .start()
        .await;
    assert_eq!(place(&stack).await.0, 201);
    assert_eq!(of_products(&stack, "circuit_breaker_state").await, 0, "closed");
    // Each call may earn half a retry, so those before the outage count, too.
    let mut calls = 2;
    let before = of_products(&stack, "retries_total").await;

    // Stopped, not killed: it would be restarted at once.
    let products = stack.pids()["product-service"];
    signal(products, Signal::STOP);
    let deadline = Instant::now() + crate::harness::PATIENCE;
    while of_products(&stack, "circuit_breaker_state").await != 1 {
        assert!(Instant::now() < deadline, "the breaker does not open");
        for (status, wait, detail) in join_all((0..6).map(|_| place(&stack))).await {
            assert_eq!(status, 503, "{detail}");
            assert!(wait.is_some_and(|seconds| seconds >= 1), "{wait:?}");
        }
        calls += 6;
    }
    let retries = of_products(&stack, "retries_total").await - before;
    assert!((1..=calls / 2).contains(&retries), "{retries} retries of {calls} calls");

    // Now and then a probe finds out whether the dependency is back; all others are refused before an attempt, to which
    // nobody answers, could have come to its end.
    eventually("an order is refused at once", || async {
        let asked = Instant::now();
        let (status, wait, detail) = place(&stack).await;
        assert_eq!(status, 503, "{detail}");
        assert!(wait.is_some_and(|seconds| seconds >= 1), "{wait:?}");
        (asked.elapsed() < ATTEMPT).then_some(())
    })
    .await;

    signal(products, Signal::CONT);
    eventually("orders work again", || async { (place(&stack).await.0 == 201).then_some(()) }).await;
    eventually("the breaker closes", || async {
        place(&stack).await;
        (of_products(&stack, "circuit_breaker_state").await == 0).then_some(())
    })
    .await;
    assert_eq!(place(&stack).await.0, 201);
}
