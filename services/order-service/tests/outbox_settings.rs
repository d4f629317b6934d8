//! Settings of the outbox's relay act while the service runs.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Running, Shop, eventually, single};

const NOTIFY: &str = "POST /users/1/notifications";

async fn order(running: &Running) {
    assert_eq!(running.order(&single(101)).await.status(), 201);
}

fn delivered(running: &Running, count: &str) -> bool {
    running.has_sample("outbox_events_total", ",outcome=\"delivered\"", count)
}

/// How many deliveries are under way at once when there are three to make.
async fn at_once(key: &str, value: i64) -> usize {
    let shop = Shop::open().await;
    let running = shop.run().await;
    // The relay rests until all three are there.
    running.set("outbox.pause_ms", 60_000).await;
    order(&running).await;
    eventually("the first is delivered", || async { delivered(&running, "1") }).await;
    let hold = Arc::new(Semaphore::new(0));
    shop.users.on("/notifications", Fate::Hold(Arc::clone(&hold)));
    for _ in 0..3 {
        order(&running).await;
    }
    running.set(key, value).await;
    running.set("outbox.pause_ms", 0).await;
    let wanted = usize::try_from(value).unwrap();
    shop.users.wait_for(NOTIFY, 1 + wanted).await;
    let under_way = shop.users.hits(NOTIFY) - 1;
    hold.add_permits(10);
    eventually("all are delivered", || async { delivered(&running, "4") }).await;
    running.stop().await.unwrap().unwrap();
    under_way
}

#[tokio::test]
async fn as_many_deliveries_are_under_way_as_there_are_workers() {
    assert_eq!(at_once("outbox.workers", 1).await, 1);
    assert_eq!(at_once("outbox.workers", 2).await, 2);
}

#[tokio::test]
async fn as_many_events_are_taken_as_a_batch_holds() {
    assert_eq!(at_once("outbox.batch", 1).await, 1);
    assert_eq!(at_once("outbox.batch", 2).await, 2);
}

#[tokio::test]
async fn events_wait_while_the_relay_rests_and_go_on_when_the_pause_is_changed() {
    let shop = Shop::open().await;
    let running = shop.run().await;
    running.set("outbox.pause_ms", 60_000).await;
    order(&running).await;
    eventually("the first is delivered", || async { delivered(&running, "1") }).await;
    order(&running).await;
    assert!(delivered(&running, "1"), "the relay rests");
    running.set("outbox.pause_ms", 0).await;
    eventually("the second is delivered", || async { delivered(&running, "2") }).await;
    running.stop().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_delivery_that_failed_is_tried_again_with_the_next_look() {
    let shop = Shop::open().await;
    let running = shop.run().await;
    running.set("outbox.poll_ms", 3_600_000).await;
    shop.users.on("/notifications", Fate::Refuse(503, 0));
    order(&running).await;
    shop.users.wait_for(NOTIFY, 1).await;
    shop.users.rule(|_| Fate::Pass);
    running.set("outbox.poll_ms", 10).await;
    eventually("it is delivered", || async { delivered(&running, "1") }).await;
    running.stop().await.unwrap().unwrap();
}
