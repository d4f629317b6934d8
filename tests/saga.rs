//! An order is all or nothing, whatever its neighbours do.

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Stack, eventually, signal};

async fn stock(stack: &Stack, product: u32) -> i64 {
    let url = format!("{}/products/{product}", stack.url("product-service"));
    let product: Value =
        stack.http.get(url).send().await.expect("an answer").json().await.expect("a product");
    product["stock"].as_i64().expect("a number")
}

#[tokio::test]
async fn fifty_buyers_of_the_last_unit_have_one_winner() {
    let stack = Stack::quiet().await;
    let take = stock(&stack, 103).await - 1;
    let rest = stack.order(&json!({"user_id": 1, "product_id": 103, "quantity": take}), "all-but-one").await;
    assert_eq!(rest.status(), 201);
    assert_eq!(stock(&stack, 103).await, 1);

    let one = json!({"user_id": 2, "product_id": 103, "quantity": 1});
    let statuses: Vec<u16> = join_all((0..50).map(|i| {
        let (stack, one) = (&stack, &one);
        async move {
            // A full bulkhead answers 503 with Retry-After: a buyer who is told to come back comes back.
            eventually("an answer that is final", || async {
                let status = stack.order(one, &format!("buyer-{i}")).await.status().as_u16();
                (status != 503).then_some(status)
            })
            .await
        }
    }))
    .await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 49, "{statuses:?}");
    assert_eq!(stock(&stack, 103).await, 0);
}

#[tokio::test]
async fn a_basket_whose_second_item_is_sold_out_keeps_nothing() {
    let stack = Stack::quiet().await;
    let before = stock(&stack, 101).await;
    let basket = json!({"user_id": 1, "items": [{"product_id": 101, "quantity": 2}, {"product_id": 9001, "quantity": 1}]});
    let answer = stack.order(&basket, "half-a-basket").await;
    assert_eq!(answer.status(), 409);
    assert_eq!(stock(&stack, 101).await, before);
}

#[tokio::test]
async fn orders_fail_cleanly_while_a_dependency_is_down_and_work_again_when_it_is_back() {
    let stack = Stack::quiet().await;
    let order = json!({"user_id": 1, "product_id": 102, "quantity": 1});
    let before = stock(&stack, 102).await;
    // Stopped, not killed: it would be restarted at once. It hangs, which is the worse failure.
    let user_service = stack.pids()["user-service"];
    signal(user_service, Signal::STOP);
    for i in 0..3 {
        let answer = stack.order(&order, &format!("down-{i}")).await;
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(problem["correlation_id"], format!("down-{i}"));
    }
    assert_eq!(stock(&stack, 102).await, before, "nothing stays reserved");

    signal(user_service, Signal::CONT);
    eventually("orders work again", || async {
        (stack.order(&order, "back").await.status() == 201).then_some(())
    })
    .await;
}
