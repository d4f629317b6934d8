//! The rest of Prometheus' HTTP API beside the real one: what is known of series and labels, formatting, statistics, remote
//! write's status codes, federation, and `promtool` pointed at both.

use std::path::Path;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::process::Command;

use super::prometheus::Prometheus;
use super::promql::all_queries;
use super::{programs, samples};
use crate::harness::{TestBackend, now_ns};
use crate::remote::{self, packed, series, write};

/// Asked of both; equal in status, kind of error, data and warnings. Which values are left where there is a limit is
/// chance in Prometheus, and not asked.
const REQUESTS: &[&str] = &[
    "/api/v1/series?match[]=requests_total",
    "/api/v1/series?match[]=requests_total&match[]=info&match[]=requests_total{group=\"canary\"}",
    "/api/v1/series?match[]={__name__=~\"r.*_total\",host!=\"a:1\"}",
    "/api/v1/series?match[]={group=~\"can.*|prod.*\",path!~\"/x\"}",
    "/api/v1/series?match[]={n=\"\",__name__=\"rare\"}",
    "/api/v1/series?match[]=nothing_at_all",
    "/api/v1/series?match[]=requests_total&start=1600000000&end=1600000001",
    "/api/v1/series?match[]=lone&start=1700000000&end=1700009999",
    "/api/v1/series?match[]=rare&start=2023-11-14T00:00:00Z&end=2023-11-15T00:00:00Z",
    "/api/v1/series?match[]=rare&start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999999999Z",
    "/api/v1/series?match[]=requests_total&limit=100",
    "/api/v1/series?match[]=requests_total&limit=0",
    "/api/v1/series?match[]=requests_total&limit=-1",
    "/api/v1/series?match[]=requests_total&limit=x",
    "/api/v1/series?match[]=requests_total&start=soon",
    "/api/v1/series?match[]=requests_total&end=soon",
    "/api/v1/series",
    "/api/v1/series?match[]=",
    "/api/v1/series?match[]={}",
    "/api/v1/series?match[]={a=\"\"}",
    "/api/v1/series?match[]={a=~\".*\"}",
    "/api/v1/series?match[]=rate(requests_total[5m])",
    "/api/v1/series?match[]=requests_total offset 5m",
    "/api/v1/series?match[]=requests_total[5m]",
    "/api/v1/series?match[]={a=~\"(\"}",
    "/api/v1/labels",
    "/api/v1/labels?match[]=requests_total",
    "/api/v1/labels?match[]=requests_total&match[]=info",
    "/api/v1/labels?match[]=nothing_at_all",
    "/api/v1/labels?start=1600000000&end=1600000001",
    "/api/v1/labels?start=1700000000&end=1700009999",
    "/api/v1/labels?limit=3",
    "/api/v1/labels?limit=1000",
    "/api/v1/labels?limit=-1",
    "/api/v1/labels?limit=x",
    "/api/v1/labels?start=x",
    "/api/v1/labels?match[]={}",
    "/api/v1/labels?match[]=sum(",
    "/api/v1/label/host/values",
    "/api/v1/label/__name__/values",
    "/api/v1/label/__name__/values?limit=1000",
    "/api/v1/label/__name__/values?match[]={host=\"a:1\"}",
    "/api/v1/label/host/values?match[]=requests_total&match[]=latency_seconds_bucket",
    "/api/v1/label/host/values?match[]=temperature{host!~\"a.*\"}",
    "/api/v1/label/host/values?start=1600000000&end=1600000001",
    "/api/v1/label/nothing/values",
    "/api/v1/label/not-a-name/values",
    "/api/v1/label/U__host/values",
    "/api/v1/label/U__ho_73_t/values",
    "/api/v1/label/host/values?match[]={}",
    "/api/v1/label/host/values?limit=x",
    "/api/v1/metadata",
    "/api/v1/metadata?limit=x",
    "/api/v1/metadata?limit=-1",
    "/api/v1/metadata?limit_per_metric=x",
    "/api/v1/metadata?metric=nothing",
    "/api/v1/targets",
    "/api/v1/targets?state=active",
    "/api/v1/targets?state=dropped",
    "/api/v1/targets?state=ANY",
    "/api/v1/targets?scrapePool=x",
    "/api/v1/rules",
    "/api/v1/rules?type=alert",
    "/api/v1/rules?type=x",
    "/api/v1/rules?exclude_alerts=maybe",
    "/api/v1/rules?exclude_alerts=TRUE",
    "/api/v1/rules?group_limit=x",
    "/api/v1/rules?group_limit=0",
    "/api/v1/rules?group_limit=5",
    "/api/v1/rules?group_next_token=x",
    "/api/v1/rules?group_limit=5&group_next_token=x",
    "/api/v1/rules?match[]=sum(",
    "/api/v1/alerts",
    "/api/v1/alertmanagers",
    "/api/v1/status/walreplay",
    "/api/v1/status/tsdb?limit=0",
    "/api/v1/status/tsdb?limit=x",
    "/api/v1/status/tsdb?limit=10001",
    "/api/v1/query_exemplars?query=requests_total&start=5&end=1",
    "/api/v1/query_exemplars?query=requests_total&start=x",
    "/api/v1/query_exemplars?query=sum(",
    "/api/v1/query_exemplars?query=nothing_at_all",
    "/api/v1/query_exemplars?query=1",
    "/api/v1/format_query?query=",
    "/api/v1/format_query",
    "/api/v1/format_query?query=sum(",
    "/api/v1/query?query=1&time=5&stats=some",
    "/api/v1/nothing",
    "/federate",
    "/federate?match[]=nothing_at_all",
    "/federate?match[]=sum(",
    "/-/ready",
    "/-/healthy",
];

