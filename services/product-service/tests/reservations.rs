//! Reserve and release are idempotent by reservation id, in any order of arrival, and never lose or invent a unit.

use std::collections::HashMap;
use std::time::Duration;

use chassis::retention::sweep;
use chassis::testing::{Reply, post, send};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::support::{Service, service, stock};

async fn reserve(service: &Service, product: i64, quantity: i64, id: &str) -> Reply {
    let body = json!({ "quantity": quantity, "reservation_id": id });
    send(&service.router, post(&format!("/products/{product}/reserve"), &body)).await
}

async fn release(service: &Service, product: i64, id: &str) -> Reply {
    let path = format!("/products/{product}/release");
    send(&service.router, post(&path, &json!({ "reservation_id": id }))).await
}

#[tokio::test]
async fn the_same_reserve_gets_the_same_answer_even_after_other_sales() {
    let service = service().await;
    let first = reserve(&service, 101, 2, "r-1").await;
    reserve(&service, 101, 5, "r-2").await;
    let again = reserve(&service, 101, 2, "r-1").await;
    assert_eq!((first.status, &first.json), (again.status, &again.json));
    assert_eq!(stock(&service, 101).await, 143);
}

#[tokio::test]
async fn old_reservations_are_forgotten_and_the_stock_is_as_it_was() {
    let service = service().await;
    reserve(&service, 101, 2, "r-1").await;
    let hour = Duration::from_secs(3600);
    let sweep = |keep| sweep(&service.app.database, keep, product_service::app::OLD[0]);
    assert_eq!(sweep(hour).await.unwrap(), 0);
    assert_eq!(reserve(&service, 101, 3, "r-1").await.status, 409, "it is young, and known");
    assert_eq!(sweep(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(stock(&service, 101).await, 148);
    assert_eq!(reserve(&service, 101, 3, "r-1").await.status, 200);
    assert_eq!(stock(&service, 101).await, 145);
}

#[tokio::test]
async fn an_id_used_for_something_else_is_refused() {
    let service = service().await;
    reserve(&service, 101, 2, "r-1").await;
    for reply in [reserve(&service, 101, 3, "r-1").await, reserve(&service, 102, 2, "r-1").await] {
        assert_eq!((reply.status, &reply.json["type"]), (409, &json!("urn:problem:reservation-mismatch")));
    }
    assert_eq!((stock(&service, 101).await, stock(&service, 102).await), (148, 75));
}

#[tokio::test]
async fn a_release_gives_back_once_and_ends_the_id() {
    let service = service().await;
    reserve(&service, 101, 2, "r-1").await;
    for _ in 0..3 {
        assert_eq!(release(&service, 101, "r-1").await.status, 200);
        assert_eq!(stock(&service, 101).await, 150);
    }
    let late = reserve(&service, 101, 2, "r-1").await;
    assert_eq!((late.status, &late.json["type"]), (409, &json!("urn:problem:reservation-released")));
}

#[tokio::test]
async fn a_release_that_comes_first_refuses_the_late_reserve() {
    let service = service().await;
    assert_eq!(release(&service, 101, "r-1").await.status, 200);
    assert_eq!(reserve(&service, 101, 2, "r-1").await.status, 409);
    assert_eq!(stock(&service, 101).await, 150);
}

#[derive(Debug, Clone)]
enum Step {
    Reserve { id: u8, quantity: i64 },
    Release { id: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u8..6, 1_i64..20).prop_map(|(id, quantity)| Step::Reserve { id, quantity }),
        2 => (0_u8..6).prop_map(|id| Step::Release { id }),
    ];
    proptest::collection::vec(step, 1..25)
}

/// What an id stands for in the model: units held, or `None` once it was released.
type Held = HashMap<u8, Option<i64>>;

async fn follow(steps: Vec<Step>) {
    let service = service().await;
    let (mut left, mut held) = (30, Held::new());
    for step in steps {
        let (reply, expected) = match step {
            Step::Reserve { id, quantity } => {
                let expected = match held.get(&id) {
                    Some(Some(known)) if *known == quantity => 200,
                    Some(_) => 409,
                    None if quantity > left => 409,
                    None => {
                        left -= quantity;
                        held.insert(id, Some(quantity));
                        200
                    }
                };
                (reserve(&service, 103, quantity, &format!("r-{id}")).await, expected)
            }
            Step::Release { id } => {
                left += held.insert(id, None).flatten().unwrap_or(0);
                (release(&service, 103, &format!("r-{id}")).await, 200)
            }
        };
        assert_eq!(reply.status, expected, "{}", reply.json);
        assert_eq!(stock(&service, 103).await, left);
    }
}

#[test]
fn any_sequence_of_reserves_and_releases_agrees_with_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    runner
        .run(&steps(), |steps| {
            runtime.block_on(follow(steps));
            Ok(())
        })
        .unwrap();
}
