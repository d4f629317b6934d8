//! A process that is killed loses nothing that had been written, and leaves nothing that cannot be read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use prost::Message as _;
use reqwest::Client;
use serde_json::{Value, json};

use crate::bounds::segments;
use crate::harness::{Remote, export, now_ns, span, text};
use crate::process::Process;

const SPANS: usize = 50;

/// The export of one trace; its number is its id.
fn trace(number: u32) -> Vec<u8> {
    let spans = (0..SPANS).map(|i| {
        let mut span = span(0, i as u8 + 1, None, "work");
        span.trace_id = u128::from(number).to_be_bytes().to_vec();
        span.attributes
            .push(text("noise", &format!("{:x}", u128::from(number) * 0x9e37_79b9_7f4a_7c15_f39c)));
        span
    });
    export("shop", spans.collect()).encode_to_vec()
}

async fn spans_of(backend: &Process, number: u32) -> usize {
    let url = format!("{}/api/traces/{number:032x}", backend.jaeger);
    let answer = backend.client.get(url).send().await.expect("an answer");
    if answer.status() == 404 {
        return 0;
    }
    assert_eq!(answer.status(), 200);
    let body: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    body["data"][0]["spans"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn what_was_stored_is_there_after_kill_9() {
    let dir = tempfile::tempdir().expect("a folder");
    let backend = Process::start(dir.path());
    for number in 1..=20 {
        let request = backend.client.post(format!("{}/v1/traces", backend.otlp));
        let request = request.header("content-type", "application/x-protobuf").body(trace(number));
        assert_eq!(request.send().await.expect("an answer").status(), 200);
        let push = json!({"streams": [{"stream": {"app": "a"}, "values": [[now_ns().to_string(), format!("line {number}")]]}]});
        let request = backend.client.post(format!("{}/loki/api/v1/push", backend.loki));
        let request = request.header("content-type", "application/json").body(push.to_string());
        assert_eq!(request.send().await.expect("an answer").status(), 204);
    }
    let remote = Remote::new(&backend.client, &backend.prometheus);
    remote.until_metric("backend_ingested_spans_total", |n| n == 20.0 * SPANS as f64).await;
    remote.until_metric("backend_ingested_log_records_total", |n| n == 20.0).await;
    backend.kill();

    let backend = Process::start(dir.path());
    let remote = Remote::new(&backend.client, &backend.prometheus);
    assert_eq!(remote.metric("backend_segments_set_aside_total").await, 0.0);
    assert_eq!(remote.metric("backend_stored_spans").await, 20.0 * SPANS as f64);
    for number in 1..=20 {
        assert_eq!(spans_of(&backend, number).await, SPANS);
    }
    let url = format!("{}/loki/api/v1/query_range", backend.loki);
    let logs = backend.client.get(url).query(&[("query", r#"{app="a"}"#)]).send().await.expect("an answer");
    let logs: Value = serde_json::from_str(&logs.text().await.expect("a body")).expect("JSON");
    assert_eq!(logs["data"]["result"][0]["values"].as_array().map(Vec::len), Some(20));
}

#[tokio::test]
async fn killed_at_full_speed_it_restarts_with_every_stored_trace_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let next = Arc::new(AtomicU32::new(1));
    let mut stored = 0.0;
    for _ in 0..3 {
        let backend = Process::start(dir.path());
        let remote = Remote::new(&backend.client, &backend.prometheus);
        assert_eq!(remote.metric("backend_segments_set_aside_total").await, 0.0);
        let found = remote.metric("backend_stored_spans").await;
        assert!(found >= stored, "{found} of {stored} spans are left");

        let senders: Vec<_> = (0..3)
            .map(|_| {
                tokio::spawn(send_until_refused(
                    backend.client.clone(),
                    backend.otlp.clone(),
                    Arc::clone(&next),
                ))
            })
            .collect();
        remote.until_metric("backend_flushes_total", |n| n >= 5.0).await;
        stored = found + remote.metric("backend_ingested_spans_total").await;
        backend.kill();
        for sender in senders {
            sender.await.expect("no panic");
        }
    }
    let backend = Process::start(dir.path());
    let remote = Remote::new(&backend.client, &backend.prometheus);
    let mut found = 0;
    for number in 1..next.load(Relaxed) {
        let spans = spans_of(&backend, number).await;
        assert!(spans == 0 || spans == SPANS, "{spans} spans of trace {number}");
        found += spans;
    }
    assert!(found as f64 >= stored);
    assert_eq!(remote.metric("backend_stored_spans").await, found as f64);
    assert_eq!(remote.metric("backend_segments_set_aside_total").await, 0.0);
    backend.kill();
    for file in segments(dir.path()) {
        assert_eq!(integrity(&file), "ok", "{}", file.display());
    }
}

async fn send_until_refused(client: Client, otlp: String, next: Arc<AtomicU32>) {
    loop {
        let body = trace(next.fetch_add(1, Relaxed));
        let request = client.post(format!("{otlp}/v1/traces"));
        let request = request.header("content-type", "application/x-protobuf").body(body);
        if request.send().await.is_err() {
            return;
        }
    }
}

fn integrity(file: &Path) -> String {
    let connection = rusqlite::Connection::open(file).expect("opened");
    connection.query_row("PRAGMA integrity_check", [], |r| r.get(0)).expect("an answer")
}

#[tokio::test]
async fn a_file_that_was_being_created_when_the_process_died_is_not_damage() {
    let dir = tempfile::tempdir().expect("a folder");
    let now_ms = now_ns() / 1_000_000;
    // Created but not written; and written as far as SQLite's own header.
    std::fs::write(dir.path().join(format!("segment-{:013}.db", now_ms - 2)), b"").expect("written");
    let begun = dir.path().join(format!("segment-{:013}.db", now_ms - 1));
    let connection = rusqlite::Connection::open(&begun).expect("opened");
    connection.execute_batch("PRAGMA journal_mode = WAL; BEGIN; COMMIT;").expect("begun");
    drop(connection);

    let backend = Process::start(dir.path());
    let remote = Remote::new(&backend.client, &backend.prometheus);
    assert_eq!(remote.metric("backend_segments_set_aside_total").await, 0.0);
    assert_eq!(remote.metric("backend_segments").await, 1.0);
    assert_eq!(segments(dir.path()).len(), 1);
}
