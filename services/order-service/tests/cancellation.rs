//! A client that goes away does not leave half an order.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Shop, eventually, single};

#[tokio::test]
async fn an_order_whose_client_went_away_is_finished() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let hold = Arc::new(Semaphore::new(0));
    shop.products.on("/101/reserve", Fate::Hold(Arc::clone(&hold)));
    {
        let wish = single(101);
        let request = orders.order_with_key(&wish, "k-1");
        tokio::select! {
            _ = request => panic!("the reserve is held"),
            () = shop.products.wait_for("/101/reserve", 1) => {}
        }
    }
    hold.add_permits(1);
    eventually("the order is confirmed", || async {
        orders.list(1).await["orders"][0]["status"] == "confirmed"
    })
    .await;
    assert_eq!(shop.stock(101).await, 149);
    let asked_again = orders.order_with_key(&single(101), "k-1").await;
    assert_eq!((asked_again.status, shop.stock(101).await), (201, 149));
    assert_eq!(asked_again.headers["idempotency-replayed"], "true");
}
