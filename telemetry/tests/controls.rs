//! What of a process' telemetry can change while it runs, seen in its records.

mod support;

use std::time::{Duration, SystemTime};

use opentelemetry::trace::TraceContextExt as _;
use support::{observe, quiet};
use telemetry::config::{LogExport, Sampler};
use telemetry::names::signal;
use telemetry::{Builder, Config, LogLevel, propagation};

#[tokio::test]
async fn events_of_the_level_of_this_moment_are_written() {
    let observed = observe(quiet("order-service"));
    let metrics = observed.metrics();
    let say = |round: &str| {
        tracing::debug!("{round} debug");
        tracing::info!("{round} info");
        tracing::error!("{round} error");
    };
    say("configured");
    metrics.controls().set_log_level(LogLevel::Debug);
    say("all");
    metrics.controls().set_log_level(LogLevel::Error);
    say("few");
    metrics.controls().set_log_level(LogLevel::Configured);
    say("again");
    let logs = observed.logs.get_emitted_logs().expect("the exporter is not shut down").len();
    let lines = observed.json_lines().await;
    let written: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(
        written,
        [
            "configured info",
            "configured error",
            "all debug",
            "all info",
            "all error",
            "few error",
            "again info",
            "again error",
        ]
    );
    assert_eq!(logs, written.len(), "log records and lines are the same events");
}

#[tokio::test]
async fn the_times_of_spans_log_records_and_lines_are_off_by_the_offset() {
    let observed = observe(quiet("order-service"));
    let before = SystemTime::now();
    observed.metrics().controls().set_clock_offset(-3_600_000);
    tracing::info_span!("past").in_scope(|| tracing::info!("past"));
    observed.metrics().controls().set_clock_offset(3_600_000);
    tracing::info_span!("future").in_scope(|| tracing::info!("future"));
    let hour = Duration::from_secs(3600);
    let spans = observed.spans();
    assert!(spans[0].start_time < before && spans[0].end_time >= spans[0].start_time);
    assert!(spans[1].start_time >= before + hour && spans[1].end_time >= spans[1].start_time);
    let logs = observed.logs.get_emitted_logs().expect("the exporter is not shut down");
    let times: Vec<SystemTime> =
        logs.iter().map(|log| log.record.observed_timestamp().expect("it was observed")).collect();
    assert!(times[0] < before && times[1] >= before + hour, "{times:?}");
    let lines = observed.json_lines().await;
    let time = |at: usize| -> jiff::Timestamp {
        lines[at]["timestamp"].as_str().expect("text").parse().expect("a time")
    };
    let before = jiff::Timestamp::try_from(before).expect("a time");
    assert!(time(0) < before && time(1) > before);
}

#[tokio::test]
async fn the_sampler_of_this_moment_decides() {
    let observed = observe(quiet("order-service"));
    let controls = observed.metrics().controls().clone();
    let headers = |flags: &str| {
        let parent = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        [("traceparent", parent)]
            .into_iter()
            .map(|(n, v)| (n.parse().expect("a name"), v.parse().expect("a value")))
    };
    let recorded = |parent: Option<&str>| {
        let before = observed.spans().len();
        let context = match parent {
            Some(flags) => propagation::extract(&headers(flags).collect()).context,
            None => opentelemetry::Context::new(),
        };
        assert_eq!(context.has_active_span(), parent.is_some());
        let _parent = context.attach();
        tracing::info_span!("work").in_scope(|| ());
        observed.spans().len() > before
    };
    assert_eq!([recorded(None), recorded(Some("01")), recorded(Some("00"))], [true, true, false]);
    controls.set_sampler(Sampler { ratio: 0.0, parent_based: true });
    assert_eq!([recorded(None), recorded(Some("01")), recorded(Some("00"))], [false, true, false]);
    controls.set_sampler(Sampler { ratio: 0.0, parent_based: false });
    assert_eq!([recorded(None), recorded(Some("01")), recorded(Some("00"))], [false, false, false]);
    controls.set_sampler(Sampler { ratio: 1.0, parent_based: false });
    assert_eq!([recorded(None), recorded(Some("01")), recorded(Some("00"))], [true, true, true]);
}

#[tokio::test]
async fn beyond_the_queue_size_of_this_moment_spans_are_dropped_and_counted() {
    // Nobody listens there, and nothing is sent before the drain.
    let mut config = Config::read("order-service", "1.2.3", |variable| match variable {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://127.0.0.1:9".to_owned()),
        "OTEL_BSP_SCHEDULE_DELAY" => Some("3600000".to_owned()),
        _ => None,
    })
    .expect("a valid configuration");
    (config.logs, config.stdout, config.drain) = (LogExport::None, false, Duration::from_millis(10));
    let (dispatch, telemetry) = Builder::new(config).build().expect("telemetry is set up");
    let _default = tracing::dispatcher::set_default(&dispatch);
    let dropped = |spans: usize| {
        let before = telemetry.metrics().dropped(signal::TRACES).get();
        for _ in 0..spans {
            tracing::info_span!("work").in_scope(|| ());
        }
        telemetry.metrics().dropped(signal::TRACES).get() - before
    };
    let controls = telemetry.metrics().controls();
    assert_eq!((controls.queue_size(), dropped(10)), (2048, 0));
    controls.set_queue_size(12);
    assert_eq!(dropped(5), 3, "ten of twelve places were taken");
    controls.set_queue_size(2048);
    assert_eq!(dropped(5), 0);
}
