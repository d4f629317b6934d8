//! Every confirmed order tells its user once, however often the delivery has to be tried.

use serde_json::{Value, json};

use crate::proxy::Fate;
use crate::support::{Shop, client, eventually, single};

async fn notifications(shop: &Shop) -> Value {
    let url = format!("{}/users/1/notifications", shop.users.url);
    client().get(url).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_delivery_whose_answer_was_lost_is_repeated_and_kept_once() {
    let shop = Shop::open().await;
    // Two lost answers in a row use up the retries of the call itself or not; the relay tries on in any case.
    let mut lost = 4;
    shop.users.rule(move |request| {
        if request == "POST /users/1/notifications" && lost > 0 {
            lost -= 1;
            return Fate::LoseAnswer;
        }
        Fate::Pass
    });
    let running = shop.run().await;
    let order: Value = running.order(&single(101)).await.json().await.unwrap();
    shop.users.wait_for("POST /users/1/notifications", 5).await;
    let list = notifications(&shop).await;
    assert_eq!((&list["total"], &list["notifications"][0]["order_id"]), (&json!(1), &order["id"]));
    assert_eq!(list["notifications"][0]["total"], json!(49.99));
    assert_eq!(list["notifications"][0]["type"], "order.confirmed");
    running.stop().await.unwrap().unwrap();
}

#[tokio::test]
async fn events_wait_for_a_neighbour_that_is_down_and_survive_a_restart() {
    let shop = Shop::open().await;
    shop.users.on("/notifications", Fate::Refuse(503, 0));
    let running = shop.run().await;
    assert_eq!(running.order(&single(101)).await.status(), 201);
    shop.users.wait_for("POST /users/1/notifications", 1).await;
    running.stop().await.unwrap().unwrap();
    shop.users.rule(|_| Fate::Pass);
    let running = shop.run().await;
    eventually("the event is delivered", || async { notifications(&shop).await["total"] == 1 }).await;
    running.stop().await.unwrap().unwrap();
}

#[tokio::test]
async fn an_order_that_failed_tells_nobody() {
    let shop = Shop::open().await;
    let running = shop.run().await;
    assert_eq!(running.order(&single(9001)).await.status(), 409);
    assert_eq!(running.order(&single(101)).await.status(), 201);
    eventually("the confirmed one is told", || async { notifications(&shop).await["total"] == 1 }).await;
    running.stop().await.unwrap().unwrap();
    assert_eq!(shop.users.hits("POST /users/1/notifications"), 1);
}
