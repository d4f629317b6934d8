//! Finished orders that are old are deleted, and what is under way is not.

use std::time::Duration;

use crate::proxy::Fate;
use crate::support::{Shop, eventually, single};

#[tokio::test]
async fn old_orders_are_deleted_with_their_items_and_unfinished_ones_are_not() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    shop.products.rule(|request| {
        let lost = request.ends_with("/102/reserve") || request.ends_with("/release");
        if lost { Fate::Refuse(503, 0) } else { Fate::Pass }
    });
    for _ in 0..3 {
        assert_eq!(orders.order(&single(101)).await.status, 201);
    }
    assert_eq!(
        orders.order(&single(102)).await.status,
        503,
        "its release has failed, too: it is not settled"
    );
    assert_eq!(orders.list(1).await["total"], 4);
    drop(orders);

    let running = shop.run_with(|config| config.retention = Duration::ZERO).await;
    eventually("the old ones are gone", || async {
        let left = running.get("/orders?user_id=1").await;
        left["total"] == 1 && left["orders"][0]["status"] != "confirmed"
    })
    .await;
    running.stop().await.unwrap().unwrap();
}
