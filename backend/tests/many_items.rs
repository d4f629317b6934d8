//! A few kilobytes may unpack to a million empty spans, each of which takes a hundred times its two bytes once decoded:
//! a request is refused by what its items would take, whichever way it comes, before they are made.

use reqwest::Response;

use crate::grpc::{Call, framed};
use crate::harness::{TestBackend, export, gzip, span};

/// So many that any kind of item takes more than the bound.
const MANY: usize = 1_000_000;
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A message with one field of these bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut message = vec![tag << 3 | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        message.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(bytes);
    message
}

/// Many empty messages of the last tag, within messages of those before it.
fn nested(tags: &[u8]) -> Vec<u8> {
    let (last, outer) = tags.split_last().expect("a tag");
    outer.iter().rfold([last << 3 | 2, 0].repeat(MANY), |inner, tag| field(*tag, &inner))
}

/// Many items, comma by comma, in place of `*`.
fn many(text: &str, item: &str) -> Vec<u8> {
    text.replace('*', &vec![item; MANY].join(",")).into_bytes()
}

async fn send(backend: &TestBackend, url: String, kind: &str, encoding: &str, body: Vec<u8>) -> Response {
    let request = backend.client.post(url).header("content-type", kind).header("content-encoding", encoding);
    request.body(body).send().await.expect("an answer")
}

async fn refused(backend: &TestBackend, signal: &str, bodies: Vec<(String, &str, &str, Vec<u8>)>) {
    let count = bodies.len();
    for (url, kind, encoding, body) in bodies {
        let unpacked = body.len();
        let body = if encoding == "gzip" { gzip(&body) } else { body };
        let answer = send(backend, url.clone(), kind, encoding, body).await;
        let status = answer.status();
        let told = answer.bytes().await.expect("a body");
        let told = String::from_utf8_lossy(&told);
        assert_eq!(status, 413, "{url} {kind}, {unpacked} bytes: {told}");
        assert!(told.contains("once decoded") && told.contains("50331648"), "{url} {kind}: {told}");
    }
    let bad = backend.metric(&format!("backend_bad_requests_total{{signal=\"{signal}\"}}")).await;
    assert_eq!(bad, count as f64, "{signal}");
}

#[tokio::test]
async fn many_empty_spans_or_parts_of_one_are_refused() {
    let backend = TestBackend::start().await;
    let url = format!("{}/v1/traces", backend.otlp);
    let packed = [&[1][..], &[1, 2], &[1, 2, 2], &[1, 1, 1], &[1, 2, 2, 9], &[1, 2, 2, 11], &[1, 2, 2, 13]]
        .map(|tags| (url.clone(), PROTOBUF, "gzip", nested(tags)));
    let value = r#"{"key":"k","value":{"arrayValue":{"values":[*]}}}"#;
    let texts = [
        (r#"{"resourceSpans":[*]}"#, "{}"),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[*]}]}]}"#, "{}"),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[*]}]}]}]}"#, r#"{"key":""}"#),
        (&format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{value}]}}}}]}}"#), "{},{}"),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"unknown":[*]}]}]}]}"#, "[[]]"),
    ]
    .map(|(text, item)| (url.clone(), JSON, "gzip", many(text, item)));
    refused(&backend, "spans", packed.into_iter().chain(texts).collect()).await;
    backend.send(&export("shop", vec![span(1, 1, None, "x")])).await;
}

