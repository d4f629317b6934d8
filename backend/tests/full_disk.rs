//! When the disk takes no more, ingest is refused and counted, queries go on, and nothing acknowledged is lost. Room
//! is all it needs to go on. A limit on the size of files stands for the full disk: the same writes fail.

use prost::Message as _;
use reqwest::Response;

use crate::harness::{Remote, export, now_ns};
use crate::process::Process;
use crate::retention::bulky;

async fn send(backend: &Process, trace: u8) -> Response {
    let request = backend.client.post(format!("{}/v1/traces", backend.otlp));
    let request = request.header("content-type", "application/x-protobuf");
    request.body(export("shop", bulky(trace)).encode_to_vec()).send().await.expect("an answer")
}

async fn trace_status(backend: &Process, trace: u8) -> u16 {
    let url = format!("{}/api/traces/{}", backend.jaeger, format!("{trace:02x}").repeat(16));
    backend.client.get(url).send().await.expect("an answer").status().as_u16()
}

#[tokio::test]
async fn a_full_disk_refuses_ingest_loses_nothing_acknowledged_and_recovers_by_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let backend = Process::start(dir.path());
    let remote = Remote::new(&backend.client, &backend.prometheus);
    assert_eq!(send(&backend, 1).await.status(), 200);
    remote.until_metric("backend_ingested_spans_total", |n| n == 200.0).await;

    backend.limit_files(Some(1 << 20));
    let mut taken = vec![1];
    let refusal = loop {
        let trace = taken.len() as u8 + 1;
        let answer = send(&backend, trace).await;
        match answer.status().as_u16() {
            200 => taken.push(trace),
            // Sent faster than it is written: the queue is full before the disk is seen to be.
            429 => tokio::task::yield_now().await,
            _ => break answer,
        }
        assert!(taken.len() < 200, "the limit is never met");
    };
    assert_eq!(refusal.status(), 503);
    assert_eq!(refusal.headers()["retry-after"], "1");
    let body = refusal.bytes().await.expect("a body");
    // A protobuf `google.rpc.Status`: code 14 is UNAVAILABLE.
    assert_eq!(body[..2], [0x08, 14]);
    assert!(String::from_utf8_lossy(&body).contains("disk is full"));
    let push = format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["{}","x"]]}}]}}"#, now_ns());
    let request = backend.client.post(format!("{}/loki/api/v1/push", backend.loki));
    let answer =
        request.header("content-type", "application/json").body(push).send().await.expect("an answer");
    assert_eq!(answer.status(), 429);
    assert!(remote.metric(r#"backend_busy_requests_total{signal="spans"}"#).await >= 1.0);
    assert!(remote.metric(r#"backend_busy_requests_total{signal="logs"}"#).await >= 1.0);
    let busy = remote.metric(r#"backend_busy_requests_total{signal="spans"}"#).await;
    assert_eq!(remote.metric(r#"backend_refused_items_total{signal="spans"}"#).await, busy * 200.0);
    assert_eq!(remote.metric(r#"backend_refused_items_total{signal="logs"}"#).await, 1.0);
    assert_eq!(remote.metric("backend_disk_refuses").await, 1.0);
    assert_eq!(trace_status(&backend, 1).await, 200);

    // Longer than the pause between two tries: a try that fails again loses nothing either, and lets nothing in.
    remote.until_metric("backend_failed_flushes_total", |n| n >= 3.0).await;
    assert_eq!(send(&backend, 250).await.status(), 503);

    // Room for what waits and not for what may come is none yet: letting that in would be told, and the next failure as well.
    backend.limit_files(Some(15 << 20));
    remote.until_metric("backend_ingested_spans_total", |n| n == 200.0 * taken.len() as f64).await;
    assert_eq!(remote.metric("backend_disk_refuses").await, 1.0);
    assert_eq!(send(&backend, 250).await.status(), 503);

    backend.limit_files(None);
    remote.until_metric("backend_disk_refuses", |n| n == 0.0).await;
    assert_eq!(send(&backend, 251).await.status(), 200);
    let stored = 200.0 * (taken.len() + 1) as f64;
    remote.until_metric("backend_ingested_spans_total", |n| n == stored).await;
    assert_eq!(remote.metric(r#"backend_dropped_items_total{signal="spans"}"#).await, 0.0);
    for trace in taken {
        assert_eq!(trace_status(&backend, trace).await, 200);
    }
}

#[tokio::test]
async fn a_full_disk_does_not_keep_the_backend_from_ending() {
    let dir = tempfile::tempdir().expect("a folder");
    let backend = Process::start(dir.path());
    let remote = Remote::new(&backend.client, &backend.prometheus);
    // It answers, so it has begun its file.
    assert_eq!(remote.metric("backend_segments").await, 1.0);
    backend.limit_files(Some(64 << 10));
    assert_eq!(send(&backend, 1).await.status(), 200);
    remote.until_metric("backend_disk_refuses", |n| n == 1.0).await;
    assert!(backend.stop().await);
}
