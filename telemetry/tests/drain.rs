//! What is queued is sent on every way out: shutdown, drop on an error path, a panic, and with the runtime going down.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::collector::Collector;
use telemetry::{Builder, Config, Telemetry};

const SPANS: u64 = 1_500;

/// A queue that sends nothing by itself while the test runs.
fn config(collector: SocketAddr) -> Config {
    let mut config = Config::read("user-service", "1.2.3", |variable| match variable {
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".to_owned()),
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{collector}")),
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE" => Some("2048".to_owned()),
        "OTEL_BSP_SCHEDULE_DELAY" => Some("3600000".to_owned()),
        _ => None,
    })
    .expect("a valid configuration");
    config.stdout = false;
    config.drain = Duration::from_secs(60);
    config
}

fn with_spans(collector: SocketAddr) -> Telemetry {
    let (dispatch, telemetry) = Builder::new(config(collector)).build().expect("telemetry is set up");
    tracing::dispatcher::with_default(&dispatch, || {
        for _ in 0..SPANS {
            drop(tracing::info_span!("work").entered());
        }
    });
    telemetry
}

#[tokio::test]
async fn shutdown_sends_what_is_queued_and_says_so() {
    let (collector, address) = Collector::apart();
    let telemetry = with_spans(address);
    assert_eq!(collector.span_count(), 0);
    let report = telemetry.shutdown().await;
    assert_eq!((report.traces.exported, report.traces.dropped), (SPANS, 0));
    assert!(!report.deadline_hit);
    assert_eq!(collector.span_count(), SPANS);
}

#[tokio::test]
async fn an_error_path_that_only_drops_the_guard_sends_it_too() {
    fn fails(address: SocketAddr) -> Result<(), std::num::ParseIntError> {
        let _telemetry = with_spans(address);
        "no number".parse::<u16>()?;
        Ok(())
    }
    let (collector, address) = Collector::apart();
    fails(address).unwrap_err();
    assert_eq!(collector.span_count(), SPANS);
}

#[test]
fn a_panic_sends_it_too() {
    let (collector, address) = Collector::apart();
    std::thread::spawn(move || {
        let _telemetry = with_spans(address);
        panic!("on purpose");
    })
    .join()
    .unwrap_err();
    assert_eq!(collector.span_count(), SPANS);
}

#[test]
fn a_runtime_that_is_already_gone_does_not_keep_it_from_being_sent() {
    let (collector, address) = Collector::apart();
    let own = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let telemetry = own.block_on(async { with_spans(address) });
    drop(own);
    drop(telemetry);
    assert_eq!(collector.span_count(), SPANS);
}

#[tokio::test]
async fn what_comes_after_the_drain_harms_nothing() {
    let (collector, address) = Collector::apart();
    let mut config = config(address);
    config.stdout = true;
    let (dispatch, telemetry) = Builder::new(config).output(Vec::new()).build().expect("telemetry is set up");
    let lines_lost = telemetry.metrics().dropped(telemetry::names::signal::STDOUT);
    telemetry.shutdown().await;
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::info_span!("late").in_scope(|| tracing::info!("too late"));
    });
    assert_eq!(collector.span_count(), 0);
    assert_eq!(lines_lost.get(), 1);
}
