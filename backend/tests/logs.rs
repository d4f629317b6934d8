//! Logs come in by OTLP and by Loki's push, and are readable through Loki's API.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use serde_json::{Value, json};

use crate::harness::{TestBackend, attribute, now_ns, resource, text};

fn record(body: &str, severity: i32, trace: u8) -> LogRecord {
    LogRecord {
        time_unix_nano: now_ns(),
        severity_number: severity,
        severity_text: "ERROR".to_owned(),
        body: Some(AnyValue { value: Some(Any::StringValue(body.to_owned())) }),
        attributes: vec![
            text("correlation_id", &format!("corr-{trace}")),
            attribute("http.response.status_code", Any::IntValue(503)),
        ],
        trace_id: vec![trace; 16],
        span_id: vec![trace; 8],
        ..LogRecord::default()
    }
}

fn export(records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource("shop")),
            scope_logs: vec![ScopeLogs {
                scope: Some(InstrumentationScope { name: "http".to_owned(), ..Default::default() }),
                log_records: records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

async fn stored(backend: &TestBackend, n: f64) {
    backend
        .until("the logs are stored", || async {
            backend.metric("backend_ingested_log_records_total").await >= n
        })
        .await;
}

/// A sender that hears no answer sends again.
#[tokio::test]
async fn what_is_sent_again_is_counted_once() {
    let backend = TestBackend::start().await;
    let (ts, other) = (now_ns(), now_ns() + 1);
    let entry = |ts: u64, line: &str| json!([ts.to_string(), line, {"trace_id": "1"}]);
    let values = json!([entry(ts, "paid"), entry(ts, "paid"), entry(ts, "shipped"), entry(other, "paid")]);
    let push = json!({"streams": [{"stream": {"app": "shop"}, "values": values}]});
    let records = export(vec![record("refused", 17, 1)]);
    for _ in 0..3 {
        let answer =
            backend.client.post(format!("{}/loki/api/v1/push", backend.loki)).json(&push).send().await;
        assert_eq!(answer.expect("an answer").status(), 204);
        let answer = backend.client.post(format!("{}/v1/logs", backend.otlp));
        let answer = answer.header("content-type", "application/x-protobuf").body(records.encode_to_vec());
        assert_eq!(answer.send().await.expect("an answer").status(), 200);
    }
    backend
        .until("all were written or left out", || async {
            let written = backend.metric("backend_ingested_log_records_total").await;
            written + backend.metric("backend_repeated_log_records_total").await >= 15.0
        })
        .await;
    let mut shop = lines(&backend, r#"{app="shop"}"#).await;
    shop.sort();
    assert_eq!(shop, ["paid", "paid", "shipped"]);
    assert_eq!(lines(&backend, r#"{service_name="shop", app=""}"#).await, ["refused"]);
    backend.stop().await;
}

#[tokio::test]
async fn records_out_of_time_are_refused_one_by_one() {
    let backend = TestBackend::start().await;
    let hour = 3_600_000_000_000;
    let at = |time_unix_nano| LogRecord { time_unix_nano, ..record("now", 9, 1) };
    let records = vec![at(1), at(now_ns() - 25 * hour), at(now_ns()), at(now_ns() + hour), at(u64::MAX)];
    let mut client = LogsServiceClient::connect(backend.grpc.clone()).await.expect("a connection");
    let answer = client.export(export(records)).await.expect("taken").into_inner();
    let partial = answer.partial_success.expect("told");
    assert_eq!(partial.rejected_log_records, 4);
    for reason in
        ["2: the record is older than what is kept", "2: the record is from more than 10 minutes ahead"]
    {
        assert!(partial.error_message.contains(reason), "{}", partial.error_message);
    }
    stored(&backend, 1.0).await;
    assert_eq!(backend.metric("backend_refused_items_total{signal=\"logs\"}").await, 4.0);
    assert_eq!(lines(&backend, r#"{service_name="shop"}"#).await, ["now"]);
    backend.stop().await;
}

async fn streams(backend: &TestBackend, query: &str) -> Vec<Value> {
    let found = backend.json(&backend.loki, "/loki/api/v1/query_range", &[("query", query)]).await;
    assert_eq!(found["data"]["resultType"], "streams");
    found["data"]["result"].as_array().expect("a list").clone()
}

async fn lines(backend: &TestBackend, query: &str) -> Vec<String> {
    let streams = streams(backend, query).await;
    let values = streams.iter().flat_map(|s| s["values"].as_array().expect("values"));
    values.map(|v| v[1].as_str().expect("a line").to_owned()).collect()
}

#[tokio::test]
async fn otlp_logs_become_streams_with_structured_metadata() {
    let backend = TestBackend::start().await;
    let mut client = LogsServiceClient::connect(backend.grpc.clone()).await.expect("a connection");
    client.export(export(vec![record("first", 17, 1)])).await.expect("accepted");
    for url in [format!("{}/v1/logs", backend.otlp), format!("{}/otlp/v1/logs", backend.loki)] {
        let body = export(vec![record("second", 9, 2)]).encode_to_vec();
        assert_eq!(backend.post(url, "application/x-protobuf", body).await.status(), 200);
    }
    stored(&backend, 3.0).await;

    let id = "01".repeat(16);
    let found = streams(&backend, &format!(r#"{{service_name="shop"}} | trace_id="{id}""#)).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["values"][0][1], "first");
    let expected = json!({
        "service_name": "shop", "service_version": "1.2.3", "scope_name": "http", "trace_id": id, "span_id": "01".repeat(8),
        "severity_text": "ERROR", "severity_number": "17", "detected_level": "error", "correlation_id": "corr-1",
        "http_response_status_code": "503",
    });
    assert_eq!(found[0]["stream"], expected);
    assert_eq!(
        lines(&backend, r#"{service_name="shop"} | correlation_id="corr-2""#).await,
        ["second", "second"]
    );
    assert_eq!(
        lines(&backend, r#"{service_name="shop"} | http_response_status_code>500 |= "fir""#).await,
        ["first"]
    );
}

#[tokio::test]
async fn categorised_labels_keep_metadata_beside_the_line() {
    let backend = TestBackend::start().await;
    let body = export(vec![record("x", 17, 1)]).encode_to_vec();
    backend.post(format!("{}/v1/logs", backend.otlp), "application/x-protobuf", body).await;
    stored(&backend, 1.0).await;
    let url = format!("{}/loki/api/v1/query_range", backend.loki);
    let request = backend.client.get(url).query(&[("query", r#"{service_name="shop"}"#)]);
    let answer = request
        .header("X-Loki-Response-Encoding-Flags", "categorize-labels")
        .send()
        .await
        .expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["data"]["encodingFlags"], json!(["categorize-labels"]));
    assert_eq!(body["data"]["result"][0]["stream"], json!({"service_name": "shop"}));
    assert_eq!(body["data"]["result"][0]["values"][0][2]["structuredMetadata"]["correlation_id"], "corr-1");
}

#[tokio::test]
async fn pushed_json_is_readable_in_both_directions_and_limited() {
    let backend = TestBackend::start().await;
    let now = now_ns();
    let ts = |i: u64| (now - 1_000_000_000 + i).to_string();
    let body = json!({"streams": [{"stream": {"app": "a"}, "values": [
        [ts(1), r#"{"level":"warn","n":1}"#], [ts(2), "two", {"k": "v"}], [ts(3), "three"]]}]});
    let answer = backend
        .post(format!("{}/loki/api/v1/push", backend.loki), "application/json", body.to_string())
        .await;
    assert_eq!(answer.status(), 204);
    stored(&backend, 3.0).await;

    let ask = |direction: &'static str| {
        let backend = &backend;
        async move {
            let query = [("query", r#"{app="a"}"#), ("limit", "1"), ("direction", direction)];
            let found = backend.json(&backend.loki, "/loki/api/v1/query_range", &query).await;
            found["data"]["result"][0]["values"][0][1].as_str().expect("a line").to_owned()
        }
    };
    assert_eq!(ask("backward").await, "three");
    assert_eq!(ask("forward").await, r#"{"level":"warn","n":1}"#);
    assert_eq!(lines(&backend, r#"{app="a"} | json | n=1"#).await.len(), 1);
    assert_eq!(lines(&backend, r#"{app=~"a|b"} | k="v""#).await, ["two"]);
    let found = streams(&backend, r#"{service_name="a"} | detected_level="warn""#).await;
    assert_eq!(found[0]["stream"], json!({"app": "a", "service_name": "a", "detected_level": "warn"}));
}

#[tokio::test]
async fn pushed_snappy_protobuf_is_readable() {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Push {
        #[prost(message, repeated, tag = "1")]
        streams: Vec<Stream>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Stream {
        #[prost(string, tag = "1")]
        labels: String,
        #[prost(message, repeated, tag = "2")]
        entries: Vec<Entry>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Entry {
        #[prost(message, optional, tag = "1")]
        timestamp: Option<Time>,
        #[prost(string, tag = "2")]
        line: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Time {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }
    let backend = TestBackend::start().await;
    let timestamp = Some(Time { seconds: i64::try_from(now_ns() / 1_000_000_000).expect("small"), nanos: 5 });
    let entries = vec![Entry { timestamp, line: "pushed".to_owned() }];
    let push = Push { streams: vec![Stream { labels: r#"{app="a", env="x\"y"}"#.to_owned(), entries }] };
    let body = snap::raw::Encoder::new().compress_vec(&push.encode_to_vec()).expect("memory");
    let answer =
        backend.post(format!("{}/loki/api/v1/push", backend.loki), "application/x-protobuf", body).await;
    assert_eq!(answer.status(), 204);
    stored(&backend, 1.0).await;
    assert_eq!(lines(&backend, r#"{env="x\"y"}"#).await, ["pushed"]);
}

#[tokio::test]
async fn a_client_may_name_snappy_as_the_content_encoding_too() {
    let backend = TestBackend::start().await;
    let nothing = snap::raw::Encoder::new().compress_vec(&[]).expect("memory");
    let push = reqwest::Client::new()
        .post(format!("{}/loki/api/v1/push", backend.loki))
        .header("content-type", "application/x-protobuf")
        .header("content-encoding", "snappy")
        .body(nothing);
    let answer = push.send().await.expect("an answer");
    assert_eq!(answer.status(), 422);
    let said = answer.text().await.expect("text");
    assert_eq!(said, "error at least one valid stream is required for ingestion");
}

#[tokio::test]
async fn labels_values_series_and_stats_speak_of_what_is_stored() {
    let backend = TestBackend::start().await;
    let body = json!({"streams": [
        {"stream": {"app": "a"}, "values": [[now_ns().to_string(), "xx"]]},
        {"stream": {"app": "b", "env": "e"}, "values": [[now_ns().to_string(), "y"]]}]});
    backend.post(format!("{}/loki/api/v1/push", backend.loki), "application/json", body.to_string()).await;
    stored(&backend, 2.0).await;
    let labels = backend.json(&backend.loki, "/loki/api/v1/labels", &[]).await;
    assert_eq!(labels, json!({"status": "success", "data": ["app", "env", "service_name"]}));
    let values = backend.json(&backend.loki, "/loki/api/v1/label/app/values", &[]).await;
    assert_eq!(values["data"], json!(["a", "b"]));
    let series = backend.json(&backend.loki, "/loki/api/v1/series", &[("match[]", r#"{env="e"}"#)]).await;
    assert_eq!(series["data"], json!([{"app": "b", "env": "e", "service_name": "b"}]));
    let stats = backend.json(&backend.loki, "/loki/api/v1/index/stats", &[("query", r#"{app="a"}"#)]).await;
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(1), &json!(1)));
    assert_eq!(backend.get(&backend.loki, "/ready").await.text().await.expect("text"), "ready\n");
}

#[tokio::test]
async fn errors_are_lokis_plain_text() {
    let backend = TestBackend::start().await;
    for (query, said) in [
        ("{app=\"a\"", "parse error at line 1, col"),
        ("", "parse error : syntax error: unexpected $end"),
        ("sum_over_time({app=\"a\"}[5m])", "parse error : invalid aggregation sum_over_time without unwrap"),
        (
            "approx_topk(3, rate({app=\"a\"}[5m]))",
            "approx_topk() is not supported yet by the embedded backend",
        ),
        ("{app=~\".*\"}", "parse error : queries require at least one"),
    ] {
        let url = format!("{}/loki/api/v1/query_range", backend.loki);
        let answer = backend.client.get(url).query(&[("query", query)]).send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{query}");
        let text = answer.text().await.expect("text");
        assert!(text.starts_with(said), "{query}: {text}");
    }
    let too_many = [("query", "{a=\"b\"}"), ("limit", "10000")];
    let answer =
        backend.client.get(format!("{}/loki/api/v1/query_range", backend.loki)).query(&too_many).send().await;
    assert!(
        answer
            .expect("an answer")
            .text()
            .await
            .expect("text")
            .starts_with("max entries limit per query exceeded")
    );
    assert_eq!(backend.get(&backend.loki, "/loki/api/v1/nothing").await.status(), 404);
}
