//! Telemetry that is down or hangs never slows or fails a user's request, and what is lost is counted.

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Setup, Stack, eventually, signal};

async fn all_orders_succeed(stack: &Stack) {
    let order = json!({"user_id": 1, "product_id": 1001, "quantity": 1});
    for i in 0..100 {
        // The client gives up long before an exporter does: a request that waits for telemetry fails here.
        let request = stack.http.post(format!("{}/orders", stack.url("order-service"))).json(&order);
        let request = request
            .header("X-Correlation-ID", format!("dark-{i}"))
            .timeout(std::time::Duration::from_secs(4));
        assert_eq!(request.send().await.expect("an answer in time").status(), 201);
    }
}

async fn dropped(stack: &Stack, signal: &str) -> f64 {
    let url = format!("{}/metrics", stack.url("order-service"));
    let text = stack.http.get(url).send().await.expect("an answer").text().await.expect("text");
    let wanted = format!("signal=\"{signal}\"");
    let line =
        text.lines().find(|line| line.starts_with("telemetry_dropped_total") && line.contains(&wanted));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

#[tokio::test]
async fn orders_go_on_while_the_collector_hangs() {
    let stack = Stack::quiet().await;
    signal(stack.pids()["backend"], Signal::STOP);
    all_orders_succeed(&stack).await;
    signal(stack.pids()["backend"], Signal::CONT);
}

#[tokio::test]
async fn orders_go_on_without_a_collector_and_the_loss_is_counted_per_signal() {
    // A port where nobody listens: bound once to find it, then free again.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let stack = Setup::default()
        .arg("--no-load")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{nobody}"))
        .start()
        .await;
    all_orders_succeed(&stack).await;
    for signal in ["traces", "logs"] {
        eventually(&format!("dropped {signal} are counted"), || async {
            (dropped(&stack, signal).await > 0.0).then_some(())
        })
        .await;
    }
}
