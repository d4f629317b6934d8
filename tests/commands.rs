//! The commands that read: what they print for people and what they print for programs.

use serde_json::json;

use crate::harness::{Stack, eventually, json as parsed, stderr};

#[tokio::test]
async fn trace_logs_and_query_show_an_order() {
    let stack = Stack::quiet().await;
    assert_eq!(
        stack.order(&json!({"user_id": 1, "product_id": 101, "quantity": 1}), "shown").await.status(),
        201
    );

    let tree = eventually("the whole tree", || async {
        let output = stack.run(&["trace", "--correlation", "shown"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        [
            "POST /orders",
            "GET /users/{id}",
            "POST /products/batch",
            "order confirmed",
            "POST /users/{id}/notifications",
        ]
        .iter()
        .all(|word| text.contains(word))
        .then_some(text)
    })
    .await;
    assert!(tree.contains("shown"), "{tree}");

    let lines = stack.run(&["logs", "{service_name=\"order-service\"} |= \"order confirmed\""]).await;
    let text = String::from_utf8_lossy(&lines.stdout).into_owned();
    assert!(text.contains("order confirmed") && text.contains("order-service"), "{text} {}", stderr(&lines));
    let answer = parsed(&stack.run(&["logs", "{service_name=\"order-service\"}", "--json"]).await);
    assert_eq!(answer["data"]["resultType"], "streams");

    eventually("a scrape", || async {
        let output = stack.run(&["query", "sum(orders_total)", "--json"]).await;
        let answer = parsed(&output);
        (answer["data"]["result"][0]["value"][1] == "1").then_some(())
    })
    .await;
    let table = stack.run(&["query", "up"]).await;
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    for job in ["order-service", "user-service", "product-service"] {
        assert!(text.contains(job), "{text}");
    }
}

#[tokio::test]
async fn doctor_tells_a_stack_that_is_up_from_none() {
    let stack = Stack::quiet().await;
    let output = stack.run(&["doctor", "--json"]).await;
    let checks = parsed(&output);
    assert!(output.status.success(), "{checks}");
    let names: Vec<_> =
        checks["checks"].as_array().expect("a list").iter().map(|c| c["name"].clone()).collect();
    for name in ["firedrill", "home", "disk", "stack", "Prometheus API", "Loki API", "Jaeger API"] {
        assert!(names.contains(&json!(name)), "{name} in {checks}");
    }
    let stopped = stack.interrupt().await;
    let output = crate::harness::run(stopped.home.path(), &["doctor"]).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing is up"));
}

/// What a shell does with `2>&1 | head -0`, or a window that was closed.
#[tokio::test]
async fn a_command_whose_standard_error_nobody_reads_ends_as_it_would() {
    let home = tempfile::tempdir().expect("a home");
    for arguments in [&["load"][..], &["query", "up"], &["trace", "--correlation", "x"], &["load", "--json"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = crate::harness::command(home.path());
        let status =
            command.args(arguments).stdout(std::process::Stdio::null()).stderr(writer).status().await;
        assert_eq!(status.expect("it runs").code(), Some(3), "{arguments:?}");
    }
}
