//! Malformed and oversized input is refused in the API's own shape, counted, and never stops the backend.

use std::io::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use serde_json::Value;

use crate::harness::{TestBackend, export, gzip, span};

#[tokio::test]
async fn malformed_bodies_are_refused_and_counted_and_the_backend_goes_on() {
    let backend = TestBackend::start().await;
    for (path, kind, body, status) in [
        ("/v1/traces", "application/x-protobuf", &b"\xff\xff\xff"[..], 400),
        ("/v1/traces", "application/json", b"{\"resourceSpans\": 7}", 400),
        ("/v1/traces", "text/plain", b"x", 415),
        ("/v1/logs", "application/json", b"[", 400),
        ("/v1/metrics", "application/x-protobuf", b"\x0a\xff", 400),
    ] {
        let answer = backend.post(format!("{}{path}", backend.otlp), kind, body).await;
        assert_eq!(answer.status(), status, "{path} {kind}");
        if kind == "application/json" {
            let body: Value = answer.json().await.expect("a status in JSON");
            assert_eq!(body["code"], 3);
            assert!(body["message"].as_str().is_some_and(|m| m.contains("malformed")), "{body}");
        }
    }
    for (kind, body) in [
        ("application/json", &b"{\"streams\":[{\"stream\":{\"a.b\":\"c\"},\"values\":[]}]}"[..]),
        ("application/json", b"nope"),
        ("application/x-protobuf", b"\x05junk!"),
    ] {
        let answer = backend.post(format!("{}/loki/api/v1/push", backend.loki), kind, body).await;
        assert_eq!(answer.status(), 400);
    }
    assert_eq!(backend.metric("backend_bad_requests_total{signal=\"spans\"}").await, 3.0);
    assert_eq!(backend.metric("backend_bad_requests_total{signal=\"logs\"}").await, 4.0);
    assert_eq!(backend.metric("backend_bad_requests_total{signal=\"samples\"}").await, 1.0);
    backend.send(&export("shop", vec![span(1, 1, None, "still here")])).await;
}

#[tokio::test]
async fn large_bodies_and_gzip_bombs_are_refused() {
    let backend = TestBackend::with(|c| c.limits.body_bytes = 100_000).await;
    let url = format!("{}/v1/traces", backend.otlp);
    let answer = backend.post(url.clone(), "application/x-protobuf", vec![0u8; 100_001]).await;
    assert_eq!(answer.status(), 413);

    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![0u8; 50_000_000]).expect("memory");
    let bomb = bomb.finish().expect("memory");
    assert!(bomb.len() < 100_000);
    let request = backend.client.post(&url).header("content-type", "application/x-protobuf");
    let answer = request.header("content-encoding", "gzip").body(bomb).send().await.expect("an answer");
    assert_eq!(answer.status(), 413);

    // A snappy block that claims two gigabytes.
    let claim = [0xff, 0xff, 0xff, 0xff, 0x07, 0x00];
    let answer = backend
        .post(format!("{}/loki/api/v1/push", backend.loki), "application/x-protobuf", claim.to_vec())
        .await;
    assert_eq!(answer.status(), 413);

    let mut grpc = TraceServiceClient::connect(backend.grpc.clone()).await.expect("a connection");
    grpc = grpc.send_compressed(tonic::codec::CompressionEncoding::Gzip);
    let refused = grpc
        .export(export("shop", vec![span(1, 1, None, &"x".repeat(1_000_000))]))
        .await
        .expect_err("too large");
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert!(refused.message().contains("larger than 100000 bytes"), "{refused}");
    assert_eq!(backend.metric("backend_bad_requests_total{signal=\"spans\"}").await, 3.0);
}

#[tokio::test]
async fn a_full_queue_answers_busy_and_nothing_is_half_taken() {
    let backend = TestBackend::with(|c| c.limits.queue_bytes = 1).await;
    let request = export("shop", (0..200).map(|i| span(1, i + 1, None, "x")).collect());
    let url = format!("{}/v1/traces", backend.otlp);
    let body = prost::Message::encode_to_vec(&request);
    let mut busy = 0;
    let mut taken = 0;
    // One batch is always let in; while it waits to be written the next is refused.
    while busy == 0 {
        let answers = futures_util::future::join_all(
            (0..4).map(|_| backend.post(url.clone(), "application/x-protobuf", body.clone())),
        )
        .await;
        for answer in answers {
            match answer.status().as_u16() {
                200 => taken += 200,
                429 => {
                    assert_eq!(answer.headers()["retry-after"], "1");
                    busy += 1;
                }
                other => panic!("{other}"),
            }
        }
    }
    backend
        .until("all that was taken is stored", || async {
            backend.metric("backend_ingested_spans_total").await == f64::from(taken)
        })
        .await;
    assert_eq!(backend.metric("backend_busy_requests_total{signal=\"spans\"}").await, f64::from(busy));
}

#[tokio::test]
async fn bodies_that_unpack_to_more_than_fits_at_once_are_told_to_wait_and_the_next_is_taken() {
    let backend = TestBackend::with(|c| {
        c.limits.body_bytes = 1 << 20;
        c.limits.bodies_bytes = 3 << 20;
    })
    .await;
    // Valid JSON with nothing in it: only the reading of it takes room.
    let mut empty = b"{\"resourceSpans\":[]}".to_vec();
    empty.resize(1 << 20, b' ');
    let packed = gzip(&empty);
    let send = || async {
        let request = backend.client.post(format!("{}/v1/traces", backend.otlp));
        let request = request.header("content-type", "application/json").header("content-encoding", "gzip");
        request.body(packed.clone()).send().await.expect("an answer")
    };
    let mut refused = 0;
    while refused == 0 {
        for answer in futures_util::future::join_all((0..32).map(|_| send())).await {
            if answer.status() != 200 {
                refused += 1;
                assert_eq!(answer.status(), 503);
                assert_eq!(answer.headers()["retry-after"], "1");
                assert_eq!(answer.json::<Value>().await.expect("a status in JSON")["code"], 14);
            }
        }
    }
    for _ in 0..8 {
        assert_eq!(send().await.status(), 200);
    }
    assert_eq!(backend.metric("backend_busy_requests_total{signal=\"spans\"}").await, f64::from(refused));
    assert_eq!(backend.metric("backend_bad_requests_total{signal=\"spans\"}").await, 0.0);
}

#[tokio::test]
async fn without_room_for_bodies_each_api_says_so_in_its_own_shape() {
    let backend = TestBackend::with(|c| c.limits.bodies_bytes = 10).await;
    let push = r#"{"streams":[{"stream":{"a":"b"},"values":[]}]}"#;
    let answer = backend.post(format!("{}/loki/api/v1/push", backend.loki), "application/json", push).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(answer.text().await.expect("text").contains("too many request bodies"));
    assert_eq!(backend.metric("backend_busy_requests_total{signal=\"logs\"}").await, 1.0);

    let query = format!("{}/api/v1/query", backend.prometheus);
    let answer = backend.post(query, "application/x-www-form-urlencoded", "query=vector(1)").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<Value>().await.expect("JSON")["errorType"], "unavailable");
    assert_eq!(
        backend.post(format!("{}/v1/traces", backend.otlp), "application/json", "{}").await.status(),
        200
    );
}
