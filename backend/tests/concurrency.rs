//! Readers and senders at the same time: nobody is refused for the other's sake, and nothing that was accepted is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use backend::Config;
use prost::Message as _;
use serde_json::{Value, json};

use crate::harness::{TestBackend, export, now_ns, span};

const READERS: usize = 16;
const SENDERS: usize = 3;
/// Batches of each sender, and what is in each of them.
const BATCHES: usize = 20;
const SPANS: usize = 100;
const LINES: usize = 100;

/// One question of each kind; the readers ask them in turn.
const QUESTIONS: [(&str, &str); 8] = [
    ("prometheus", "/api/v1/query?query=rate(traces_span_metrics_calls_total[30s])"),
    (
        "prometheus",
        "/api/v1/query?query=histogram_quantile(0.9,sum+by+(le)(traces_span_metrics_duration_milliseconds_bucket))",
    ),
    ("prometheus", "/api/v1/labels"),
    ("loki", "/loki/api/v1/query_range?query=%7Bapp%3D%22busy%22%7D%7C%3D%22line%207%22&limit=50"),
    ("loki", "/loki/api/v1/labels"),
    ("jaeger", "/api/services"),
    ("jaeger", "/api/traces?service=busy&limit=5"),
    (
        "jaeger",
        "/api/traces?service=busy&limit=5&minDuration=10ms&tags=%7B%22correlation.id%22%3A%22corr-3%22%7D",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_readers_see_no_error_while_senders_lose_nothing() {
    // A connection that waits for its turn in the client's pool, on a loaded machine, is not to be closed as an idle one.
    let patient = |config: &mut Config| config.limits.header_timeout = Duration::from_secs(60);
    let backend = Arc::new(TestBackend::with(patient).await);
    let sending = Arc::new(AtomicBool::new(true));
    let answers = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            tokio::spawn(read(Arc::clone(&backend), reader, Arc::clone(&sending), Arc::clone(&answers)))
        })
        .collect();
    let senders: Vec<_> =
        (0..SENDERS).map(|sender| tokio::spawn(send(Arc::clone(&backend), sender))).collect();
    for sender in senders {
        sender.await.expect("every batch is accepted");
    }
    sending.store(false, Relaxed);
    for reader in readers {
        reader.await.expect("every question is answered");
    }
    assert!(answers.load(Relaxed) >= READERS * QUESTIONS.len(), "{answers:?} answers");

    let batches = (SENDERS * BATCHES) as f64;
    backend
        .until("all that was accepted is stored", || async {
            backend.metric("backend_stored_spans").await == batches * SPANS as f64
                && backend.metric("backend_ingested_log_records_total").await == batches * LINES as f64
        })
        .await;
    // And really there, not only counted: each trace whole, each line found.
    for batch in [0, SENDERS * BATCHES / 2, SENDERS * BATCHES - 1] {
        let path = format!("/api/traces/{:032x}", batch + 1);
        let found = backend.json(&backend.jaeger, &path, &[]).await;
        assert_eq!(found["data"][0]["spans"].as_array().map(Vec::len), Some(SPANS), "batch {batch}");
    }
    let query = [("query", r#"{app="busy"} |= "line 7 ""#), ("limit", "5000")];
    let found = backend.json(&backend.loki, "/loki/api/v1/query_range", &query).await;
    let streams = found["data"]["result"].as_array().expect("streams");
    let lines: usize = streams.iter().map(|s| s["values"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(lines, SENDERS * BATCHES);
}

/// Asks one question after the other, all of them at least once.
async fn read(backend: Arc<TestBackend>, first: usize, sending: Arc<AtomicBool>, answers: Arc<AtomicUsize>) {
    let mut asked = 0;
    while sending.load(Relaxed) || asked < QUESTIONS.len() {
        let (api, path) = QUESTIONS[(first + asked) % QUESTIONS.len()];
        let base = match api {
            "prometheus" => &backend.prometheus,
            "loki" => &backend.loki,
            _ => &backend.jaeger,
        };
        let answer = backend.get(base, path).await;
        let (status, text) = (answer.status(), answer.text().await.expect("a whole body"));
        assert!(status == 200, "{path}: {status} {text}");
        serde_json::from_str::<Value>(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
        asked += 1;
        answers.fetch_add(1, Relaxed);
    }
}

/// Sends its batches of spans and lines one after the other, as fast as they are taken.
async fn send(backend: Arc<TestBackend>, sender: usize) {
    for batch in 0..BATCHES {
        let number = sender * BATCHES + batch;
        let spans = (0..SPANS).map(|i| {
            let mut span = span((number % 250) as u8, 1, None, "work");
            span.trace_id = (number as u128 + 1).to_be_bytes().to_vec();
            span.span_id = (i as u64 + 1).to_be_bytes().to_vec();
            span
        });
        let body = export("busy", spans.collect()).encode_to_vec();
        let traces =
            backend.post(format!("{}/v1/traces", backend.otlp), "application/x-protobuf", body).await;
        assert_eq!(traces.status(), 200);

        let values: Vec<_> =
            (0..LINES).map(|i| json!([now_ns().to_string(), format!("line {i} of {number}")])).collect();
        let stream = json!({"app": "busy", "sender": sender.to_string()});
        let push = json!({"streams": [{"stream": stream, "values": values}]});
        let url = format!("{}/loki/api/v1/push", backend.loki);
        let logs = backend.post(url, "application/json", push.to_string()).await;
        assert_eq!(logs.status(), 204);
    }
}
