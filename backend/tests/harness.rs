//! Starts a backend on free ports with a folder of its own, and talks to it.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use backend::{Config, Error, Listeners};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct TestBackend {
    pub(crate) grpc: String,
    pub(crate) otlp: String,
    pub(crate) prometheus: String,
    pub(crate) loki: String,
    pub(crate) jaeger: String,
    pub(crate) alertmanager: String,
    pub(crate) client: Client,
    dir: Option<tempfile::TempDir>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), Error>>,
}

impl TestBackend {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(tempfile::tempdir().expect("a folder"), change).await
    }

    /// Starts on a folder that may hold data already.
    pub(crate) async fn on(dir: tempfile::TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { data_dir: dir.path().join("data"), ..Config::default() };
        change(&mut config);
        let (listeners, urls) = listeners().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let running = tokio::spawn(backend::run(listeners, config, shutdown));
        let [grpc, otlp, prometheus, loki, jaeger, alertmanager] = urls;
        let client = Client::builder().no_proxy().build().expect("a client");
        let backend = Self {
            grpc,
            otlp,
            prometheus,
            loki,
            jaeger,
            alertmanager,
            client,
            dir: Some(dir),
            stop: Some(stop),
            running,
        };
        backend
            .until("it is ready", || async {
                backend.get(&backend.prometheus, "/-/ready").await.status() == 200
            })
            .await;
        backend
    }

    /// Ends it in order, and hands its folder back.
    pub(crate) async fn stop(mut self) -> tempfile::TempDir {
        drop(self.stop.take());
        self.running.await.expect("no panic").expect("an orderly end");
        let dir = self.dir.take().expect("still there");
        // A program that another test starts at this moment holds a copy of the lock until it has become that program.
        let lock = dir.path().join("data/lock");
        until("nobody holds the folder", || async {
            std::fs::File::open(&lock).is_ok_and(|file| file.try_lock().is_ok())
        })
        .await;
        dir
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.as_ref().expect("still there").path().join("data")
    }

    pub(crate) async fn get(&self, base: &str, path: &str) -> Response {
        self.client.get(format!("{base}{path}")).send().await.expect("an answer")
    }

    pub(crate) async fn json(&self, base: &str, path: &str, query: &[(&str, &str)]) -> Value {
        let answer = self.client.get(format!("{base}{path}")).query(query).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"))
    }

    pub(crate) async fn post(
        &self,
        url: String,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        self.client.post(url).header("content-type", content_type).body(body).send().await.expect("an answer")
    }

    /// Sends spans as OTLP protobuf and waits until they are stored.
    pub(crate) async fn send(&self, request: &ExportTraceServiceRequest) {
        let count =
            request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum::<usize>();
        let before = self.metric("backend_ingested_spans_total").await;
        let url = format!("{}/v1/traces", self.otlp);
        let answer = self.post(url, "application/x-protobuf", request.encode_to_vec()).await;
        assert_eq!(answer.status(), 200);
        self.until("the spans are stored", || async {
            self.metric("backend_ingested_spans_total").await >= before + count as f64
        })
        .await;
    }

    /// The value of one of the backend's own metrics.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        Remote::new(&self.client, &self.prometheus).metric(name).await
    }

    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, condition: impl Fn() -> F) {
        until(what, condition).await;
    }
}

/// A backend known by its address alone: what it says of itself.
pub(crate) struct Remote {
    client: Client,
    prometheus: String,
}

impl Remote {
    pub(crate) fn new(client: &Client, prometheus: &str) -> Self {
        Self { client: client.clone(), prometheus: prometheus.to_owned() }
    }

    /// The value of one of the backend's own metrics.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let answer = self.client.get(format!("{}/metrics", self.prometheus)).send().await.expect("an answer");
        let text = answer.text().await.expect("text");
        let line = text.lines().find(|l| l.strip_prefix(name).is_some_and(|r| r.starts_with(' ')));
        line.and_then(|l| l.rsplit(' ').next())
            .and_then(|v| v.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    pub(crate) async fn until_metric(&self, name: &str, condition: impl Fn(f64) -> bool) {
        until(name, || async { condition(self.metric(name).await) }).await;
    }
}

/// Waits for a condition; a minute is far beyond what any of them takes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), met).await.unwrap_or_else(|_| panic!("never: {what}"));
}

pub(crate) async fn listeners() -> (Listeners, [String; 6]) {
    let bind = || async { TcpListener::bind("127.0.0.1:0").await.expect("a free port") };
    let listeners = Listeners {
        otlp_grpc: bind().await,
        otlp_http: bind().await,
        prometheus: bind().await,
        loki: bind().await,
        jaeger: bind().await,
        alertmanager: bind().await,
    };
    let urls = [
        &listeners.otlp_grpc,
        &listeners.otlp_http,
        &listeners.prometheus,
        &listeners.loki,
        &listeners.jaeger,
        &listeners.alertmanager,
    ]
    .map(|l| format!("http://{}", l.local_addr().expect("bound")));
    (listeners, urls)
}

pub(crate) fn now_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_nanos()).expect("before 2554")
}

pub(crate) fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.to_owned()))
}

pub(crate) fn resource(service: &str) -> Resource {
    Resource {
        attributes: vec![text("service.name", service), text("service.version", "1.2.3")],
        ..Resource::default()
    }
}

/// A span of 20 ms that starts now.
pub(crate) fn span(trace: u8, id: u8, parent: Option<u8>, name: &str) -> Span {
    let start = now_ns();
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        parent_span_id: parent.map(|p| vec![p; 8]).unwrap_or_default(),
        name: name.to_owned(),
        kind: if parent.is_some() { 3 } else { 2 },
        start_time_unix_nano: start,
        end_time_unix_nano: start + 20_000_000,
        attributes: vec![text("correlation.id", &format!("corr-{trace}"))],
        status: Some(Status::default()),
        ..Span::default()
    }
}

pub(crate) fn export(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource(service)),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}