#[tokio::test]
async fn what_is_written_as_a_list_of_parts_has_no_more_than_its_own() {
    let backend = TestBackend::start().await;
    let traces = many(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[*]}]}]}"#, "[]");
    let answer = send(&backend, format!("{}/v1/traces", backend.otlp), JSON, "gzip", gzip(&traces)).await;
    assert_eq!(answer.status(), 400);
    let push = many(r#"{"streams":[{"stream":{"a":"b"},"values":[["1","",*]]}]}"#, "1");
    let answer =
        send(&backend, format!("{}/loki/api/v1/push", backend.loki), JSON, "gzip", gzip(&push)).await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn many_empty_log_records_are_refused_by_otlp_and_by_loki() {
    let backend = TestBackend::start().await;
    let (otlp, push) = (format!("{}/v1/logs", backend.otlp), format!("{}/loki/api/v1/push", backend.loki));
    let snappy = |bytes: &[u8]| snap::raw::Encoder::new().compress_vec(bytes).expect("memory");
    let labelled = field(1, &[field(1, br#"{a="b"}"#), nested(&[2])].concat());
    let bodies = vec![
        (otlp.clone(), PROTOBUF, "gzip", nested(&[1, 2, 2])),
        (otlp.clone(), PROTOBUF, "gzip", nested(&[1, 2, 2, 6])),
        (otlp, JSON, "gzip", many(r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[*]}]}]}"#, "{}")),
        (push.clone(), PROTOBUF, "snappy", snappy(&nested(&[1]))),
        (push.clone(), PROTOBUF, "snappy", snappy(&labelled)),
        (push.clone(), JSON, "gzip", many(r#"{"streams":[*]}"#, "{}")),
        (push, JSON, "gzip", many(r#"{"streams":[{"stream":{"a":"b"},"values":[*]}]}"#, r#"["1",""]"#)),
    ];
    refused(&backend, "logs", bodies).await;
    assert_eq!(backend.metric("backend_ingested_log_records_total").await, 0.0);
}

#[tokio::test]
async fn many_empty_data_points_are_refused() {
    let backend = TestBackend::start().await;
    let url = format!("{}/v1/metrics", backend.otlp);
    let text =
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[*]}}]}]}]}"#;
    let bodies = vec![
        (url.clone(), PROTOBUF, "gzip", nested(&[1, 2, 2])),
        (url.clone(), PROTOBUF, "gzip", nested(&[1, 2, 2, 5, 1])),
        (url.clone(), PROTOBUF, "gzip", nested(&[1, 2, 2, 9, 1, 9])),
        (url, JSON, "gzip", many(text, "{}")),
    ];
    refused(&backend, "samples", bodies).await;
}

#[tokio::test]
async fn many_empty_items_are_refused_over_grpc() {
    let backend = TestBackend::start().await;
    let call = Call::open(&backend, &[("grpc-encoding", "gzip")]).await;
    call.send(&framed(1, &gzip(&nested(&[1, 2, 2]))));
    assert_eq!(call.end().await, "8");
    assert_eq!(backend.metric(r#"backend_bad_requests_total{signal="spans"}"#).await, 1.0);
}

/// What is said once of a resource stands beside each of its items.
#[tokio::test]
async fn what_a_long_resource_makes_of_its_items_is_bounded_too() {
    let long =
        format!(r#"{{"attributes":[{{"key":"long","value":{{"stringValue":"{}"}}}}]}}"#, "x".repeat(1 << 20));
    let items = |item: &str| vec![item; 2000].join(",");
    let span = r#"{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708"}]}"#;
    let bounds = items("1");
    let histogram = format!(
        r#"{{"name":"h","histogram":{{"aggregationTemporality":2,"dataPoints":[{{"attributes":[{{"key":"long","value":{{"stringValue":"{}"}}}}],"explicitBounds":[{bounds}],"bucketCounts":[{bounds},1]}}]}}}}"#,
        "x".repeat(1 << 20)
    );
    for (path, rejected, body) in [
        (
            "logs",
            "rejectedLogRecords",
            format!(
                r#"{{"resourceLogs":[{{"resource":{long},"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
                items("{}")
            ),
        ),
        (
            "traces",
            "rejectedSpans",
            format!(r#"{{"resourceSpans":[{{"resource":{long},"scopeSpans":[{}]}}]}}"#, items(span)),
        ),
        (
            "metrics",
            "rejectedDataPoints",
            format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{histogram}]}}]}}]}}"#),
        ),
    ] {
        // Of its own: the queue to the store holds not much more than one of these.
        let backend = TestBackend::start().await;
        let answer =
            send(&backend, format!("{}/v1/{path}", backend.otlp), JSON, "identity", body.into_bytes()).await;
        assert_eq!(answer.status(), 200, "{path}");
        let told: serde_json::Value = answer.json().await.expect("JSON");
        let refused = &told["partialSuccess"][rejected];
        let refused = refused.as_u64().or_else(|| refused.as_str()?.parse().ok()).unwrap_or_default();
        assert!((1900..2100).contains(&refused), "{path}: {told}");
        assert!(
            told["partialSuccess"]["errorMessage"].as_str().is_some_and(|m| m.contains("64 MiB")),
            "{told}"
        );
    }
}
