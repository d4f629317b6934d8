//! Spans and log records arrive at a collector, over HTTP and over gRPC, and what it rejects is counted.

mod support;

use std::net::SocketAddr;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use support::collector::Collector;
use telemetry::{Builder, Config, CorrelationId, DrainReport};

fn config(protocol: &str, address: SocketAddr) -> Config {
    Config::read("user-service", "1.2.3", |variable| match variable {
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{address}")),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("x-tenant=a%20b".to_owned()),
        "OTEL_RESOURCE_ATTRIBUTES" => Some("zone=here".to_owned()),
        _ => None,
    })
    .expect("a valid configuration")
}

/// One span with one log event, and `further` spans; then a drain.
async fn emit(mut config: Config, further: usize) -> DrainReport {
    config.stdout = false;
    let (dispatch, telemetry) = Builder::new(config).build().expect("telemetry is set up");
    {
        let _default = tracing::dispatcher::set_default(&dispatch);
        let id = CorrelationId::parse("c-1").expect("valid");
        let _context = telemetry::propagation::root(&id).attach();
        tracing::info_span!("work").in_scope(|| tracing::info!(answer = 42, "done"));
        for _ in 0..further {
            drop(tracing::info_span!("further").entered());
        }
    }
    telemetry.shutdown().await
}

fn value(attributes: &[KeyValue], key: &str) -> Option<Value> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match &found.value {
        Some(AnyValue { value }) => value.clone(),
        None => None,
    }
}

fn text(value: &str) -> Option<Value> {
    Some(Value::StringValue(value.to_owned()))
}

async fn check_what_arrives(protocol: &str, collector: &Collector, address: SocketAddr) {
    let report = emit(config(protocol, address), 0).await;
    assert!(!report.deadline_hit, "{report:?}");
    assert_eq!((report.traces.exported, report.traces.dropped), (1, 0));
    assert_eq!((report.logs.exported, report.logs.dropped), (1, 0));

    let resource_spans = collector.spans().remove(0);
    let resource = resource_spans.resource.expect("a resource").attributes;
    assert_eq!(value(&resource, "service.name"), text("user-service"));
    assert_eq!(value(&resource, "service.version"), text("1.2.3"));
    assert_eq!(value(&resource, "zone"), text("here"));
    assert_eq!(value(&resource, "telemetry.sdk.language"), text("rust"));
    assert!(value(&resource, "service.instance.id").is_some());
    let span = &resource_spans.scope_spans[0].spans[0];
    assert_eq!(span.name, "work");
    assert_eq!(value(&span.attributes, "correlation.id"), text("c-1"));
    assert_eq!(collector.tenants(), ["a b"]);

    let resource_logs = collector.logs().remove(0);
    assert_eq!(
        value(&resource_logs.resource.expect("a resource").attributes, "service.name"),
        text("user-service")
    );
    let record = &resource_logs.scope_logs[0].log_records[0];
    assert_eq!(record.trace_id, span.trace_id);
    assert_eq!(record.span_id, span.span_id);
    assert_eq!(value(&record.attributes, "correlation_id"), text("c-1"));
    assert_eq!(value(&record.attributes, "answer"), Some(Value::IntValue(42)));
    assert_eq!(record.severity_text, "INFO");
}

#[tokio::test]
async fn spans_and_records_arrive_over_http() {
    let collector = Collector::default();
    let address = collector.http().await;
    check_what_arrives("http/protobuf", &collector, address).await;
}

#[tokio::test]
async fn spans_and_records_arrive_over_grpc() {
    let collector = Collector::default();
    let address = collector.grpc().await;
    check_what_arrives("grpc", &collector, address).await;
}

#[tokio::test]
async fn spans_a_collector_rejects_are_counted_as_dropped() {
    let collector = Collector::rejecting(3);
    let report = emit(config("http/protobuf", collector.http().await), 9).await;
    assert_eq!(collector.span_count(), 10);
    assert_eq!((report.traces.exported, report.traces.dropped), (7, 3));
}
