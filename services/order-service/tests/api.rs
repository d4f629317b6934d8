//! Every response that the OpenAPI document lists can be had, and no other one is given.

use std::sync::Arc;

use axum::extract::Request;
use chassis::testing::{Exerciser, get, post, refuse_bad_bodies};
use serde_json::json;
use telemetry::db::{Statement, query};
use telemetry::statement;
use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Shop, single};

/// An order under an idempotency key.
fn keyed(product: i64, key: &str) -> Request {
    let mut request = post("/orders", &single(product));
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

static BREAK_ORDERS: Statement = statement!("ALTER", "orders", "ALTER TABLE orders RENAME TO gone");

#[tokio::test]
async fn every_documented_response_is_exercised() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let api = Exerciser::new(orders.router.clone()).await;

    let placed = api.send(post("/orders", &single(101))).await;
    assert_eq!(placed.status, 201);
    let id = placed.json["id"].as_i64().unwrap();
    let expected = json!({
        "id": id,
        "user": { "id": 1, "name": "Alice Johnson", "email": "alice@example.com" },
        "product": "Wireless Keyboard", "price": 49.99, "quantity": 1, "total": 49.99, "status": "confirmed",
        "items": [{ "product_id": 101, "product": "Wireless Keyboard", "price": 49.99, "quantity": 1 }],
        "created_at": placed.json["created_at"],
    });
    assert_eq!(placed.json, expected);
    let read = api.send(get(&format!("/orders/{id}"))).await;
    assert_eq!((read.status, read.json), (200, expected));

    assert_eq!(
        api.send(post("/orders", &json!({ "user_id": 5000, "product_id": 101, "quantity": 1 }))).await.status,
        400
    );
    assert_eq!(api.send(post("/orders", &single(5))).await.status, 400);
    for (product, status) in [(101, 201), (5, 400), (9001, 409)] {
        let key = format!("twice-{product}");
        assert_eq!(api.send(keyed(product, &key)).await.status, status);
        let again = api.send(keyed(product, &key)).await;
        assert_eq!((again.status, again.headers["idempotency-replayed"].as_bytes()), (status, &b"true"[..]));
    }
    let reserved = shop.products.hits("/101/reserve");
    let hold = Arc::new(Semaphore::new(0));
    shop.products.on("/101/reserve", Fate::Hold(Arc::clone(&hold)));
    let meanwhile = async {
        shop.products.wait_for("/101/reserve", reserved + 1).await;
        let meanwhile = api.send(keyed(101, "at-once")).await;
        hold.add_permits(1);
        meanwhile
    };
    let (first, meanwhile) = tokio::join!(api.send(keyed(101, "at-once")), meanwhile);
    assert_eq!((first.status, meanwhile.status), (201, 409));
    shop.products.rule(|_| Fate::Pass);
    assert_eq!(api.send(post("/orders", &single(9001))).await.status, 409);
    let wrong_type = json!({ "user_id": 1, "product_id": "101", "quantity": 1 });
    assert_eq!(api.send(post("/orders", &wrong_type)).await.status, 422);
    for bad_key in ["with space", "with\ttab"] {
        assert_eq!(api.send(keyed(101, bad_key)).await.status, 400, "{bad_key:?}");
    }
    refuse_bad_bodies(&api, "/orders").await;
    shop.users.on("/users/1", Fate::Refuse(503, 0));
    assert_eq!(api.send(post("/orders", &single(101))).await.status, 503);
    shop.users.rule(|_| Fate::Pass);

    assert_eq!(api.send(get("/orders/x")).await.status, 400);
    assert_eq!(api.send(get("/orders/999")).await.status, 404);
    assert_eq!(
        api.send(get("/orders?user_id=1&page=1&per_page=1")).await.json["orders"][0]["items"][0]["product_id"],
        9001
    );
    assert_eq!(api.send(get("/orders")).await.status, 400);
    assert_eq!(
        api.send(get("/health")).await.json,
        json!({ "status": "healthy", "service": "order-service" })
    );
    assert_eq!(api.send(get("/ready")).await.status, 200);

    orders.app.database.execute(query(&BREAK_ORDERS)).await.unwrap();
    assert_eq!(api.send(post("/orders", &single(101))).await.status, 500);
    assert_eq!(api.send(get("/orders/1")).await.status, 500);
    assert_eq!(api.send(get("/orders?user_id=1")).await.status, 500);
    orders.app.database.close().await;
    assert_eq!(api.send(post("/orders", &single(101))).await.status, 503);
    assert_eq!(api.send(get("/orders/1")).await.status, 503);
    assert_eq!(api.send(get("/orders?user_id=1")).await.status, 503);
    assert_eq!(api.send(get("/ready")).await.status, 503);

    let missing = api.unexercised();
    assert!(missing.is_empty(), "documented and never seen: {missing:?}");
}

#[tokio::test]
async fn an_order_of_several_items_lists_them_and_adds_them_up() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let items = json!([{ "product_id": 102, "quantity": 2 }, { "product_id": 101, "quantity": 1 }]);
    let reply = orders.order(&json!({ "user_id": 2, "items": items })).await;
    assert_eq!((reply.status, &reply.json["total"]), (201, &json!(119.97)));
    let names: Vec<_> =
        reply.json["items"].as_array().unwrap().iter().map(|item| item["product"].clone()).collect();
    assert_eq!(names, [json!("USB-C Hub"), json!("Wireless Keyboard")]);
    assert!(reply.json.get("product").is_none(), "which of them would it be?");
    assert_eq!((shop.stock(101).await, shop.stock(102).await), (149, 73));
    assert!(orders.has_sample("order_value_cents_total", "", "11997"));
}
