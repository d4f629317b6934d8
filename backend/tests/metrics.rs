//! Metrics sent by OTLP are queryable under Prometheus' names; errors have Prometheus' shape.

use serde_json::{Value, json};

use crate::harness::{TestBackend, now_ns};

async fn send(backend: &TestBackend, metrics: Value) -> Value {
    let body = json!({"resourceMetrics": [{"resource": {"attributes": [
        {"key": "service.name", "value": {"stringValue": "shop"}}, {"key": "service.instance.id", "value": {"stringValue": "i1"}}]},
        "scopeMetrics": [{"metrics": metrics}]}]});
    let answer =
        backend.post(format!("{}/v1/metrics", backend.otlp), "application/json", body.to_string()).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn gauges_sums_and_histograms_are_queryable_and_the_rest_is_refused_by_count() {
    let backend = TestBackend::start().await;
    let now = now_ns().to_string();
    let answer = send(&backend, json!([
        {"name": "queue.length", "gauge": {"dataPoints": [{"timeUnixNano": now, "asDouble": 3.5, "attributes": [{"key": "queue.name", "value": {"stringValue": "q"}}]}]}},
        {"name": "orders", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{"timeUnixNano": now, "asInt": "7"}]}},
        {"name": "took", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {"timeUnixNano": now, "count": "3", "sum": 4.0, "bucketCounts": ["1", "2"], "explicitBounds": [0.5]}]}},
        {"name": "delta", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [{"timeUnixNano": now, "asInt": "7"}]}},
    ])).await;
    assert_eq!(answer["partialSuccess"]["rejectedDataPoints"], "1", "{answer}");
    let get = |query: &'static str| {
        let backend = &backend;
        async move {
            backend.json(&backend.prometheus, "/api/v1/query", &[("query", query)]).await["data"]["result"]
                .clone()
        }
    };
    let gauge = get("queue_length").await;
    assert_eq!(
        gauge[0]["metric"],
        json!({"__name__": "queue_length", "queue_name": "q", "job": "shop", "instance": "i1"})
    );
    assert_eq!(gauge[0]["value"][1], "3.5");
    assert_eq!(get("orders_total").await[0]["value"][1], "7");
    assert_eq!(get("took_seconds_bucket{le=\"+Inf\"}").await[0]["value"][1], "3");
    assert_eq!(get("took_seconds_sum").await[0]["value"][1], "4");
    assert_eq!(get("delta_total").await, json!([]));

    let series = backend
        .json(&backend.prometheus, "/api/v1/series", &[("match[]", "{job=\"shop\",le=\"0.5\"}")])
        .await;
    assert_eq!(series["data"][0]["__name__"], "took_seconds_bucket");
    let names = backend.json(&backend.prometheus, "/api/v1/label/__name__/values", &[]).await;
    assert_eq!(
        names["data"],
        json!([
            "orders_total",
            "queue_length",
            "took_seconds_bucket",
            "took_seconds_count",
            "took_seconds_sum"
        ])
    );
    let labels = backend.json(&backend.prometheus, "/api/v1/labels", &[("match[]", "queue_length")]).await;
    assert_eq!(labels["data"], json!(["__name__", "instance", "job", "queue_name"]));
}

#[tokio::test]
async fn answers_have_prometheus_shapes() {
    let backend = TestBackend::start().await;
    let scalar = backend
        .json(&backend.prometheus, "/api/v1/query", &[("query", "1e-7 * 2"), ("time", "1500.5")])
        .await;
    assert_eq!(
        scalar,
        json!({"status": "success", "data": {"resultType": "scalar", "result": [1500.5, "2e-07"]}})
    );
    let form = backend
        .client
        .post(format!("{}/api/v1/query_range", backend.prometheus))
        .form(&[("query", "vector(1)"), ("start", "0"), ("end", "2"), ("step", "1s")])
        .send()
        .await
        .expect("an answer");
    let range: Value = form.json().await.expect("JSON");
    assert_eq!(
        range["data"],
        json!({"resultType": "matrix", "result": [{"metric": {}, "values": [[0, "1"], [1, "1"], [2, "1"]]}]})
    );
    let info = backend.json(&backend.prometheus, "/api/v1/status/buildinfo", &[]).await;
    assert_eq!(info["status"], "success");
    let loki = backend.json(&backend.loki, "/loki/api/v1/status/buildinfo", &[]).await;
    for info in [&info["data"], &loki] {
        // A version to switch features by, and a name that is not a claim to be the original.
        assert!(info["version"].as_str().is_some_and(|v| v.starts_with("3.")), "{info}");
        assert_eq!(info["revision"], concat!("firedrill-", env!("CARGO_PKG_VERSION")));
        assert_eq!(info["branch"], "embedded");
    }
    assert_eq!(
        backend.json(&backend.prometheus, "/api/v1/status/tsdb", &[]).await["data"]["headStats"]["numSeries"],
        0
    );
}

