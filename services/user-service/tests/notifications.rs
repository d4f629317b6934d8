//! An event is kept once, however often and however concurrently it is delivered; lists are newest first and paged.

use std::time::Duration;

use chassis::retention::sweep;
use chassis::testing::{get, post, send};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::service;

fn event(id: &str, order: i64) -> serde_json::Value {
    json!({ "event_id": id, "type": "order.confirmed", "order_id": order, "total": 0.1 })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_delivered_twenty_times_at_once_is_kept_once() {
    let service = service().await;
    let deliveries = (0..20).map(|_| {
        let router = service.router.clone();
        tokio::spawn(async move { send(&router, post("/users/1/notifications", &event("e-1", 7))).await })
    });
    let replies: Vec<_> = join_all(deliveries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 19);
    assert!(replies.iter().all(|reply| reply.json == replies[0].json), "all get the same notification");
    assert_eq!(send(&service.router, get("/users/1/notifications")).await.json["total"], 1);
}

#[tokio::test]
async fn old_notifications_are_deleted() {
    let service = service().await;
    for order in 1..=3 {
        send(&service.router, post("/users/1/notifications", &event(&format!("e-{order}"), order))).await;
    }
    let hour = Duration::from_secs(3600);
    let sweep = |keep| sweep(&service.app.database, keep, user_service::app::OLD[0]);
    assert_eq!(sweep(hour).await.unwrap(), 0);
    assert_eq!(sweep(Duration::ZERO).await.unwrap(), 3);
    assert_eq!(send(&service.router, get("/users/1/notifications")).await.json["total"], 0);
}

#[tokio::test]
async fn the_list_is_newest_first_and_paged() {
    let service = service().await;
    for order in 1..=5 {
        let body = event(&format!("e-{order}"), order);
        assert_eq!(send(&service.router, post("/users/1/notifications", &body)).await.status, 201);
    }
    let page = send(&service.router, get("/users/1/notifications?page=2&per_page=2")).await.json;
    let orders: Vec<_> =
        page["notifications"].as_array().unwrap().iter().map(|n| n["order_id"].clone()).collect();
    assert_eq!(orders, [json!(3), json!(2)]);
    assert_eq!(page["notifications"][0]["total"], json!(0.1));
    assert_eq!(page["total"], 5);
    assert_eq!(send(&service.router, get("/users/2/notifications")).await.json["total"], 0);
}
