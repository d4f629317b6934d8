//! Every response that the OpenAPI document lists can be had, and no other one is given.

use chassis::testing::{Exerciser, get, post, refuse_bad_bodies};
use serde_json::json;
use telemetry::db::{Statement, query};
use telemetry::statement;

use crate::support::service;

static BREAK_PRODUCTS: Statement = statement!("ALTER", "products", "ALTER TABLE products RENAME TO gone");
static BREAK_RESERVATIONS: Statement =
    statement!("ALTER", "reservations", "ALTER TABLE reservations RENAME TO lost");

fn reserve(id: &str, quantity: i64) -> serde_json::Value {
    json!({ "quantity": quantity, "reservation_id": id })
}

#[tokio::test]
async fn every_documented_response_is_exercised() {
    let service = service().await;
    let api = Exerciser::new(service.router.clone()).await;

    let keyboard = api.send(get("/products/101")).await;
    let expected = json!({
        "id": 101, "name": "Wireless Keyboard", "category": "keyboard", "price": 49.99, "stock": 150
    });
    assert_eq!((keyboard.status, keyboard.json), (200, expected));
    assert_eq!(api.send(get("/products/x")).await.status, 400);
    assert_eq!(api.send(get("/products/1")).await.status, 404);
    assert_eq!(api.send(get("/products?category=hub&q=usb&page=1&per_page=2")).await.status, 200);
    assert_eq!(api.send(get(&format!("/products?q={}", "x".repeat(65)))).await.status, 400);

    assert_eq!(api.send(post("/products/batch", &json!({ "ids": [101, 5] }))).await.status, 200);
    assert_eq!(api.send(post("/products/batch", &json!({ "ids": [] }))).await.status, 422);
    let too_many: Vec<i64> = (0..101).collect();
    assert_eq!(api.send(post("/products/batch", &json!({ "ids": too_many }))).await.status, 422);
    refuse_bad_bodies(&api, "/products/batch").await;

    let reserved = api.send(post("/products/101/reserve", &reserve("r-1", 2))).await;
    let expected = json!({
        "reservation_id": "r-1", "product_id": 101, "quantity": 2, "status": "reserved", "remaining": 148
    });
    assert_eq!((reserved.status, reserved.json), (200, expected));
    assert_eq!(api.send(post("/products/5/reserve", &reserve("r-2", 1))).await.status, 404);
    assert_eq!(api.send(post("/products/9001/reserve", &reserve("r-3", 1))).await.status, 409);
    for bad in [
        reserve("r-4", 0),
        reserve("r-4", 1001),
        reserve("", 1),
        reserve(&"x".repeat(65), 1),
        reserve("r\0", 1),
    ] {
        assert_eq!(api.send(post("/products/101/reserve", &bad)).await.status, 422, "{bad}");
    }
    refuse_bad_bodies(&api, "/products/101/reserve").await;

    assert_eq!(api.send(post("/products/102/release", &reserve("r-1", 0))).await.status, 409);
    assert_eq!(api.send(post("/products/5/release", &reserve("r-2", 0))).await.status, 404);
    let control = json!({ "reservation_id": "r-1\n" });
    assert_eq!(api.send(post("/products/101/release", &control)).await.status, 422);
    let released = api.send(post("/products/101/release", &json!({ "reservation_id": "r-1" }))).await;
    let expected = json!({ "reservation_id": "r-1", "product_id": 101, "status": "released" });
    assert_eq!((released.status, released.json), (200, expected));
    refuse_bad_bodies(&api, "/products/101/release").await;

    assert_eq!(
        api.send(get("/health")).await.json,
        json!({ "status": "healthy", "service": "product-service" })
    );
    assert_eq!(api.send(get("/ready")).await.status, 200);

    let broken = self::service().await;
    broken.app.database.execute(query(&BREAK_PRODUCTS)).await.unwrap();
    broken.app.database.execute(query(&BREAK_RESERVATIONS)).await.unwrap();
    let closed = self::service().await;
    closed.app.database.close().await;
    for (router, status) in [(broken.router, 500), (closed.router, 503)] {
        let api = api.on(router);
        assert_eq!(api.send(get("/products/101")).await.status, status);
        assert_eq!(api.send(get("/products")).await.status, status);
        assert_eq!(api.send(post("/products/batch", &json!({ "ids": [101] }))).await.status, status);
        assert_eq!(api.send(post("/products/101/reserve", &reserve("r-9", 1))).await.status, status);
        assert_eq!(api.send(post("/products/101/release", &reserve("r-9", 1))).await.status, status);
        if status == 503 {
            assert_eq!(api.send(get("/ready")).await.status, 503);
        }
    }

    let missing = api.unexercised();
    assert!(missing.is_empty(), "documented and never seen: {missing:?}");
}
