//! A restart keeps spans and logs.

use serde_json::json;

use crate::harness::{TestBackend, export, now_ns, span};

#[tokio::test]
async fn spans_and_logs_are_there_after_a_restart() {
    let backend = TestBackend::start().await;
    backend.send(&export("shop", vec![span(1, 1, None, "before")])).await;
    let body = json!({"streams": [{"stream": {"app": "a"}, "values": [[now_ns().to_string(), "kept"]]}]});
    // Not waited for: what was acknowledged is written before the end.
    let answer = backend
        .post(format!("{}/loki/api/v1/push", backend.loki), "application/json", body.to_string())
        .await;
    assert_eq!(answer.status(), 204);
    let dir = backend.stop().await;

    let backend = TestBackend::on(dir, |_| {}).await;
    assert_eq!(backend.metric("backend_stored_spans").await, 1.0);
    assert_eq!(backend.metric("backend_stored_log_records").await, 1.0);
    backend.send(&export("shop", vec![span(1, 2, Some(1), "after")])).await;
    let trace = backend.json(&backend.jaeger, &format!("/api/traces/{}", "01".repeat(16)), &[]).await;
    assert_eq!(trace["data"][0]["spans"].as_array().map(Vec::len), Some(2));
    let logs = backend.json(&backend.loki, "/loki/api/v1/query_range", &[("query", r#"{app="a"}"#)]).await;
    assert_eq!(logs["data"]["result"][0]["values"][0][1], "kept");
    assert_eq!(crate::bounds::segments(&backend.data_dir()).len(), 1);
}
