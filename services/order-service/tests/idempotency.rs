//! A repeated request with the same key gets the first one's answer; the key protects one order and no other.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Shop, single};

#[tokio::test]
async fn the_same_key_and_body_replay_the_first_answer() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let first = orders.order_with_key(&single(101), "k-1").await;
    let calls = (shop.users.hits(""), shop.products.hits(""));
    let again = orders.order_with_key(&single(101), "k-1").await;
    assert_eq!((first.status, again.status, &first.json), (201, 201, &again.json));
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!((shop.users.hits(""), shop.products.hits("")), calls, "a replay calls no neighbour");
    assert_eq!(shop.stock(101).await, 149);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    assert_eq!(orders.order_with_key(&single(101), "k-1").await.status, 201);
    let other = orders.order_with_key(&single(102), "k-1").await;
    assert_eq!((other.status, other.json["type"].as_str()), (422, Some("urn:problem:key-mismatch")));
    assert_eq!(shop.stock(102).await, 75);
}

#[tokio::test]
async fn refusals_are_replayed_under_the_correlation_id_of_the_replay() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    for (product, status) in [(9001, 409), (5, 400)] {
        let key = format!("k-{product}");
        let first = orders.order_with_key(&single(product), &key).await;
        let again = orders.order_with_key(&single(product), &key).await;
        assert_eq!((first.status, again.status), (status, status));
        assert_eq!(
            (&first.json["type"], &first.json["detail"]),
            (&again.json["type"], &again.json["detail"])
        );
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_ne!(first.json["correlation_id"], again.json["correlation_id"]);
    }
}

#[tokio::test]
async fn a_key_in_flight_is_told_to_come_back() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let hold = Arc::new(Semaphore::new(0));
    shop.products.on("/101/reserve", Fate::Hold(Arc::clone(&hold)));
    let wish = single(101);
    let first = orders.order_with_key(&wish, "k-1");
    let second = async {
        shop.products.wait_for("/101/reserve", 1).await;
        let second = orders.order_with_key(&wish, "k-1").await;
        hold.add_permits(1);
        second
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((second.status, second.headers["retry-after"].to_str().unwrap()), (409, "1"));
    assert_eq!(first.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_concurrent_requests_with_one_key_are_one_order() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let wish = single(101);
    let replies = join_all((0..20).map(|_| orders.order_with_key(&wish, "k-1"))).await;
    assert!(replies.iter().any(|reply| reply.status == 201));
    assert!(replies.iter().all(|reply| matches!(reply.status, 201 | 409)));
    assert_eq!(orders.list(1).await["total"], 1);
    assert_eq!(shop.stock(101).await, 149);
}

#[tokio::test]
async fn after_a_503_the_key_is_free_for_another_try() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.products.on("/101/reserve", Fate::Refuse(503, 0));
    assert_eq!(orders.order_with_key(&single(101), "k-1").await.status, 503);
    shop.products.rule(|_| Fate::Pass);
    let again = orders.order_with_key(&single(101), "k-1").await;
    assert_eq!(again.status, 201);
    assert!(!again.headers.contains_key("idempotency-replayed"));
    assert_eq!(shop.stock(101).await, 149);
}

#[tokio::test]
async fn an_expired_answer_is_not_replayed() {
    let shop = Shop::open().await;
    let orders = shop.orders_with(|config| config.work.idempotency_ttl = std::time::Duration::ZERO).await;
    let first = orders.order_with_key(&single(101), "k-1").await;
    let again = orders.order_with_key(&single(101), "k-1").await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_ne!(first.json["id"], again.json["id"]);
}
