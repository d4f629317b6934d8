//! An order is confirmed with all its stock or fails with none of it, whatever breaks on the way.

use serde_json::{Value, json};

use crate::proxy::Fate;
use crate::support::{Orders, Shop, single};

fn both() -> Value {
    json!({ "user_id": 1, "items": [{ "product_id": 101, "quantity": 3 }, { "product_id": 102, "quantity": 2 }] })
}

async fn assert_nothing_reserved(shop: &Shop, orders: &Orders) {
    assert_eq!((shop.stock(101).await, shop.stock(102).await), (150, 75));
    let list = orders.list(1).await;
    assert_eq!(list["orders"][0]["status"], "failed", "{list}");
}

#[tokio::test]
async fn order_returns_503_and_reserves_nothing_when_product_is_down() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.products.on("/products/batch", Fate::Refuse(503, 0));
    let reply = orders.order(&both()).await;
    assert_eq!((reply.status, reply.headers.contains_key("retry-after")), (503, true));
    assert_eq!(shop.products.hits("/reserve"), 0);
    assert!(orders.has_sample("orders_total", ",outcome=\"dependency_failed\"", "1"));
}

#[tokio::test]
async fn out_of_stock_of_the_second_item_releases_the_first() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let items = json!([{ "product_id": 101, "quantity": 3 }, { "product_id": 9001, "quantity": 1 }]);
    let reply = orders.order(&json!({ "user_id": 1, "items": items })).await;
    assert_eq!((reply.status, &reply.json["type"]), (409, &json!("urn:problem:out-of-stock")));
    assert_nothing_reserved(&shop, &orders).await;
    assert_eq!(shop.products.hits("/101/release"), 1);
    assert_eq!(shop.products.hits("/9001/release"), 0, "a refusal leaves nothing to release");
}

#[tokio::test]
async fn a_refused_second_reserve_releases_the_first() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.products.on("/102/reserve", Fate::Refuse(503, 0));
    let reply = orders.order(&both()).await;
    assert_eq!(reply.status, 503);
    assert_nothing_reserved(&shop, &orders).await;
}

#[tokio::test]
async fn a_reserve_whose_answer_was_lost_is_released() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.products.on("/102/reserve", Fate::LoseAnswer);
    let reply = orders.order(&both()).await;
    assert_eq!(reply.status, 503);
    assert_eq!(shop.products.hits("/102/release"), 1);
    assert_nothing_reserved(&shop, &orders).await;
}

#[tokio::test]
async fn a_reserve_whose_answer_was_lost_once_is_sent_again_and_counts_once() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.products.once("/102/reserve", Fate::LoseAnswer);
    assert_eq!(orders.order(&both()).await.status, 201);
    assert_eq!(shop.products.hits("/102/reserve"), 2);
    assert_eq!((shop.stock(101).await, shop.stock(102).await), (147, 73));
    assert!(orders.has_sample("retries_total", ",peer=\"product-service\"", "1"));
}

#[tokio::test]
async fn a_reserve_that_never_arrives_in_time_is_released() {
    let shop = Shop::open().await;
    let orders = shop
        .orders_with(|config| {
            // The other calls have to be answered within it, on a loaded machine too.
            config.outbound.attempt_timeout = std::time::Duration::from_millis(500);
            config.outbound.retry.max_attempts = 1;
        })
        .await;
    let late = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    shop.products.on("/102/reserve", Fate::Hold(std::sync::Arc::clone(&late)));
    assert_eq!(orders.order(&both()).await.status, 503);
    // The request was only delayed: it arrives after its release, and finds the tombstone.
    late.add_permits(1);
    assert_nothing_reserved(&shop, &orders).await;
}

#[tokio::test]
async fn unknown_user_and_product_are_told_after_both_look_ups_and_reserve_nothing() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let body = json!({ "user_id": 5000, "product_id": 101, "quantity": 1 });
    let unknown_user = orders.order(&body).await;
    assert_eq!((unknown_user.status, &unknown_user.json["type"]), (400, &json!("urn:problem:unknown-user")));
    let unknown_product = orders.order(&single(5)).await;
    assert_eq!(
        (unknown_product.status, &unknown_product.json["type"]),
        (400, &json!("urn:problem:unknown-product"))
    );
    assert_eq!((shop.users.hits(""), shop.products.hits("/products/batch")), (2, 2));
    assert_eq!(shop.products.hits(""), 2, "no reserve");
}

#[tokio::test]
async fn a_bad_body_calls_no_neighbour() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    assert_eq!(orders.order(&json!({ "user_id": 1, "product_id": 101, "quantity": 0 })).await.status, 422);
    assert_eq!((shop.users.hits(""), shop.products.hits("")), (0, 0));
}

#[tokio::test]
async fn a_product_bought_twice_in_one_order_is_reserved_twice() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let items = json!([{ "product_id": 101, "quantity": 1 }, { "product_id": 101, "quantity": 2 }]);
    assert_eq!(orders.order(&json!({ "user_id": 1, "items": items })).await.status, 201);
    assert_eq!(shop.stock(101).await, 147);
}
