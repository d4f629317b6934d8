//! Settings of the calls to neighbours act while the service runs.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Orders, Shop, single};

/// An order service whose user service answers each look-up with 503.
async fn failing() -> (Shop, Orders) {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.users.on("/users/1", Fate::Refuse(503, 0));
    orders.set("client.retry_budget_min_per_s", 1000).await;
    (shop, orders)
}

/// The requests that one order makes of the user service.
async fn attempts(shop: &Shop, orders: &Orders) -> usize {
    let before = shop.users.hits("/users/1");
    assert_eq!(orders.order(&single(101)).await.status, 503);
    shop.users.hits("/users/1") - before
}

#[tokio::test]
async fn a_call_is_sent_as_often_as_the_retries_say() {
    let (shop, orders) = failing().await;
    // A second's worth of retries is earned by and by.
    orders.set("client.retry_budget_ratio", 10.0).await;
    assert_eq!(attempts(&shop, &orders).await, 3);
    orders.set("client.retries", 5).await;
    assert_eq!(attempts(&shop, &orders).await, 6);
    orders.set("client.retries", 0).await;
    assert_eq!(attempts(&shop, &orders).await, 1);
}

#[tokio::test]
async fn a_pause_that_is_longer_than_the_deadline_is_no_retry() {
    let (shop, orders) = failing().await;
    orders.set("client.retry_budget_ratio", 10.0).await;
    orders.set("client.retry_jitter", false).await;
    orders.set("client.retry_backoff_max_ms", 60_000).await;
    orders.set("client.retry_backoff_ms", 60_000).await;
    assert_eq!(attempts(&shop, &orders).await, 1);
    orders.set("client.retry_backoff_max_ms", 1).await;
    assert_eq!(attempts(&shop, &orders).await, 3);
}

#[tokio::test]
async fn retries_are_those_that_the_budget_earned() {
    let (shop, orders) = failing().await;
    orders.set("client.retry_budget_min_per_s", 0).await;
    orders.set("client.retry_budget_ratio", 0.0).await;
    assert_eq!(attempts(&shop, &orders).await, 1);
    orders.set("client.retry_budget_ratio", 1.0).await;
    assert_eq!(attempts(&shop, &orders).await, 2);
    orders.set("client.retry_budget_ratio", 2.0).await;
    assert_eq!(attempts(&shop, &orders).await, 3);
}

#[tokio::test]
async fn an_attempt_may_take_as_long_as_the_timeout_of_its_peer_and_the_deadline_say() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.users.on("/users/1", Fate::Hold(Arc::new(Semaphore::new(0))));
    orders.set("client.retries", 0).await;
    orders.set("client.timeout_ms.user-service", 20).await;
    assert_eq!(orders.order(&single(101)).await.status, 503);
    let timed_out = |count: &str| {
        let labels = ",method=\"GET\",route=\"/users/{id}\",peer=\"user-service\",status=\"timeout\"";
        let name = "http_client_request_duration_seconds_count";
        let of =
            |line: &&str| line.starts_with(name) && line.contains("timeout") && line.contains("user-service");
        let text = orders.metrics.encode();
        let line = text.lines().find(of).unwrap_or_else(|| panic!("{labels} in {text}"));
        assert!(line.ends_with(&format!(" {count}")), "{line}");
    };
    timed_out("1");
    orders.set("client.timeout_ms.user-service", 60_000).await;
    orders.set("client.deadline_ms", 20).await;
    assert_eq!(orders.order(&single(101)).await.status, 503);
    timed_out("2");
}

#[tokio::test]
async fn a_breaker_that_is_turned_off_holds_nothing_back() {
    let (shop, orders) = failing().await;
    orders.set("client.retries", 0).await;
    orders.set("breaker.min_calls", 3).await;
    orders.set("breaker.threshold", 100).await;
    orders.set("breaker.open_ms", 3_600_000).await;
    for expected in [1, 1, 1, 0, 0] {
        assert_eq!(attempts(&shop, &orders).await, expected);
    }
    assert!(orders.has_sample("circuit_breaker_state", ",peer=\"user-service\"", "1"));
    orders.set("breaker.enabled", false).await;
    assert!(orders.has_sample("circuit_breaker_state", ",peer=\"user-service\"", "0"));
    for _ in 0..5 {
        assert_eq!(attempts(&shop, &orders).await, 1);
    }
}

#[tokio::test]
async fn as_many_calls_are_under_way_as_the_bulkhead_of_the_peer_has_places() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("bulkhead.limit.user-service", 1).await;
    orders.set("bulkhead.wait_ms", 1).await;
    let hold = Arc::new(Semaphore::new(0));
    shop.users.on("/users/1", Fate::Hold(Arc::clone(&hold)));
    let wish = single(101);
    let others = async {
        shop.users.wait_for("/users/1", 1).await;
        assert_eq!(orders.order(&wish).await.status, 503);
        assert!(orders.has_sample("bulkhead_rejected_total", ",peer=\"user-service\"", "1"));
        orders.set("bulkhead.limit.user-service", 2).await;
        let release = async {
            shop.users.wait_for("/users/1", 2).await;
            hold.add_permits(2);
        };
        tokio::join!(orders.order(&wish), release).0
    };
    let (first, third) = tokio::join!(orders.order(&wish), others);
    assert_eq!((first.status, third.status), (201, 201));
}
