//! Two orders for the last unit never both win.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Shop, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_orders_for_the_last_unit_are_one_winner_and_forty_nine_refusals() {
    let shop = Shop::open().await;
    let orders = shop.orders().await;
    let all_but_one = json!({ "user_id": 2, "product_id": 103, "quantity": 29 });
    assert_eq!(orders.order(&all_but_one).await.status, 201);
    let wish = single(103);
    let replies = join_all((0..50).map(|_| orders.order(&wish))).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    let mut expected = vec![409; 50];
    expected[0] = 201;
    assert_eq!(statuses, expected);
    assert_eq!(shop.stock(103).await, 0);
    assert!(orders.has_sample("orders_total", ",outcome=\"out_of_stock\"", "49"));
}
