//! Orders that a crash or a failed release left half-way are released and settled later.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Shop, eventually, single};

async fn assert_settled(shop: &Shop, stock: i64) {
    let running = shop.run().await;
    eventually("the order is settled", || async {
        let order = &running.get("/orders?user_id=1").await["orders"][0];
        order["status"] == "failed" && shop.stock(101).await == stock
    })
    .await;
    running.stop().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_release_that_failed_is_made_up_for() {
    let shop = Shop::open().await;
    {
        let orders = shop.orders().await;
        shop.products.rule(|request| {
            if request.ends_with("/reserve") {
                Fate::LoseAnswer
            } else if request.ends_with("/release") {
                Fate::Refuse(503, 0)
            } else {
                Fate::Pass
            }
        });
        assert_eq!(orders.order_with_key(&single(101), "k-1").await.status, 503);
        assert_eq!(shop.stock(101).await, 149, "reserved, and neither confirmed nor released");
    }
    shop.products.rule(|_| Fate::Pass);
    assert_settled(&shop, 150).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_cut_off_by_a_crash_is_released_and_its_key_freed() {
    let shop = Arc::new(Shop::open().await);
    let hold = Arc::new(Semaphore::new(0));
    shop.products.on("/101/reserve", Fate::Hold(Arc::clone(&hold)));
    // A runtime that is dropped in the middle of an order is as close to a crash as a test gets.
    let crashing =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    crashing.spawn({
        let shop = Arc::clone(&shop);
        async move {
            let orders =
                shop.orders_with(|config| config.work.recovery_after = Duration::from_millis(1)).await;
            orders.order_with_key(&single(101), "k-1").await
        }
    });
    shop.products.wait_for("/101/reserve", 1).await;
    crashing.shutdown_background();
    // The reserve of the dead process may still arrive, before or after its release.
    hold.add_permits(1);
    assert_settled(&shop, 150).await;
    shop.products.rule(|_| Fate::Pass);
    let orders = shop.orders().await;
    assert_eq!(orders.order_with_key(&single(101), "k-1").await.status, 201);
}
