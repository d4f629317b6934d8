//! The printed link opens a page that shows the request from end to end.

use crate::harness::{Setup, eventually};

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
