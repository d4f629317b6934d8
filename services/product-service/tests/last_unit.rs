//! However many want the last units at once, exactly as many get one as there are.

use chassis::testing::{post, send};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{service, stock};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_buyers_of_the_last_unit_are_one_winner_and_forty_nine_refusals() {
    let service = service().await;
    let all_but_one = json!({ "quantity": 29, "reservation_id": "all-but-one" });
    assert_eq!(send(&service.router, post("/products/103/reserve", &all_but_one)).await.status, 200);
    let buyers = (0..50).map(|buyer| {
        let router = service.router.clone();
        let body = json!({ "quantity": 1, "reservation_id": format!("buyer-{buyer}") });
        tokio::spawn(async move { send(&router, post("/products/103/reserve", &body)).await })
    });
    let replies: Vec<_> = join_all(buyers).await.into_iter().map(Result::unwrap).collect();
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    let refused = replies
        .iter()
        .filter(|reply| reply.status == 409 && reply.json["type"] == "urn:problem:out-of-stock")
        .count();
    assert_eq!((won, refused), (1, 49));
    assert_eq!(stock(&service, 103).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reservation_sent_twenty_times_at_once_takes_its_units_once() {
    let service = service().await;
    let attempts = (0..20).map(|_| {
        let router = service.router.clone();
        let body = json!({ "quantity": 3, "reservation_id": "r-1" });
        tokio::spawn(async move { send(&router, post("/products/101/reserve", &body)).await })
    });
    for reply in join_all(attempts).await {
        let reply = reply.unwrap();
        assert_eq!((reply.status, &reply.json["remaining"]), (200, &json!(147)));
    }
    assert_eq!(stock(&service, 101).await, 147);
}
