//! OpenTelemetry's standard variables are honoured, and what is malformed is refused by name.

use std::time::Duration;

use telemetry::config::{LogExport, Protocol, Queue, Sampler};
use telemetry::{Builder, Config, ConfigError, InitError};

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read("user-service", "1.2.3", |name| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    })
}

fn config(variables: &[(&str, &str)]) -> Config {
    read(variables).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn without_variables_both_signals_go_to_a_collector_on_this_machine() {
    let config = config(&[("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("LOG_EXPORT", " ")]);
    let traces = config.traces.expect("traces are on");
    assert_eq!(traces.endpoint, "http://127.0.0.1:4318/v1/traces");
    assert_eq!(traces.protocol, Protocol::HttpProtobuf);
    assert!(traces.timeout < config.drain, "a hung collector must not use up the drain");
    let LogExport::Otlp(logs) = config.logs else { panic!("{:?}", config.logs) };
    assert_eq!(logs.endpoint, "http://127.0.0.1:4318/v1/logs");
    assert_eq!(config.sampler, Sampler { ratio: 1.0, parent_based: true });
    assert_eq!(config.service_name, "user-service");
    assert_eq!(config.instance_id.len(), 36);
    assert!(!config.disabled);
}

#[test]
fn a_signals_own_variable_wins_over_the_general_one() {
    let config = config(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://general:4318/base/"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:9999/as/it/stands"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-general=1"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20token, x-tenant=a"),
    ]);
    let traces = config.traces.expect("traces are on");
    assert_eq!(traces.endpoint, "http://general:4318/base/v1/traces");
    assert_eq!(traces.timeout, Duration::from_secs(2));
    let expected = [("authorization", "Bearer token"), ("x-tenant", "a")];
    assert_eq!(traces.headers, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert!(!format!("{traces:?}").contains("Bearer"), "a token must not reach a log");
    let LogExport::Otlp(logs) = config.logs else { panic!("{:?}", config.logs) };
    assert_eq!(logs.endpoint, "http://logs:9999/as/it/stands");
    assert_eq!(logs.timeout, Duration::from_secs(1));
    assert_eq!(logs.headers, [("x-general".to_owned(), "1".to_owned())]);
}

#[test]
fn the_shorter_of_the_exporters_and_the_queues_time_out_counts() {
    let shorter = config(&[("OTEL_BSP_EXPORT_TIMEOUT", "500")]);
    assert_eq!(shorter.traces.expect("traces are on").timeout, Duration::from_millis(500));
    let longer = config(&[("OTEL_BSP_EXPORT_TIMEOUT", "30000")]);
    assert_eq!(longer.traces.expect("traces are on").timeout, Duration::from_secs(3));
}

#[test]
fn grpc_has_its_own_default_port_and_takes_the_endpoint_as_a_base() {
    let standard = config(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).traces.expect("traces are on");
    assert_eq!((standard.protocol, standard.endpoint.as_str()), (Protocol::Grpc, "http://127.0.0.1:4317"));
    let given = config(&[
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
    ]);
    assert_eq!(given.traces.expect("traces are on").endpoint, "http://collector:4317");
}

#[test]
fn the_resource_is_named_by_its_variables() {
    let config = config(&[
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=other,service.version=9,service.instance.id=i-1,zone=a%2Cb",
        ),
        ("OTEL_SERVICE_NAME", "wins"),
    ]);
    assert_eq!(config.service_name, "wins");
    assert_eq!(config.service_version, "9");
    assert_eq!(config.instance_id, "i-1");
    assert_eq!(config.resource, [("zone".to_owned(), "a,b".to_owned())]);
}

#[test]
fn samplers_queues_and_switches_are_read() {
    let config = config(&[
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "500"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "300"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_SDK_DISABLED", "TRUE"),
        ("LOG_EXPORT", "loki"),
        ("LOKI_URL", "http://loki:3100"),
        ("RUST_LOG", "warn"),
    ]);
    assert_eq!(config.sampler, Sampler { ratio: 0.25, parent_based: false });
    assert_eq!(config.span_queue, Queue { capacity: 100, batch: 100, delay: Duration::from_millis(200) });
    assert_eq!(config.log_queue.delay, Duration::from_millis(300));
    assert_eq!(config.traces, None);
    assert!(config.disabled);
    assert!(matches!(&config.logs, LogExport::Loki { url, .. } if url == "http://loki:3100"));
    assert_eq!(config.filter, "warn");
}

#[test]
fn logs_can_be_turned_off_in_both_ways() {
    assert_eq!(config(&[("LOG_EXPORT", "none")]).logs, LogExport::None);
    assert_eq!(config(&[("OTEL_LOGS_EXPORTER", "none")]).logs, LogExport::None);
}

#[test]
fn what_is_malformed_is_refused_by_name() {
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "ftp://collector"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "snappy"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3s"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "no-value"),
        ("OTEL_RESOURCE_ATTRIBUTES", "key=%zz"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "many"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("LOG_EXPORT", "syslog"),
    ] {
        let error = read(&[(variable, value)]).expect_err(variable);
        assert_eq!(error.variable, variable, "{error}");
        assert!(!error.problem.is_empty());
    }
    let out_of_range = read(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1.5")]);
    assert_eq!(out_of_range.expect_err("1.5 is no share").variable, "OTEL_TRACES_SAMPLER_ARG");
    let https = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318")]).expect_err("no TLS");
    assert!(https.to_string().contains("plain HTTP"), "{https}");
    let secret = read(&[("OTEL_EXPORTER_OTLP_HEADERS", "s3cret")]).expect_err("no pair");
    assert!(!secret.to_string().contains("s3cret"), "{secret}");
}

#[test]
fn a_choice_that_is_not_known_here_is_told_and_otherwise_as_if_unset() {
    let default = Config { instance_id: String::new(), ..config(&[]) };
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_SDK_DISABLED", "yes"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_PROPAGATORS", "tracecontext,baggage,b3"),
    ] {
        let mut config = config(&[(variable, value)]);
        let ignored = std::mem::take(&mut config.ignored);
        assert_eq!(
            ignored.iter().map(|i| (&*i.variable, &*i.value)).collect::<Vec<_>>(),
            [(variable, value)]
        );
        assert_eq!(Config { instance_id: String::new(), ..config }, default, "{variable}");
    }
}

#[test]
fn bodies_are_compressed_where_that_is_wanted() {
    let gzip = [("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"), ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "none")];
    let config = config(&gzip);
    assert!(config.traces.expect("traces are on").gzip);
    assert!(matches!(config.logs, LogExport::Otlp(otlp) if !otlp.gzip));
}

#[test]
fn a_filter_that_does_not_parse_is_refused_by_name() {
    let error = Builder::new(config(&[("RUST_LOG", "info,=,x=y=z")])).build().expect_err("no filter");
    assert!(matches!(error, InitError::Filter { .. }) && error.to_string().contains("RUST_LOG"), "{error}");
}
