//! Every response that the OpenAPI document lists can be had, and no other one is given.

use chassis::testing::{Exerciser, get, post, raw_post, refuse_bad_bodies};
use serde_json::json;
use telemetry::db::{Statement, query};
use telemetry::statement;

use crate::support::{service, service_with};

static BREAK_USERS: Statement = statement!("ALTER", "users", "ALTER TABLE users RENAME TO gone");

fn notification(event: &str) -> serde_json::Value {
    json!({ "event_id": event, "type": "order.confirmed", "order_id": 7, "total": 49.99 })
}

#[tokio::test]
async fn every_documented_response_is_exercised() {
    let service = service().await;
    let api = Exerciser::new(service.router.clone()).await;

    let alice = api.send(get("/users/1")).await;
    assert_eq!(
        (alice.status, alice.json),
        (200, json!({ "id": 1, "name": "Alice Johnson", "email": "alice@example.com" }))
    );
    assert_eq!(api.send(get("/users/2")).await.json["name"], "Bob Smith");
    assert_eq!(api.send(get("/users/one")).await.status, 400);
    assert_eq!(api.send(get("/users/1001")).await.status, 404);

    let page = api.send(get("/users?page=2&per_page=3")).await;
    assert_eq!(
        (&page.json["page"], &page.json["per_page"], &page.json["total"]),
        (&json!(2), &json!(3), &json!(1000))
    );
    assert_eq!(
        page.json["users"].as_array().unwrap().iter().map(|u| u["id"].as_i64().unwrap()).collect::<Vec<_>>(),
        [4, 5, 6]
    );
    for bad in ["page=0", "per_page=101", "page=x", "page=4294967296"] {
        assert_eq!(api.send(get(&format!("/users?{bad}"))).await.status, 400, "{bad}");
    }

    let login = json!({ "email": "alice@example.com", "password": "correct-horse" });
    assert_eq!(api.send(post("/sessions", &login)).await.status, 201);
    assert_eq!(api.send(post("/sessions", &json!({ "email": "x", "password": "y" }))).await.status, 401);
    let control = json!({ "email": "alice@example.com\0", "password": "correct-horse" });
    assert_eq!(api.send(post("/sessions", &control)).await.status, 422);
    refuse_bad_bodies(&api, "/sessions").await;

    let path = "/users/1/notifications";
    assert_eq!(api.send(post(path, &notification("e-1"))).await.status, 201);
    assert_eq!(api.send(post(path, &notification("e-1"))).await.status, 200);
    assert_eq!(api.send(post("/users/2/notifications", &notification("e-1"))).await.status, 409);
    assert_eq!(api.send(post("/users/1001/notifications", &notification("e-2"))).await.status, 404);
    let mut control = notification("e-2");
    control["type"] = json!("order\u{7}");
    for control in [notification("e\0"), control] {
        assert_eq!(api.send(post(path, &control)).await.status, 422, "{control}");
    }
    refuse_bad_bodies(&api, path).await;
    assert_eq!(api.send(get(path)).await.status, 200);
    assert_eq!(api.send(get("/users/1/notifications?page=0")).await.status, 400);
    assert_eq!(api.send(get("/users/1001/notifications")).await.status, 404);

    assert_eq!(
        api.send(get("/health")).await.json,
        json!({ "status": "healthy", "service": "user-service" })
    );
    assert_eq!(api.send(get("/ready")).await.status, 200);
    service.app.draining.cancel();
    let draining = api.send(get("/ready")).await;
    assert_eq!((draining.status, &draining.json["reasons"]), (503, &json!(["draining"])));

    let broken = self::service().await;
    broken.app.database.execute(query(&BREAK_USERS)).await.unwrap();
    let closed = self::service().await;
    closed.app.database.close().await;
    for (router, status) in [(broken.router, 500), (closed.router, 503)] {
        let api = api.on(router);
        assert_eq!(api.send(get("/users/1")).await.status, status);
        assert_eq!(api.send(get("/users")).await.status, status);
        assert_eq!(api.send(post("/sessions", &login)).await.status, status);
        assert_eq!(api.send(post(path, &notification("e-3"))).await.status, status);
        assert_eq!(api.send(get(path)).await.status, status);
    }

    let missing = api.unexercised();
    assert!(missing.is_empty(), "documented and never seen: {missing:?}");
}

#[tokio::test]
async fn a_pool_without_a_free_connection_answers_503_and_counts_the_wait() {
    let service = service_with(|config| {
        config.database.max_connections = 1;
        // Long enough to open a connection on a busy machine: the refusal is waited for once.
        config.database.acquire_timeout = std::time::Duration::from_secs(1);
    })
    .await;
    let held = service.app.database.acquire().await.unwrap();
    let reply = chassis::testing::send(&service.router, get("/users/1")).await;
    assert_eq!((reply.status, reply.headers["retry-after"].to_str().unwrap()), (503, "1"));
    let metrics = service.metrics.encode();
    assert!(
        metrics.contains("db_client_connections_timeouts_total{service=\"user-service\"} 1"),
        "{metrics}"
    );
    drop(held);
    assert_eq!(chassis::testing::send(&service.router, get("/users/1")).await.status, 200);
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_refused_without_being_read() {
    let service = service_with(|config| config.http.body_limit = 1024).await;
    let body = format!("{{\"email\": \"{}\", \"password\": \"\"}}", "x".repeat(2000));
    assert_eq!(chassis::testing::send(&service.router, raw_post("/sessions", body)).await.status, 413);
}