/// What readers of federated pages accept. None that asks for protobuf, in which ours does not answer.
const ACCEPTED: &[&str] = &[
    "",
    "*/*",
    "text/plain",
    "text/*;escaping=dots",
    "text/plain;escaping=allow-utf-8",
    "text/plain; version=0.0.4 ; escaping = dots",
    "text/plain;version=0.0.4;escaping=values",
    "text/plain;version=0.0.4;escaping=underscores, text/plain;escaping=allow-utf-8;q=0.9",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "text/plain;escaping=other",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "application/json;escaping=dots",
    "application/json;escaping=dots;q=0.1,text/plain;q=0.5",
];

/// Queries whose samples are counted.
const COUNTED: &[&str] = &[
    "requests_total",
    "rare",
    "sum(rate(requests_total[5m]))",
    "rate(flapping[2m])",
    "temperature > 3",
    "temperature + on (host, group) memory_bytes",
    "histogram_quantile(0.9, rate(latency_seconds_bucket[5m]))",
    "1",
    "avg_over_time(temperature[10m] offset 5m)",
];

#[tokio::test]
async fn the_api_answers_like_prometheus() {
    let backend = TestBackend::with(|config| {
        config.retention = std::time::Duration::from_secs(100 * 365 * 86_400);
        // As the other one is set.
        config.evaluation_interval = std::time::Duration::from_secs(60);
    })
    .await;
    let client = &backend.client;
    let Some(prometheus) = Prometheus::start(client).await else { return };
    let both = [prometheus.url.as_str(), backend.prometheus.as_str()];
    let sent = samples::written(&samples::all());
    for base in both {
        write(client, base, sent.clone()).await;
    }
    let mut found = Vec::new();
    for request in REQUESTS {
        let [theirs, mine] = [ask(client, both[0], request).await, ask(client, both[1], request).await];
        if theirs != mine {
            found.push(format!("{request}\n    {theirs}\n    {mine}"));
        }
    }
    for query in all_queries() {
        let [theirs, mine] =
            [formatted(client, both[0], &query).await, formatted(client, both[1], &query).await];
        if theirs != mine && mine["data"] != Value::Null {
            found.push(format!("format {query}\n    {theirs}\n    {mine}"));
        }
    }
    for query in COUNTED {
        let [theirs, mine] = [counted(client, both[0], query).await, counted(client, both[1], query).await];
        if theirs != mine {
            found.push(format!("statistics of {query}\n    {theirs}\n    {mine}"));
        }
    }
    let [theirs, mine] = [cardinality(client, both[0]).await, cardinality(client, both[1]).await];
    if theirs != mine {
        found.push(format!("status/tsdb\n    {theirs}\n    {mine}"));
    }
    for (what, body, headers) in writes() {
        let mut said = Vec::new();
        for base in both {
            said.push(remote::post(client, base, body.clone(), &headers).await.status().as_u16());
        }
        if said[0] != said[1] {
            found.push(format!("remote write {what}: {said:?}"));
        }
    }
    // Last, since Prometheus takes nothing old beside it.
    let now = (now_ns() / 1_000_000) as i64 - 5000;
    let live = vec![
        series(&[("__name__", "live"), ("instance", "a:1")], &[(now, 1.5)]),
        series(&[("__name__", "live"), ("text", "a\\b\"c\nd")], &[(now, 1e9)]),
        series(&[("__name__", "lively")], &[(now, f64::NAN)]),
        series(&[("__name__", "live.ütf 8_x"), ("a:b", "c"), ("label.é_\"", "x")], &[(now, -2.0)]),
        series(&[("__name__", "live.no labels"), ("instance", "a")], &[(now, 0.0)]),
    ];
    for base in both {
        write(client, base, live.clone()).await;
    }
    let request = "/federate?match[]={__name__=~\"live.*\"}&match[]=lively";
    let [theirs, mine] = [ask(client, both[0], request).await, ask(client, both[1], request).await];
    if theirs != mine {
        found.push(format!("{request}\n    {theirs}\n    {mine}"));
    }
    for accepted in ACCEPTED {
        let [theirs, mine] = [
            federated(client, both[0], request, accepted).await,
            federated(client, both[1], request, accepted).await,
        ];
        if theirs != mine {
            found.push(format!("{request} as {accepted:?}\n    {theirs:?}\n    {mine:?}"));
        }
    }
    assert!(found.is_empty(), "{} answers differ:\n{}", found.len(), found.join("\n"));

    if let Some(promtool) = programs::find("promtool") {
        same_from_promtool(&promtool, both).await;
    }
    backend.stop().await;
}