#[tokio::test]
async fn an_answer_carries_notes_and_keeps_to_the_limit_and_lookback_asked_for() {
    let backend = TestBackend::start().await;
    let now = now_ns();
    let at = |seconds: u64| (now - seconds * 1_000_000_000).to_string();
    let points = |queue: &str| {
        json!([
            {"timeUnixNano": at(30), "asDouble": 1.0, "attributes": [{"key": "queue", "value": {"stringValue": queue}}]},
            {"timeUnixNano": at(20), "asDouble": 2.0, "attributes": [{"key": "queue", "value": {"stringValue": queue}}]},
        ])
    };
    for queue in ["a", "b"] {
        send(&backend, json!([{"name": "waiting", "gauge": {"dataPoints": points(queue)}}])).await;
    }
    let time = (now as f64 / 1e9).to_string();
    let ask = |query: &'static str, extra: (&'static str, &'static str)| {
        let (backend, time) = (&backend, time.clone());
        async move {
            backend
                .json(&backend.prometheus, "/api/v1/query", &[("query", query), ("time", &time), extra])
                .await
        }
    };
    let noted = ask("rate(waiting[1m]) > quantile(2, waiting)", ("limit", "0")).await;
    assert_eq!(
        noted["warnings"],
        json!(["PromQL warning: quantile value should be between 0 and 1, got 2 (1:30)"])
    );
    assert_eq!(
        noted["infos"],
        json!([
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"waiting\" (1:6)"
        ])
    );
    let cut = ask("waiting", ("limit", "1")).await;
    assert_eq!(cut["data"]["result"].as_array().map(Vec::len), Some(1));
    assert_eq!(cut["warnings"], json!(["results truncated due to limit"]));
    let whole = ask("waiting", ("limit", "2")).await;
    assert_eq!(whole["data"]["result"].as_array().map(Vec::len), Some(2));
    assert_eq!(whole["warnings"], Value::Null);
    let back = |seconds| ask("count(waiting)", ("lookback_delta", seconds));
    assert_eq!(back("10").await["data"]["result"], json!([]));
    assert_eq!(back("25s").await["data"]["result"][0]["value"][1], "2");
}

#[tokio::test]
async fn errors_have_prometheus_shape() {
    let backend = TestBackend::start().await;
    for (path, status, kind, said) in [
        (
            "/api/v1/query?query=sum(",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis",
        ),
        (
            "/api/v1/query",
            400,
            "bad_data",
            "invalid parameter \"query\": unknown position: parse error: no expression found in input",
        ),
        (
            "/api/v1/query?query=up&time=x",
            400,
            "bad_data",
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "/api/v1/query?query=histogram_avg(up)",
            422,
            "execution",
            "the function histogram_avg(), of native histograms, is not supported yet",
        ),
        ("/api/v1/query?query=up&limit=-1", 400, "bad_data", "invalid parameter \"limit\": limit must be"),
        (
            "/api/v1/query_range?query=up&start=1&end=0&step=1",
            400,
            "bad_data",
            "invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            "/api/v1/query_range?query=up&start=0&end=1&step=0",
            400,
            "bad_data",
            "invalid parameter \"step\": zero or negative query resolution",
        ),
        (
            "/api/v1/query_range?query=up&start=0&end=11001&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries.",
        ),
        (
            "/api/v1/query_range?query=up[1m]&start=0&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"query\": invalid expression type \"range vector\" for range query",
        ),
        ("/api/v1/series", 400, "bad_data", "no match[] parameter provided"),
    ] {
        let answer = backend.get(&backend.prometheus, path).await;
        assert_eq!(answer.status(), status, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!((&body["status"], &body["errorType"]), (&json!("error"), &json!(kind)), "{path}");
        let error = body["error"].as_str().expect("a message");
        assert!(error.starts_with(said), "{path}: {error}");
    }
    let unknown = backend.get(&backend.prometheus, "/api/v1/nothing").await;
    assert_eq!(
        (unknown.status().as_u16(), unknown.text().await.expect("text")),
        (404, "404 page not found\n".to_owned())
    );
    assert!(backend.metric("backend_bad_queries_total").await >= 10.0);
}
