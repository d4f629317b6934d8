//! Settings of the database and of orders act while the service runs.

use std::sync::Arc;

use chassis::testing::{get, send};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Orders, Shop, eventually, set, single};

fn pending(orders: &Orders, callers: &str) -> bool {
    orders.has_sample("db_client_connections_pending_requests", "", callers)
}

#[tokio::test]
async fn a_pool_that_shrinks_lets_callers_wait_and_one_that_grows_serves_them() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("db.pool.max_connections", 1).await;
    assert!(orders.has_sample("db_client_connections_max", "", "1"));
    let held = orders.app.database.acquire().await.unwrap();
    let router = orders.router.clone();
    let read = tokio::spawn(async move { send(&router, get("/orders/1")).await.status });
    eventually("the second caller waits", || async { pending(&orders, "1") }).await;
    orders.set("db.pool.max_connections", 2).await;
    assert_eq!(read.await.unwrap(), 404);
    assert!(pending(&orders, "0") && orders.has_sample("db_client_connections_max", "", "2"));
    drop(held);
}

#[tokio::test]
async fn callers_give_up_when_the_acquire_timeout_says_so() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("db.pool.max_connections", 1).await;
    let _held = orders.app.database.acquire().await.unwrap();
    orders.set("db.pool.acquire_timeout_ms", 1).await;
    let before = orders.metrics.encode();
    let reply = send(&orders.router, get("/orders/1")).await;
    assert_eq!((reply.status, &reply.json["type"]), (503, &json!("urn:problem:database-unavailable")));
    let timeouts = |text: &str| {
        text.lines().find(|line| line.starts_with("db_client_connections_timeouts_total")).map(str::to_owned)
    };
    assert_ne!(timeouts(&before), timeouts(&orders.metrics.encode()));
}

#[tokio::test]
async fn a_request_is_answered_for_after_the_request_timeout() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let hold = Arc::new(Semaphore::new(0));
    shop.users.on("/users/1", Fate::Hold(Arc::clone(&hold)));
    orders.set("http.request_timeout_ms", 20).await;
    let reply = orders.order(&single(101)).await;
    assert_eq!((reply.status, &reply.json["detail"]), (503, &json!("no answer within 20 ms")));
    // The order goes on without its client.
    hold.add_permits(10);
    eventually("it is confirmed", || async { orders.list(1).await["orders"][0]["status"] == "confirmed" })
        .await;
}

#[tokio::test]
async fn requests_beyond_the_concurrency_limit_are_refused_and_probes_are_not() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("http.concurrency_limit", 1).await;
    let hold = Arc::new(Semaphore::new(0));
    shop.users.on("/users/1", Fate::Hold(Arc::clone(&hold)));
    let wish = single(101);
    let first = orders.order(&wish);
    let others = async {
        shop.users.wait_for("/users/1", 1).await;
        let second = send(&orders.router, get("/orders/1")).await;
        assert_eq!((second.status, &second.json["type"]), (503, &json!("urn:problem:overloaded")));
        assert_eq!(send(&orders.router, get("/ready")).await.status, 200);
        orders.set("http.concurrency_limit", 2).await;
        assert_eq!(send(&orders.router, get("/orders/9")).await.status, 404);
        hold.add_permits(1);
    };
    let (first, ()) = tokio::join!(first, others);
    assert_eq!(first.status, 201);
}

/// Finds so many connections in use while an order waits for a neighbour.
async fn in_use_during_a_call(scope: &str, used: &str) {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("orders.connection_scope", scope).await;
    let hold = Arc::new(Semaphore::new(0));
    shop.users.on("/users/1", Fate::Hold(Arc::clone(&hold)));
    let wish = single(101);
    let look = async {
        shop.users.wait_for("/users/1", 1).await;
        // One that was used before may be on its way back.
        let used = || async { orders.has_sample("db_client_connections_usage", ",state=\"used\"", used) };
        eventually("as many are in use", used).await;
        hold.add_permits(1);
    };
    let (reply, ()) = tokio::join!(orders.order(&wish), look);
    assert_eq!(reply.status, 201);
}

#[tokio::test]
async fn a_connection_is_held_across_the_calls_when_its_scope_is_the_request() {
    in_use_during_a_call("query", "0").await;
    in_use_during_a_call("request", "1").await;
}

#[tokio::test]
async fn orders_of_either_connection_scope_end_alike() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    for scope in ["query", "request"] {
        orders.set("orders.connection_scope", scope).await;
        assert_eq!(orders.order_with_key(&single(101), scope).await.status, 201);
        let replayed = orders.order_with_key(&single(101), scope).await;
        assert_eq!(
            (replayed.status, replayed.headers["idempotency-replayed"].to_str().unwrap()),
            (201, "true")
        );
        assert_eq!(orders.order(&single(9001)).await.status, 409);
        assert_eq!(orders.order(&single(5)).await.status, 400);
    }
}

