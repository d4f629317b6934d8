//! The services' API as a person meets it through a running stack. Each service's own tests walk every documented
//! answer; here it is the words that the README and the workshop rely on.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::{Setup, Stack, native, said};

#[tokio::test]
async fn placing_an_order_answers_with_everything_about_it() {
    let stack = Stack::quiet().await;
    let answer = stack.order(&json!({"user_id": 1, "product_id": 101, "quantity": 2}), "api-1").await;
    assert_eq!(answer.status(), 201);
    let order: Value = answer.json().await.expect("an order");
    assert_eq!(order["status"], "confirmed");
    assert_eq!(order["user"], json!({"id": 1, "name": "Alice Johnson", "email": "alice@example.com"}));
    assert_eq!(order["price"], json!(49.99));
    assert_eq!(order["quantity"], 2);
    assert_eq!(order["total"], json!(99.98));

    let url = format!("{}/orders/{}", stack.url("order-service"), order["id"]);
    let found: Value = stack.http.get(url).send().await.expect("an answer").json().await.expect("an order");
    assert_eq!(found["id"], order["id"]);
    let url = format!("{}/products/101", stack.url("product-service"));
    let product: Value =
        stack.http.get(url).send().await.expect("an answer").json().await.expect("a product");
    assert_eq!((product["name"].as_str(), product["stock"].as_i64()), (Some("Wireless Keyboard"), Some(148)));
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_its_correlation_id() {
    let stack = Stack::quiet().await;
    let cases = [
        (json!({"user_id": 99_999_999, "product_id": 101, "quantity": 1}), 400),
        (json!({"user_id": 1, "product_id": 99_999_999, "quantity": 1}), 400),
        (json!({"user_id": 1, "product_id": 9001, "quantity": 1}), 409),
        (json!({"user_id": "one", "product_id": 101, "quantity": 1}), 422),
        // What serde would take for the fields in their order.
        (json!([1, 101, 1, null]), 422),
        (json!({"user_id": 1, "items": [[101, 1]]}), 422),
        (json!({"user_id": 1, "product_id": 101, "quantity": 0}), 422),
    ];
    for (i, (body, status)) in cases.iter().enumerate() {
        let answer = stack.order(body, &format!("refused-{i}")).await;
        assert_eq!(answer.status().as_u16(), *status, "{body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{body}");
        let problem: Value = answer.json().await.expect("a problem");
        assert_eq!(problem["correlation_id"], format!("refused-{i}"), "{body}");
        assert_eq!(problem["status"], *status, "{body}");
    }
    let orders = format!("{}/orders", stack.url("order-service"));
    let broken = stack.http.post(orders).header("content-type", "application/json").body("{\"user_id\":");
    assert_eq!(broken.send().await.expect("an answer").status(), 400);
}

#[tokio::test]
async fn the_same_idempotency_key_places_one_order() {
    let stack = Stack::quiet().await;
    let place = || async {
        let request = stack.http.post(format!("{}/orders", stack.url("order-service")));
        let request = request
            .header("Idempotency-Key", "twice")
            .json(&json!({"user_id": 2, "product_id": 102, "quantity": 1}));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.expect("an order")
    };
    assert_eq!(place().await["id"], place().await["id"]);
    let url = format!("{}/products/102", stack.url("product-service"));
    let product: Value =
        stack.http.get(url).send().await.expect("an answer").json().await.expect("a product");
    assert_eq!(product["stock"], 74);
}

#[tokio::test]
async fn every_service_tells_its_health_readiness_metrics_and_api() {
    let stack = Stack::quiet().await;
    for service in ["user-service", "product-service", "order-service"] {
        let get = |path: &str| stack.http.get(format!("{}{path}", stack.url(service))).send();
        let health: Value = get("/health").await.expect("an answer").json().await.expect("JSON");
        assert_eq!(health, json!({"status": "healthy", "service": service}));
        assert_eq!(get("/ready").await.expect("an answer").status(), 200);
        let metrics = stack.http.get(format!("{}/metrics", stack.url(service)));
        let metrics =
            metrics.header("accept", "application/openmetrics-text").send().await.expect("an answer");
        assert_eq!(
            metrics.headers()["content-type"],
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        let text = metrics.text().await.expect("text");
        let own =
            |line: &&str| line.starts_with("build_info{") && line.contains(&format!("service=\"{service}\""));
        assert_eq!(text.lines().filter(own).count(), 1, "{text}");
        assert!(text.ends_with("# EOF\n"), "{service}");
        let api: Value = get("/openapi.json").await.expect("an answer").json().await.expect("JSON");
        assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{service}");
    }
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_with_the_metrics_of_any_part() {
    let Some(promtool) = native::program("promtool") else { return };
    let stack = Setup::default().arg("--rps").arg("20").start().await;
    stack.order(&json!({"user_id": 1, "product_id": 101, "quantity": 1}), "api-promtool").await;
    let folder = tempfile::tempdir().expect("a folder");
    for part in ["user-service", "product-service", "order-service", "loadgen", "prometheus"] {
        // As curl asks: for anything.
        let answer = stack.http.get(format!("{}/metrics", stack.url(part))).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8", "{part}");
        let page = folder.path().join(part);
        std::fs::write(&page, answer.bytes().await.expect("a page")).expect("written");
        let page = std::fs::File::open(page).expect("readable");
        let mut check = Command::new(&promtool);
        check.args(["check", "metrics"]).stdin(Stdio::from(page)).kill_on_drop(true);
        let checked = check.output().await.expect("it runs");
        assert!(checked.status.success(), "{part}: {}", said(&checked));
    }
}
