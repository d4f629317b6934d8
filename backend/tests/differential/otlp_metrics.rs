//! The same metrics by OTLP into a real Prometheus and into ours: the same series, `target_info` among them.

use std::collections::BTreeMap;

use reqwest::Client;
use serde_json::{Value, json};

use super::prometheus::Prometheus;
use crate::harness::{TestBackend, now_ns};

fn attributes(pairs: &[(&str, Value)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

fn text(value: &str) -> Value {
    json!({"stringValue": value})
}

/// An export of several resources, whose points are at one time and eight minutes later.
fn export(earlier_ns: u64) -> Value {
    let (earlier, later) = (earlier_ns.to_string(), (earlier_ns + 480_000_000_000).to_string());
    let gauge = |name: &str, points: Value| json!({"name": name, "gauge": {"dataPoints": points}});
    let at = |t: &String, v: f64| json!({"timeUnixNano": t, "asDouble": v});
    let resource = |pairs: &[(&str, Value)], metrics: Value| json!({"resource": {"attributes": attributes(pairs)}, "scopeMetrics": [{"metrics": metrics}]});
    let histogram = json!({"name": "took", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": later, "count": "3", "sum": 4.0, "bucketCounts": ["1", "2"], "explicitBounds": [0.5]}]}});
    let orders = json!({"name": "orders", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
        {"timeUnixNano": later, "asInt": "7", "attributes": attributes(&[("http.route", text("/a"))])}]}});
    let all = vec![
        resource(
            &[
                ("service.name", text("shop")),
                ("service.namespace", text("ns")),
                ("service.instance.id", text("i1")),
                ("service.version", text("1.2")),
                ("host.name", text("h")),
                ("host-name", text("i")),
                ("replicas", json!({"intValue": "3"})),
                ("empty", text("")),
                ("9lives", json!({"boolValue": true})),
            ],
            json!([gauge("queue.length", json!([at(&earlier, 1.0), at(&later, 2.0)])), histogram, orders]),
        ),
        // Nothing that would be told beside job and instance.
        resource(
            &[("service.name", text("plain")), ("service.instance.id", text("i2"))],
            json!([gauge("queue.length", json!([at(&later, 3.0)]))]),
        ),
        // Nothing that identifies it, or only half of it.
        resource(&[("host.name", text("lonely"))], json!([gauge("lonely", json!([at(&later, 4.0)]))])),
        resource(
            &[("service.namespace", text("ns")), ("host.name", text("x"))],
            json!([gauge("spaced", json!([at(&later, 5.0)]))]),
        ),
        resource(
            &[("service.instance.id", text("i3")), ("host.name", text("x"))],
            json!([gauge("instance", json!([at(&later, 6.0)]))]),
        ),
        // No data points, so that there is no time to tell of it.
        resource(
            &[("service.name", text("silent")), ("host.name", text("x"))],
            json!([gauge("none", json!([]))]),
        ),
        // The first one again: it is told of once.
        resource(
            &[("service.name", text("twice")), ("host.name", text("x"))],
            json!([gauge("twice_a", json!([at(&later, 7.0)]))]),
        ),
        resource(
            &[("service.name", text("twice")), ("host.name", text("x"))],
            json!([gauge("twice_b", json!([at(&later, 8.0)]))]),
        ),
    ];
    json!({"resourceMetrics": all})
}

/// Every sample of the last half hour, by its labels.
async fn stored(client: &Client, base: &str) -> BTreeMap<String, Value> {
    let url = format!("{base}/api/v1/query");
    let query = [("query", r#"{__name__=~".+",__name__!~"up|scrape_.+"}[30m]"#)];
    let body: Value =
        client.get(url).query(&query).send().await.expect("an answer").json().await.expect("JSON");
    let found = body["data"]["result"].as_array().cloned().unwrap_or_default();
    found.into_iter().map(|mut row| (row["metric"].take().to_string(), row["values"].take())).collect()
}

#[tokio::test]
async fn otlp_metrics_are_stored_as_prometheus_stores_them() {
    let backend = TestBackend::start().await;
    let Some(prometheus) = Prometheus::start(&backend.client).await else { return };
    // Whole milliseconds, as both store them.
    let earlier_ns = (now_ns() / 1_000_000_000 - 540) * 1_000_000_000;
    let body = export(earlier_ns).to_string();
    for url in [format!("{}/api/v1/otlp/v1/metrics", prometheus.url), format!("{}/v1/metrics", backend.otlp)]
    {
        let answer = backend.post(url, "application/json", body.clone()).await;
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    }
    let (theirs, ours) =
        tokio::join!(stored(&backend.client, &prometheus.url), stored(&backend.client, &backend.prometheus));
    assert!(theirs.keys().filter(|labels| labels.contains("target_info")).count() > 2, "{theirs:#?}");
    assert_eq!(ours, theirs);
    let metadata = async |base: &str| -> Value {
        let answer = backend.json(base, "/api/v1/metadata", &[("metric", "target_info")]).await;
        answer["data"].clone()
    };
    assert_eq!(metadata(&backend.prometheus).await["target_info"][0]["type"], "gauge");
    backend.stop().await;
}