#[tokio::test]
async fn with_a_connection_per_request_a_full_pool_is_waited_for_while_the_database_is_idle() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("orders.connection_scope", "request").await;
    orders.set("db.pool.max_connections", 1).await;
    let hold = Arc::new(Semaphore::new(0));
    shop.users.on("/users/1", Fate::Hold(Arc::clone(&hold)));
    let wish = single(101);
    let second = async {
        shop.users.wait_for("/users/1", 1).await;
        let release = async {
            eventually("the second order waits for a connection", || async { pending(&orders, "1") }).await;
            assert_eq!(shop.users.hits("/users/1"), 1, "it has not come to its calls");
            hold.add_permits(2);
        };
        tokio::join!(orders.order(&wish), release).0
    };
    let (first, second) = tokio::join!(orders.order(&wish), second);
    assert_eq!((first.status, second.status), (201, 201));
}

#[tokio::test]
async fn a_basket_is_looked_up_with_one_call_or_with_one_for_each_product() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let basket = json!({"user_id": 1, "items": [
        {"product_id": 103, "quantity": 1}, {"product_id": 101, "quantity": 2}, {"product_id": 102, "quantity": 1},
    ]});
    let batch = orders.order(&basket).await;
    assert_eq!((batch.status, shop.products.hits("/products/batch")), (201, 1));
    orders.set("orders.lookup", "each").await;
    let each = orders.order(&basket).await;
    assert_eq!((each.status, shop.products.hits("/products/batch")), (201, 1));
    for product in ["/products/101", "/products/102", "/products/103"] {
        assert_eq!(shop.products.hits(product), 1, "{product}");
    }
    assert_eq!(batch.json["items"], each.json["items"]);
    assert_eq!(orders.order(&single(5)).await.status, 400, "an unknown product is one either way");
}

#[tokio::test]
async fn orders_of_one_product_wait_for_each_other_when_they_are_told_to() {
    for (lock, other) in [("product", "/102/reserve"), ("global", "")] {
        let shop = Shop::open().await;
        let orders = shop.orders().await;
        orders.set("orders.item_lock", lock).await;
        let hold = Arc::new(Semaphore::new(0));
        shop.products.on("/101/reserve", Fate::Hold(Arc::clone(&hold)));
        let wish = single(101);
        let others = async {
            shop.products.wait_for("/101/reserve", 1).await;
            let release = async {
                eventually("both are pending", || async { orders.list(1).await["total"] == 2 }).await;
                if !other.is_empty() {
                    assert_eq!(orders.order(&single(102)).await.status, 201, "another product is free");
                }
                assert_eq!(shop.products.hits("/101/reserve"), 1, "the second waits");
                hold.add_permits(2);
            };
            tokio::join!(orders.order(&wish), release).0
        };
        let (first, second) = tokio::join!(orders.order(&wish), others);
        assert_eq!((first.status, second.status), (201, 201), "{lock}");
    }
}

#[tokio::test]
async fn a_cached_price_serves_until_its_time_is_over() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("orders.price_source", "cached").await;
    for _ in 0..3 {
        assert_eq!(orders.order(&single(101)).await.json["total"], 49.99);
    }
    assert_eq!(shop.products.hits("/products/batch"), 1);
    let basket = json!({"user_id": 1, "items": [
        {"product_id": 101, "quantity": 1}, {"product_id": 102, "quantity": 1},
    ]});
    assert_eq!(orders.order(&basket).await.json["total"], 84.98);
    assert_eq!(shop.products.hits("/products/batch"), 2, "what is not known is asked for");
    orders.set("orders.price_ttl_ms", 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    orders.order(&single(101)).await;
    assert_eq!(shop.products.hits("/products/batch"), 3);
    orders.set("orders.price_ttl_ms", 60_000).await;
    orders.set("orders.price_source", "current").await;
    orders.order(&single(101)).await;
    assert_eq!(shop.products.hits("/products/batch"), 4);
}

#[tokio::test]
async fn an_order_at_a_price_that_was_cached_before_a_sale_has_another_total_than_its_stock_is_worth() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    orders.set("orders.price_source", "cached").await;
    assert_eq!(orders.order(&single(101)).await.json["total"], 49.99);
    set(&shop.products_settings, "pricing.discount_percent", 10).await;
    let stale = orders.order(&single(101)).await;
    assert_eq!((stale.status, &stale.json["total"]), (201, &json!(49.99)));
    orders.set("orders.price_source", "current").await;
    assert_eq!(orders.order(&single(101)).await.json["total"], 44.99);
    assert!(orders.has_sample("order_value_cents_total", "", "14497"));
    let metrics =
        crate::support::client().get(format!("{}/metrics", shop.products.url)).send().await.unwrap();
    let reserved = "reservation_value_cents_total{service=\"product-service\",outcome=\"reserved\"} 13997";
    assert!(metrics.text().await.unwrap().contains(reserved), "4999 and twice 4499");
}
