//! The endpoints beside the queries.

use serde_json::{Value, json};

use super::Both;
use super::answers::place;

#[tokio::test]
async fn lokis_other_endpoints_answer_alike() {
    let Some(both) = Both::start().await else { return };
    let (start, end) = ((both.start_s - 60).to_string(), (both.start_s + 660).to_string());
    let mut differences = Vec::new();
    for (path, query) in [
        ("labels", vec![]),
        ("labels", vec![("query", r#"{env="dev"}"#)]),
        ("labels", vec![("query", r#"{env="dev"} | json"#)]),
        ("labels", vec![("since", "1h30m")]),
        ("labels", vec![("since", "-5")]),
        ("labels", vec![("since", "5")]),
        ("labels", vec![("since", "1e400")]),
        ("labels", vec![("since", "1x")]),
        ("labels", vec![("since", "300y")]),
        ("label/app/values", vec![]),
        ("label/app/values", vec![("query", r#"{env="dev"}"#)]),
        ("label/trace_id/values", vec![]),
        ("series", vec![]),
        ("series", vec![("match[]", r#"{env="dev"}"#)]),
        ("series", vec![("match[]", r#"{env="dev",app="api"}"#), ("match[]", r#"{app="nginx"}"#)]),
        ("series", vec![("match[]", r#"{env="dev"} |= "x""#)]),
        ("index/stats", vec![("query", r#"{env="dev"} |= "x""#)]),
        ("index/stats", vec![]),
        ("index/volume", vec![("query", r#"{app=~".+"}"#)]),
        ("index/volume", vec![("query", r#"{app=~".+"}"#), ("targetLabels", "env")]),
        ("index/volume", vec![("query", r#"{app=~".+"}"#), ("aggregateBy", "labels")]),
        ("index/volume", vec![("query", r#"{app=~".+"}"#), ("limit", "1")]),
        ("index/volume", vec![("query", r#"{app=~".+"}"#), ("limit", "0")]),
        ("index/volume", vec![("query", r#"{app=~".+"}"#), ("limit", "x")]),
        ("index/volume", vec![("query", r#"{app=~".+"}"#), ("limit", "-1")]),
        ("index/volume", vec![("query", r#"{app=~".+"}"#), ("aggregateBy", "x")]),
        ("index/volume_range", vec![("query", r#"{app=~".+"}"#), ("step", "1h")]),
        ("index/volume_range", vec![("query", r#"{app=~".+"}"#), ("step", "1h"), ("targetLabels", "env")]),
        ("index/volume_range", vec![("query", r#"{app=~".+"}"#), ("step", "1h"), ("aggregateBy", "labels")]),
        ("index/volume_range", vec![("query", r#"{app=~".+"}"#), ("step", "0")]),
        ("index/volume_range", vec![("query", r#"{app=~".+"}"#), ("step", "1ms")]),
        ("index/volume_range", vec![("query", r#"{app="nothing"}"#)]),
        ("index/volume_range", vec![]),
        ("index/shards", vec![("query", r#"{app="api"}"#)]),
        ("index/shards", vec![("targetBytesPerShard", "1KB")]),
        ("detected_field/method/values", vec![("query", r#"{app="api"}"#)]),
        ("detected_field/took/values", vec![("query", r#"{app="api"}"#)]),
        ("detected_field/status/values", vec![("query", r#"{app="api"} | json | status=200"#)]),
        ("detected_field/size/values", vec![("query", r#"{app=~".+"}"#)]),
        ("detected_field/trace_id/values", vec![("query", r#"{app=~".+"}"#)]),
        ("detected_field/nothing/values", vec![("query", r#"{app="api"}"#)]),
        ("detected_field/method/values", vec![("query", r#"{app="api"}"#), ("limit", "x")]),
        ("detected_field/method/values", vec![]),
        ("detected_fields", vec![("query", r#"{app="nothing"}"#)]),
        ("/prometheus/api/v1/rules", vec![]),
        ("/prometheus/api/v1/rules", vec![("type", "alert")]),
        ("/prometheus/api/v1/rules", vec![("type", "x")]),
        ("/prometheus/api/v1/alerts", vec![]),
        ("detected_labels", vec![("query", r#"{app="api"}"#)]),
        ("detected_labels", vec![]),
        ("detected_fields", vec![("query", r#"{app="api"}"#)]),
        ("detected_fields", vec![("query", r#"{app="worker"}"#)]),
        ("detected_fields", vec![("query", r#"{app="nginx"}"#)]),
        ("detected_fields", vec![("query", r#"{app="api"} | json | status=200"#)]),
    ] {
        let mut answers = Vec::new();
        for base in [&both.loki.url, &both.backend.loki] {
            let mut asked = query.clone();
            asked.extend([("start", start.as_str()), ("end", end.as_str())]);
            let root = if path.starts_with('/') { "" } else { "/loki/api/v1/" };
            let url = format!("{base}{root}{path}");
            let answer = both.backend.client.get(url).query(&asked).send().await.expect("an answer");
            let status = answer.status().as_u16();
            let text = answer.text().await.expect("a body");
            let mut body: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!(text.trim()));
            if path == "index/volume_range" {
                metrics_alone(&mut body);
            }
            tidy(&mut body);
            answers.push(json!({"status": status, "body": body}));
        }
        if let Some(place) = place(&answers[0], &answers[1], "") {
            differences.push(format!("{path} {query:?}{place}"));
        }
    }
    let shown = differences.join("\n");
    assert!(differences.is_empty(), "{} answers differ:\n{shown}", differences.len());
    both.backend.stop().await;
}

#[tokio::test]
async fn queries_are_written_anew_alike() {
    let Some(both) = Both::start().await else { return };
    let long = [
        r#"sum by (app, env) (count_over_time({app=~".+"} |= "a" | json | status >= 500 or took > 1.5s | line_format "{{.x}}" [5m] offset 90s)) / ignoring(env) group_left(app) sum(rate({app="b"}[1h]))"#,
        r#"quantile_over_time(0.99, {app="api", env="production", region="north"} | json | unwrap duration(took) | __error__="" [5m]) by (path, method, status)"#,
        r#"{app="api"} |= "one" != "two" |~ "three.*" !~ "four" | logfmt --strict a="b", c | label_format x=y, z="{{.q}}" | drop a, b="c" | keep d"#,
        r#"label_replace(topk(5, sum by (path) (rate({app="api"} | pattern "<_> <path> <_>" | unpack | decolorize [1m]))), "a", "$1", "path", "/(.*)")"#,
    ];
    let queries = super::all_queries().into_iter().chain(long.map(str::to_owned));
    let mut differences = Vec::new();
    for query in queries {
        let mut answers = Vec::new();
        for base in [&both.loki.url, &both.backend.loki] {
            let url = format!("{base}/loki/api/v1/format_query");
            let asked = both.backend.client.get(url).query(&[("query", &query)]);
            let body: Value = asked.send().await.expect("an answer").json().await.expect("JSON");
            answers.push(body);
        }
        // A stage that cannot work is written by Loki, which notices it only when it runs.
        if answers[1]["error"].as_str().is_some_and(|e| e.starts_with("parse error : stage")) {
            continue;
        }
        if answers[0]["data"] != answers[1]["data"] || answers[0]["status"] != answers[1]["status"] {
            differences.push(format!("{query}\n  Loki: {}\n  ours: {}", answers[0], answers[1]));
        }
    }
    let shown = differences.join("\n");
    assert!(differences.is_empty(), "{} answers differ:\n{shown}", differences.len());
    both.backend.stop().await;
}

/// Sorts what has no order, and leaves out what each counts in its own way: bytes on disk, and its own work.
fn tidy(body: &mut Value) {
    if !body.is_object() {
        return;
    }
    if let Value::Object(fields) = &mut body["data"] {
        fields.remove("stats");
        if let Some(Value::Array(result)) = fields.get_mut("result") {
            for one in result {
                if let Some(value) = one.get_mut("value") {
                    value[1] = Value::Null;
                }
            }
        }
    }
    if body["data"].is_null()
        && let Value::Object(fields) = body
    {
        fields.remove("data");
    }
    sort(body);
}

/// In which steps a stream has bytes, Loki estimates: what is left is which streams have any.
fn metrics_alone(body: &mut Value) {
    let Some(Value::Object(data)) = body.get_mut("data") else { return };
    data.remove("resultType");
    for one in data.get_mut("result").and_then(Value::as_array_mut).into_iter().flatten() {
        *one = json!({"metric": one["metric"]});
    }
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(sort),
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(Value::to_string);
        }
        _ => {}
    }
}
