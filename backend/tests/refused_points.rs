//! Of data points that are refused the sender is told each reason, with how many it concerns.

use serde_json::{Value, json};

use crate::harness::{TestBackend, now_ns};

#[tokio::test]
async fn each_reason_is_told_with_how_many_it_concerns() {
    let backend = TestBackend::with(|config| config.max_series = 2).await;
    let (now, before) = (now_ns().to_string(), (now_ns() - 1_000_000_000).to_string());
    let send = async |points: Value| -> Value {
        let metrics: Vec<Value> = points
            .as_array()
            .expect("a list")
            .iter()
            .map(|point| json!({"name": point[0], "gauge": {"dataPoints": [{"timeUnixNano": point[1], "asDouble": 1.5}]}}))
            .collect();
        let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).to_string();
        let answer = backend.post(format!("{}/v1/metrics", backend.otlp), "application/json", body).await;
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.expect("JSON")["partialSuccess"].take()
    };
    assert_eq!(send(json!([["a", now], ["b", now]])).await, Value::Null);
    // The first that is refused is not what most of them suffer from.
    let told = send(json!([["a", before], ["c", now], ["d", now]])).await;
    assert_eq!(told["rejectedDataPoints"], "3", "{told}");
    let reasons = "2: too many series: there is no room for new ones; 1: out of order sample";
    assert_eq!(told["errorMessage"], reasons);
    let told = send(json!([["e", now]])).await;
    assert_eq!(told["errorMessage"], "too many series: there is no room for new ones");
    backend.stop().await;
}
