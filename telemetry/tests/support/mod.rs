//! Telemetry set up for one test: spans and log records in memory, JSON lines in memory, on this thread alone.

#![allow(dead_code, reason = "each test binary uses its own part of this module")]

pub(crate) mod collector;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use opentelemetry::Value;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SimpleLogProcessor};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SimpleSpanProcessor, SpanData};
use telemetry::config::LogExport;
use telemetry::{Builder, Config, Metrics, Telemetry};
use tracing::dispatcher::DefaultGuard;

/// Everything that was observed.
pub(crate) struct Observed {
    pub(crate) spans: InMemorySpanExporter,
    pub(crate) logs: InMemoryLogExporter,
    pub(crate) lines: Lines,
    pub(crate) telemetry: Telemetry,
    _default: DefaultGuard,
}

/// A configuration that exports nothing.
pub(crate) fn quiet(service: &str) -> Config {
    let mut config = Config::read(service, "1.2.3", |_| None).expect("the defaults are valid");
    config.traces = None;
    config.logs = LogExport::None;
    config
}

/// Sets up and makes it this thread's subscriber until dropped.
pub(crate) fn observe(config: Config) -> Observed {
    let (spans, logs, lines) =
        (InMemorySpanExporter::default(), InMemoryLogExporter::default(), Lines::default());
    let (dispatch, telemetry) = Builder::new(config)
        .span_processor(SimpleSpanProcessor::new(spans.clone()))
        .log_processor(SimpleLogProcessor::new(logs.clone()))
        .output(lines.clone())
        .build()
        .expect("telemetry is set up");
    Observed { spans, logs, lines, telemetry, _default: tracing::dispatcher::set_default(&dispatch) }
}

impl Observed {
    pub(crate) fn metrics(&self) -> Metrics {
        self.telemetry.metrics().clone()
    }

    /// The finished spans.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("the exporter is not shut down")
    }

    /// The only finished span.
    pub(crate) fn span(&self) -> SpanData {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }

    /// Drains and gives the JSON lines.
    pub(crate) async fn json_lines(self) -> Vec<serde_json::Value> {
        self.telemetry.shutdown().await;
        self.lines.parsed()
    }
}

/// Output in memory.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn parsed(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().expect("no writer panics").clone();
        let text = String::from_utf8(bytes).expect("JSON is UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is one JSON value")).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The attribute `key` of `span`.
pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    span.attributes
        .iter()
        .find(|attribute| attribute.key.as_str() == key)
        .map(|attribute| attribute.value.clone())
}

/// The text attribute `key` of `span`, or nothing.
pub(crate) fn text(span: &SpanData, key: &str) -> Option<String> {
    attribute(span, key).map(|value| value.to_string())
}

/// Serves `app` on a free port until the test ends.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}
