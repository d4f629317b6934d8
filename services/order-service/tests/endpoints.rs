//! A neighbour may have several instances: calls are split among them, and one that is gone costs no order.

use axum::body::Body;
use axum::extract::Request;
use chassis::testing::{Reply, get, send};
use order_service::endpoints;
use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::support::{Orders, Shop, single};

async fn put(orders: &Orders, lists: &Value) -> Reply {
    let request = Request::put("/endpoints").header("content-type", "application/json");
    let request = request.body(Body::from(lists.to_string())).unwrap();
    send(&router(orders), request).await
}

fn router(orders: &Orders) -> axum::Router {
    endpoints::routes(orders.app.neighbours.clone())
        .layer(axum::middleware::from_fn(chassis::problem::render))
}

#[tokio::test]
async fn calls_are_split_among_the_instances_by_share() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let other = Proxy::start(shop.users.url.clone()).await;
    let lists =
        json!({"user-service": [{"url": shop.users.url, "share": 1}, {"url": other.url, "share": 3}]});
    assert_eq!(put(&orders, &lists).await.status, 200);
    for _ in 0..20 {
        assert_eq!(orders.order(&single(101)).await.status, 201);
    }
    // What the other passes on arrives at the first one, too.
    let (all, others) = (shop.users.hits("/users/1"), other.hits("/users/1"));
    assert_eq!(all, 20);
    assert!((13..=17).contains(&others), "{others} of 20 are not three quarters");
}

#[tokio::test]
async fn an_instance_that_is_gone_costs_no_order() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    // Bound and never accepted from, then closed: a port where nobody is.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = format!("http://{nobody}");
    let lists = json!({"user-service": [{"url": shop.users.url, "share": 1}, {"url": gone, "share": 1}]});
    assert_eq!(put(&orders, &lists).await.status, 200);
    for _ in 0..10 {
        assert_eq!(orders.order(&single(101)).await.status, 201);
    }
    assert!(orders.has_sample("retries_total", ",peer=\"user-service\"", "1"), "one call found out");
    let shown = send(&router(&orders), get("/endpoints")).await.json;
    let healthy: Vec<_> = shown["user-service"].as_array().unwrap().iter().map(|e| &e["healthy"]).collect();
    assert_eq!(healthy, [&json!(true), &json!(false)]);
}

#[tokio::test]
async fn a_list_that_makes_no_sense_is_refused_whole() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let good = json!([{"url": "http://127.0.0.1:1", "share": 1}]);
    for (lists, words) in [
        (json!({"carts": good}), "product-service and user-service"),
        (json!({"user-service": good, "product-service": []}), "product-service: 0 endpoints"),
        (json!({"user-service": [{"url": "here", "share": 1}]}), "no address"),
        (json!({"user-service": [{"url": "http://127.0.0.1:1"}]}), "share"),
    ] {
        let reply = put(&orders, &lists).await;
        assert_eq!(reply.status, 422, "{lists}");
        assert!(reply.json["detail"].as_str().unwrap().contains(words), "{}", reply.json);
    }
    assert_eq!(orders.order(&single(101)).await.status, 201, "nothing was half applied");
}

#[tokio::test]
async fn an_event_is_delivered_once_however_many_instances_look_for_it() {
    let shop = Shop::open().await;
    // Two processes on one file, as far as the file can tell.
    let (one, two) = (shop.run().await, shop.run().await);
    for _ in 0..20 {
        assert_eq!(one.order(&single(101)).await.status(), 201);
    }
    crate::support::eventually("all are told", || async {
        let url = format!("{}/users/1/notifications", shop.users.url);
        let list: Value = crate::support::client().get(url).send().await.unwrap().json().await.unwrap();
        list["total"] == 20
    })
    .await;
    one.stop().await.unwrap().unwrap();
    two.stop().await.unwrap().unwrap();
    assert_eq!(shop.users.hits("POST /users/1/notifications"), 20);
}