/// An answer with what may differ taken out: the words of an error, the order of lists.
async fn ask(client: &Client, base: &str, path: &str) -> Value {
    let answer = client.get(format!("{base}{path}")).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    let Ok(mut body) = serde_json::from_str::<Value>(&text) else {
        return json!({"code": status, "text": if status == 400 { "" } else { text.as_str() }});
    };
    if let Some(list) = body["data"].as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
    if let Some(stats) = body["data"].as_object_mut() {
        stats.remove("stats");
    }
    json!({"code": status, "status": body["status"], "kind": body["errorType"], "data": body["data"], "warnings": body["warnings"]})
}

/// The type of a federated page, and its text.
async fn federated(client: &Client, base: &str, path: &str, accepted: &str) -> (String, String) {
    let request = client.get(format!("{base}{path}")).header("accept", accepted);
    let answer = request.send().await.expect("an answer");
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    (kind, answer.text().await.expect("a body"))
}

async fn formatted(client: &Client, base: &str, query: &str) -> Value {
    let request = client.post(format!("{base}/api/v1/format_query")).form(&[("query", query)]);
    request.send().await.expect("an answer").json().await.expect("JSON")
}

async fn counted(client: &Client, base: &str, query: &str) -> Value {
    let mut counts = Vec::new();
    let (start, end) = ("1700000000", "1700003600");
    for (path, form) in [
        ("query", vec![("query", query), ("time", "1700001811"), ("stats", "true")]),
        (
            "query_range",
            vec![("query", query), ("start", start), ("end", end), ("step", "67"), ("stats", "all")],
        ),
    ] {
        let answer =
            client.post(format!("{base}/api/v1/{path}")).form(&form).send().await.expect("an answer");
        let body: Value = answer.json().await.expect("JSON");
        let timings =
            body["data"]["stats"]["timings"].as_object().map(|t| t.keys().cloned().collect::<Vec<_>>());
        let samples = &body["data"]["stats"]["samples"];
        counts.push(json!([timings, samples["totalQueryableSamples"], samples["samplesRead"]]));
        assert!(samples["peakSamples"].is_u64(), "{body}");
    }
    json!(counts)
}

