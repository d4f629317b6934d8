//! A neighbour in trouble is given time: retries within a budget, a breaker that opens, a bulkhead that sheds.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Orders, Shop, single};

fn breaker(orders: &Orders, peer: &str, state: &str) -> bool {
    orders.has_sample("circuit_breaker_state", &format!(",peer=\"{peer}\""), state)
}

#[tokio::test]
async fn a_short_hiccup_is_hidden_by_a_retry() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.users.once("/users/1", Fate::Refuse(503, 0));
    assert_eq!(orders.order(&single(101)).await.status, 201);
    assert_eq!(shop.users.hits("/users/1"), 2);
    assert!(orders.has_sample("retries_total", ",peer=\"user-service\"", "1"));
}

#[tokio::test]
async fn a_retry_after_beyond_the_deadline_is_passed_on_instead_of_retried() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.users.on("/users/1", Fate::Refuse(503, 30));
    let reply = orders.order(&single(101)).await;
    assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (503, "30"));
    assert_eq!(shop.users.hits("/users/1"), 1);
}

#[tokio::test]
async fn retries_stay_within_ten_percent_of_the_calls() {
    let shop = Shop::open().await;
    let orders = shop
        .orders_with(|config| {
            config.outbound.retry.budget_min_per_second = 0;
            config.outbound.breaker.min_calls = 1000;
        })
        .await;
    shop.users.on("/users/1", Fate::Refuse(503, 0));
    for _ in 0..50 {
        assert_eq!(orders.order(&single(101)).await.status, 503);
    }
    let hits = shop.users.hits("/users/1");
    assert!((54..=55).contains(&hits), "50 calls earn 5 retries, seen {hits} requests");
}

#[tokio::test]
async fn the_breaker_opens_for_the_peer_that_fails_and_closes_after_its_probes() {
    let shop = Shop::open().await;
    let orders = shop
        .orders_with(|config| {
            config.outbound.retry.max_attempts = 1;
            config.outbound.breaker.open_for = Duration::from_millis(300);
        })
        .await;
    shop.products.on("/products/batch", Fate::Refuse(500, 0));
    while !breaker(&orders, "product-service", "1") {
        assert_eq!(orders.order(&single(101)).await.status, 503);
        assert!(shop.products.hits("") <= 10, "ten failures are enough");
    }
    let hits = shop.products.hits("");
    let refused = orders.order(&single(101)).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (503, "1"));
    assert_eq!(shop.products.hits(""), hits, "an open breaker lets nothing through");
    assert!(breaker(&orders, "user-service", "0"));

    shop.products.rule(|_| Fate::Pass);
    crate::support::eventually("orders go through again", || async {
        orders.order(&single(101)).await.status == 201
    })
    .await;
    assert!(breaker(&orders, "product-service", "0"));
}

#[tokio::test]
async fn refusals_of_the_peer_do_not_open_its_breaker() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    for _ in 0..30 {
        let unknown = json!({ "user_id": 5000, "product_id": 101, "quantity": 1 });
        assert_eq!(orders.order(&unknown).await.status, 400);
    }
    assert!(breaker(&orders, "user-service", "0"));
}

#[tokio::test]
async fn a_full_bulkhead_sheds_instead_of_queueing() {
    let shop = Shop::open().await;
    let orders = shop
        .orders_with(|config| {
            config.outbound.bulkhead_max = 1;
            config.outbound.bulkhead_wait = Duration::from_millis(1);
        })
        .await;
    let hold = Arc::new(Semaphore::new(0));
    shop.users.on("/users/1", Fate::Hold(Arc::clone(&hold)));
    let wish = single(101);
    let first = orders.order(&wish);
    let second = async {
        shop.users.wait_for("/users/1", 1).await;
        let second = orders.order(&wish).await;
        hold.add_permits(1);
        second
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, second.status), (201, 503));
    assert!(orders.has_sample("bulkhead_rejected_total", ",peer=\"user-service\"", "1"));
}

#[tokio::test]
async fn a_neighbour_that_hangs_or_is_gone_is_a_503() {
    let shop = Shop::open().await;
    let hanging = shop
        .orders_with(|config| {
            config.outbound.attempt_timeout = Duration::from_millis(20);
            config.outbound.deadline = Duration::from_millis(50);
        })
        .await;
    shop.users.on("/users/1", Fate::Hold(Arc::new(Semaphore::new(0))));
    assert_eq!(hanging.order(&single(101)).await.status, 503);

    // Bound and never accepted from, then closed: a port where nobody is.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = shop.orders_with(|config| config.user_service = format!("http://{nobody}")).await;
    assert_eq!(gone.order(&single(101)).await.status, 503);
}
