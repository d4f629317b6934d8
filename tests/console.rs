//! The printed link opens a page that shows the request from end to end.

use crate::harness::{Setup, Stack, eventually};

#[tokio::test]
async fn the_printed_link_opens_a_waterfall_with_the_log_lines_of_the_order() {
    let stack = Setup::default().arg("--rps").arg("20").start().await;
    let trace_id = eventually("the first order", || async {
        let load =
            firedrill::load_control::LoadControl::new(stack.url("loadgen"), &stack.run.admin_token).ok()?;
        load.status().await.ok()?["first_trace_id"].as_str().map(str::to_owned)
    })
    .await;
    let console = stack.url("console").to_owned();
    let page = eventually("the whole waterfall", || async {
        let page =
            stack.http.get(format!("{console}/trace/{trace_id}")).send().await.ok()?.text().await.ok()?;
        ["loadgen", "order-service", "user-service", "product-service", "order confirmed"]
            .iter()
            .all(|word| page.contains(word))
            .then_some(page)
    })
    .await;
    assert!(page.contains("http_server_request_duration_seconds_count"), "the metric it is counted in");
    assert!(!page.contains("<script"), "no script");
    eventually("all services on the home page", || async {
        let home = stack.http.get(&console).send().await.ok()?.text().await.ok()?;
        ["order-service", "user-service", "product-service"]
            .iter()
            .all(|word| home.contains(word))
            .then_some(())
    })
    .await;
    let stopped = stack.interrupt().await;
    assert!(stopped.out.contains("/trace/"), "up prints the link: {}", stopped.out);
}

#[tokio::test]
async fn a_refused_order_tells_its_reason_and_its_trace_both_sides_of_each_hop() {
    let stack = Stack::quiet().await;
    let order = serde_json::json!({"user_id": 1, "product_id": 999_999_999, "quantity": 1});
    assert_eq!(stack.order(&order, "no-such-product").await.status(), 400);
    let row = eventually("the order with its reason on the home page", || async {
        let home = stack.http.get(stack.url("console")).send().await.ok()?.text().await.ok()?;
        let row = home.split("<tr>").find(|row| row.contains("no-such-product"))?.to_owned();
        row.contains("there is no product 999999999").then_some(row)
    })
    .await;
    assert!(
        row.contains("status refused") && !row.contains("error-text"),
        "no failure of the services: {row}"
    );

    eventually("both spans of the lookup", || async {
        let answer = stack.run(&["trace", "--correlation", "no-such-product"]).await;
        let tree = String::from_utf8_lossy(&answer.stdout).into_owned();
        let of =
            |service: &str| tree.lines().find(|line| line.contains(&format!("{service} GET /users/{{id}}")));
        let sides = of("order-service")?.contains(" client ") && of("user-service")?.contains(" server ");
        sides.then_some(())
    })
    .await;
}
