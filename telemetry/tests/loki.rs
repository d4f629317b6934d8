//! Logs straight to Loki: bounded and counted whatever Loki does, and done by the deadline.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use prost::Message;
use support::{quiet, serve};
use telemetry::config::LogExport;
use telemetry::names::signal;
use telemetry::{Builder, Config, DrainReport, Telemetry};
use tracing::Dispatch;

#[derive(Clone, PartialEq, Message)]
struct Push {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "2")]
    line: String,
}

type Received = Arc<Mutex<Vec<Stream>>>;

async fn receive(State(received): State<Received>, body: Bytes) -> StatusCode {
    let plain = snap::raw::Decoder::new().decompress_vec(&body).expect("Snappy");
    let push = Push::decode(&*plain).expect("a push request");
    received.lock().expect("no holder panics").extend(push.streams);
    StatusCode::NO_CONTENT
}

/// A Loki that takes everything.
async fn healthy() -> (String, Received) {
    let received = Received::default();
    let app = Router::new()
        .route("/loki/api/v1/push", post(receive))
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(&received));
    (format!("http://{}", serve(app).await), received)
}

fn lines(received: &Received) -> Vec<String> {
    let streams = received.lock().expect("no holder panics");
    streams.iter().flat_map(|stream| stream.entries.iter().map(|entry| entry.line.clone())).collect()
}

fn to_loki(url: String) -> Config {
    let mut config = quiet("user-service");
    config.logs = LogExport::Loki { url, timeout: Duration::from_millis(300) };
    config.stdout = false;
    config.drain = Duration::from_secs(2);
    config
}

/// Sets up, emits `events` in a tight loop and gives what was counted as dropped before any drain.
fn emit(config: Config, events: u64) -> (Telemetry, u64) {
    let (dispatch, telemetry): (Dispatch, Telemetry) =
        Builder::new(config).build().expect("telemetry is set up");
    tracing::dispatcher::with_default(&dispatch, || {
        for number in 0..events {
            tracing::info!(number, "in a tight loop");
        }
    });
    let dropped = telemetry.metrics().dropped(signal::LOGS).get();
    (telemetry, dropped)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_loki_and_a_tight_loop_lose_nothing_uncounted() {
    const EVENTS: u64 = 50_000;
    let (url, received) = healthy().await;
    let mut config = to_loki(url);
    config.drain = Duration::from_secs(60);
    let (telemetry, _) = tokio::task::spawn_blocking(move || emit(config, EVENTS)).await.unwrap();
    let report = telemetry.shutdown().await;
    let delivered = lines(&received).len() as u64;
    println!("delivered {delivered}, dropped {}, took {:?}", report.logs.dropped, report.took);
    assert!(!report.deadline_hit);
    assert!(delivered > 0);
    assert_eq!(report.logs.exported, delivered);
    assert_eq!(delivered + report.logs.dropped, EVENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_loki_holds_a_bounded_number_and_not_the_shutdown() {
    const EVENTS: u64 = 20_000;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = to_loki(format!("http://{}", silent.local_addr().unwrap()));
    // One push outlasts the drain: the deadline, not the push's own time-out, must end it.
    config.logs = LogExport::Loki {
        url: format!("http://{}", silent.local_addr().unwrap()),
        timeout: Duration::from_secs(600),
    };
    config.drain = Duration::from_millis(500);
    let capacity = config.log_queue.capacity as u64;
    let (telemetry, dropped_before_the_drain) =
        tokio::task::spawn_blocking(move || emit(config, EVENTS)).await.unwrap();
    assert!(
        dropped_before_the_drain >= EVENTS - capacity,
        "{dropped_before_the_drain} dropped, so more than {capacity} held"
    );
    let report = telemetry.shutdown().await;
    assert!(report.deadline_hit);
    assert_eq!((report.logs.exported, report.logs.dropped), (0, EVENTS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusing_loki_loses_everything_and_counts_it() {
    const EVENTS: u64 = 20_000;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let mut config = to_loki(url);
    config.drain = Duration::from_secs(60);
    let capacity = config.log_queue.capacity as u64;
    let (telemetry, dropped_before_the_drain) =
        tokio::task::spawn_blocking(move || emit(config, EVENTS)).await.unwrap();
    assert!(dropped_before_the_drain >= EVENTS - capacity, "{dropped_before_the_drain}");
    let report: DrainReport = telemetry.shutdown().await;
    assert!(!report.deadline_hit, "a refusal is quick, so nothing should wait for the deadline: {report:?}");
    assert_eq!((report.logs.exported, report.logs.dropped), (0, EVENTS));
}

#[tokio::test]
async fn lines_carry_the_ids_and_the_label_of_the_service() {
    let (url, received) = healthy().await;
    let (dispatch, telemetry) = Builder::new(to_loki(url)).build().unwrap();
    let default = tracing::dispatcher::set_default(&dispatch);
    let app = Router::new()
        .route("/", axum::routing::get(|| async { tracing::info!(answer = 42, "in the handler") }))
        .layer(telemetry::server::layer(telemetry.metrics().clone()));
    let address = serve(app).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = reqwest::Client::new().get(format!("http://{address}/")).header("traceparent", parent);
    request.header("x-correlation-id", "c-3").send().await.unwrap();
    telemetry.shutdown().await;
    drop(default);

    let lines: Vec<serde_json::Value> =
        lines(&received).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in &lines {
        assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(line["correlation_id"], "c-3");
        assert_eq!(line["span_id"].as_str().map(str::len), Some(16));
    }
    assert_eq!(lines[0]["answer"], 42);
    let labels = received.lock().unwrap()[0].labels.clone();
    assert!(labels.contains(r#"service_name="user-service""#), "{labels}");
}
