//! The process-wide set-up: once only, panics as log lines, spans of the global tracer, and no echo of the export itself.
//! One test, because what it sets up belongs to the whole process.

mod support;

use std::time::Duration;

use opentelemetry::trace::{TraceContextExt, Tracer};
use support::Lines;
use support::collector::Collector;
use telemetry::{Builder, Config, CorrelationId, InitError, propagation};

fn config(endpoint: &str) -> Config {
    let mut config = Config::read("user-service", "1.2.3", |variable| match variable {
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some("grpc".to_owned()),
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.to_owned()),
        "OTEL_BLRP_SCHEDULE_DELAY" | "OTEL_BSP_SCHEDULE_DELAY" => Some("10".to_owned()),
        // Whatever the export path said, it would be written.
        "RUST_LOG" => Some("trace".to_owned()),
        _ => None,
    })
    .expect("a valid configuration");
    config.drain = Duration::from_secs(60);
    config
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_up_is_process_wide_and_does_not_observe_itself() {
    let (collector, address) = Collector::apart();
    let lines = Lines::default();
    let telemetry =
        Builder::new(config(&format!("http://{address}"))).output(lines.clone()).install().expect("set up");
    let again = telemetry::init(config(&format!("http://{address}"))).expect_err("a second set-up");
    assert!(matches!(again, InitError::AlreadyInstalled), "{again}");

    // Several exports, each of which would be heard if the export path could be heard.
    for round in 1..=5 {
        tracing::info!("round");
        until(|| collector.messages().len() == round).await;
    }

    let id = CorrelationId::parse("c-1").expect("valid");
    let panicked = std::thread::spawn({
        let id = id.clone();
        move || {
            let _context = propagation::root(&id).attach();
            panic!("on purpose");
        }
    });
    panicked.join().unwrap_err();

    let tracer = opentelemetry::global::tracer("load");
    let context =
        propagation::root(&id).with_span(tracer.start_with_context("journey", &propagation::root(&id)));
    context.span().end();

    let report = telemetry.shutdown().await;
    assert!(!report.deadline_hit, "{report:?}");
    assert_eq!((report.traces.exported, report.traces.dropped), (1, 0));
    assert_eq!((report.logs.exported, report.logs.dropped), (6, 0), "{:?}", collector.messages());
    let lines = lines.parsed();
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert_eq!(lines[5]["message"], "panic");
    assert_eq!(lines[5]["exception.message"], "on purpose");
    assert_eq!(lines[5]["correlation_id"], "c-1");
    let span = collector.spans()[0].scope_spans[0].spans[0].clone();
    assert_eq!(span.name, "journey");
    assert!(span.attributes.iter().any(|attribute| attribute.key == "correlation.id"), "{span:?}");
}
