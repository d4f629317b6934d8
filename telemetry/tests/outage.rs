//! A collector that is away is told of once, however many exports fail. A process of its own, because the exporting thread
//! logs to the process-wide subscriber.

mod support;

use std::time::Duration;

use support::Lines;
use telemetry::{Builder, Config};

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_one_line_and_not_one_per_export() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let mut config = Config::read("user-service", "1.2.3", |variable| match variable {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("50".to_owned()),
        "OTEL_LOGS_EXPORTER" => Some("none".to_owned()),
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE" => Some("1".to_owned()),
        _ => None,
    })
    .unwrap();
    config.drain = Duration::from_secs(60);
    let lines = Lines::default();
    let telemetry = Builder::new(config).output(lines.clone()).install().unwrap();
    for _ in 0..5 {
        drop(tracing::info_span!("work").entered());
    }
    let report = telemetry.shutdown().await;
    assert_eq!((report.traces.exported, report.traces.dropped), (0, 5));
    let lines = lines.parsed();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0]["message"], "telemetry is lost: exports fail");
    assert_eq!(lines[0]["signal"], "traces");
}