/// The counts of the label index, but for bounds of time and chunks, which are each store's own.
async fn cardinality(client: &Client, base: &str) -> Value {
    let mut data = ask(client, base, "/api/v1/status/tsdb?limit=10000").await["data"].clone();
    for (_, list) in data.as_object_mut().expect("an object").iter_mut() {
        if let Some(list) = list.as_array_mut() {
            list.sort_by_key(Value::to_string);
        }
    }
    for own in ["chunkCount", "minTime", "maxTime"] {
        data["headStats"][own] = Value::Null;
    }
    data
}

type Headers = Vec<(&'static str, &'static str)>;

/// Requests to write, most of them bad.
fn writes() -> Vec<(&'static str, Vec<u8>, Headers)> {
    let named = |name: &str, samples: &[(i64, f64)]| packed(vec![series(&[("__name__", name)], samples)]);
    let t = samples::END_MS;
    vec![
        ("gzip", named("w", &[(t, 1.0)]), vec![("content-encoding", "gzip")]),
        ("no encoding named", named("w0", &[(t, 1.0)]), vec![("content-encoding", "")]),
        ("no type named", named("w1", &[(t, 1.0)]), vec![("content-type", "")]),
        ("JSON", named("w2", &[(t, 1.0)]), vec![("content-type", "application/json")]),
        ("odd parameter", named("w3", &[(t, 1.0)]), vec![("content-type", "application/x-protobuf;proto")]),
        (
            "version 1",
            named("w4", &[(t, 1.0)]),
            vec![("content-type", "application/x-protobuf;proto=prometheus.WriteRequest")],
        ),
        ("no snappy", b"hello".to_vec(), vec![]),
        ("nothing", Vec::new(), vec![]),
        ("no protobuf", snap::raw::Encoder::new().compress_vec(b"hello").expect("memory"), vec![]),
        ("no series", packed(Vec::new()), vec![]),
        ("a new series", named("w5", &[(t, 1.0)]), vec![]),
        ("the same again", named("w5", &[(t, 1.0)]), vec![]),
        ("another value", named("w5", &[(t, 2.0)]), vec![]),
        ("out of order", named("w5", &[(t - 1, 1.0)]), vec![]),
        ("out of order within", named("w6", &[(t, 1.0), (t - 1, 1.0), (t + 1, 1.0)]), vec![]),
        ("far ahead", named("w7", &[(4_000_000_000_000, 1.0)]), vec![]),
        ("without a name", packed(vec![series(&[("a", "b")], &[(t, 1.0)])]), vec![]),
        (
            "one label twice",
            packed(vec![series(&[("__name__", "w8"), ("a", "b"), ("a", "c")], &[(t, 1.0)])]),
            vec![],
        ),
        (
            "labels out of order",
            packed(vec![series(&[("b", "1"), ("__name__", "w9"), ("a", "2")], &[(t, 1.0)])]),
            vec![],
        ),
    ]
}

/// `promtool` prints the same about both.
async fn same_from_promtool(promtool: &Path, both: [&str; 2]) {
    let (start, end) = ("--start=1700000000", "--end=1700003600");
    for args in [
        vec!["instant", "--time=1700001811", "URL", "sort(sum by (host) (rate(requests_total[5m])))"],
        vec!["instant", "--time=1700001811", "URL", "special"],
        vec!["instant", "--time=1700001811", "URL", "sum("],
        vec!["range", start, end, "--step=5m", "URL", "max by (group) (temperature)"],
        vec!["series", start, end, "--match=info", "--match=rare", "URL"],
        vec!["series", "--match={}", "URL"],
        vec!["labels", start, end, "URL", "host"],
        vec!["labels", "--match=info", start, end, "URL", "version"],
    ] {
        let mut said = Vec::new();
        for base in both {
            let given = args.iter().map(|a| if *a == "URL" { base } else { a });
            let done = Command::new(promtool).arg("query").args(given).output().await.expect("it runs");
            let text = String::from_utf8_lossy(&done.stdout);
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            // But for a query that sorts, series come in no promised order.
            if !args.iter().any(|a| a.starts_with("sort")) {
                lines.sort();
            }
            said.push((done.status.code(), lines));
        }
        assert_eq!(said[0], said[1], "promtool query {args:?}");
    }
}
