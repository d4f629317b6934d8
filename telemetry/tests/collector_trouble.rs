//! A collector that is down or hangs neither slows nor fails a request, and every loss is counted.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use support::serve;
use telemetry::config::LogExport;
use telemetry::names::signal;
use telemetry::{Builder, Config, DrainReport};

const REQUESTS: u64 = 1_000;
/// Places in each queue, far fewer than there are requests.
const CAPACITY: usize = 100;

fn config(protocol: &str, collector: SocketAddr) -> Config {
    let mut config = Config::read("user-service", "1.2.3", |variable| match variable {
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{collector}")),
        "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("60000".to_owned()),
        _ => None,
    })
    .expect("a valid configuration");
    config.stdout = false;
    config.span_queue.capacity = CAPACITY;
    config.log_queue.capacity = CAPACITY;
    config.span_queue.batch = 10;
    config.log_queue.batch = 10;
    config.drain = Duration::from_millis(300);
    config
}

/// Serves [`REQUESTS`] requests, checks each answer, and drains. Gives the report and the spans dropped before the drain.
async fn serve_requests(config: Config) -> (DrainReport, u64) {
    let (dispatch, telemetry) = Builder::new(config).build().expect("telemetry is set up");
    let default = tracing::dispatcher::set_default(&dispatch);
    let app = Router::new()
        .route("/", get(|| async { "answer" }))
        .layer(telemetry::server::layer(telemetry.metrics().clone()));
    let url = format!("http://{}/", serve(app).await);
    let client = reqwest::Client::new();
    for _ in 0..REQUESTS {
        let response = client.get(&url).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert!(response.headers().contains_key("x-correlation-id"));
    }
    let exposition = telemetry.metrics().encode();
    assert!(exposition.contains(&format!(r#"route="/",status="200"}} {REQUESTS}"#)), "{exposition}");
    let dropped = telemetry.metrics().dropped(signal::TRACES).get();
    let report = telemetry.shutdown().await;
    drop(default);
    (report, dropped)
}

/// With a collector that never answers, the requests could not end if one of them waited for it: its time-out is a minute
/// and the places are a tenth of the requests.
async fn a_hanging_collector_costs_no_request(protocol: &str) {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (report, dropped) = serve_requests(config(protocol, silent.local_addr().expect("bound"))).await;
    assert_eq!(dropped, REQUESTS - CAPACITY as u64, "all that found no place is counted, and nothing else");
    assert!(report.deadline_hit);
    assert_eq!((report.traces.exported, report.traces.dropped), (0, REQUESTS));
    assert_eq!((report.logs.exported, report.logs.dropped), (0, REQUESTS));
}

#[tokio::test]
async fn a_hanging_http_collector_costs_no_request_and_every_loss_is_counted() {
    a_hanging_collector_costs_no_request("http/protobuf").await;
}

#[tokio::test]
async fn a_hanging_grpc_collector_costs_no_request_and_every_loss_is_counted() {
    a_hanging_collector_costs_no_request("grpc").await;
}

#[tokio::test]
async fn a_collector_that_is_down_costs_no_request_and_every_loss_is_counted() {
    for protocol in ["http/protobuf", "grpc"] {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        let (report, _) = serve_requests(config(protocol, address)).await;
        assert_eq!((report.traces.exported, report.traces.dropped), (0, REQUESTS), "{protocol}");
        assert_eq!((report.logs.exported, report.logs.dropped), (0, REQUESTS), "{protocol}");
    }
}

/// Both time-outs end exports long before the drain's deadline, so the drain ends by itself; a transport without a limit of
/// its own (gRPC) would hold it for an hour.
#[tokio::test]
async fn an_export_that_hangs_is_given_up_after_its_time_out() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for protocol in ["http/protobuf", "grpc"] {
        let mut config = config(protocol, silent.local_addr().unwrap());
        if let (Some(traces), LogExport::Otlp(logs)) = (&mut config.traces, &mut config.logs) {
            (traces.timeout, logs.timeout) = (Duration::from_millis(20), Duration::from_millis(20));
        }
        config.drain = Duration::from_secs(3600);
        let (report, _) = serve_requests(config).await;
        assert!(!report.deadline_hit, "{protocol}: {report:?}");
        assert_eq!((report.traces.exported, report.traces.dropped), (0, REQUESTS), "{protocol}");
        assert_eq!((report.logs.exported, report.logs.dropped), (0, REQUESTS), "{protocol}");
    }
}
