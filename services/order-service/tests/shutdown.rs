//! Told to stop, the service finishes the orders it has and then ends.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::proxy::Fate;
use crate::support::{Shop, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_in_flight_is_answered_before_the_service_ends() {
    let shop = Shop::open().await;
    let running = shop.run().await;
    let hold = Arc::new(Semaphore::new(0));
    shop.products.on("/101/reserve", Fate::Hold(Arc::clone(&hold)));
    let url = format!("{}/orders", running.url);
    let request = tokio::spawn(crate::support::client().post(&url).json(&single(101)).send());
    shop.products.wait_for("/101/reserve", 1).await;
    let ended = running.stop();
    hold.add_permits(1);
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "confirmed");
    ended.await.unwrap().unwrap();
    assert!(crate::support::client().get(&url).send().await.is_err(), "nothing listens any more");
}
