//! The metrics made of spans, against the collector with the configuration of this project: the same spans into both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use reqwest::Client;
use tokio::process::Command;

use super::programs::{self, Running};
use crate::harness::{TestBackend, attribute, now_ns, text};

type Labels = BTreeMap<String, String>;

struct Collector {
    otlp: String,
    page: String,
    _running: Running,
}

impl Collector {
    async fn start(client: &Client) -> Option<Self> {
        let program = programs::find("otelcol")?;
        let folder = tempfile::tempdir().expect("a folder");
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../otel-collector/config.yaml");
        let [health, grpc, http, page, own] = programs::free();
        let nobody = "127.0.0.1:1";
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(config)
            .arg("--feature-gates=-connector.spanmetrics.includeCollectorInstanceID")
            .env("COLLECTOR_HEALTH_ADDRESS", health.to_string())
            .env("OTLP_GRPC_ADDRESS", grpc.to_string())
            .env("OTLP_HTTP_ADDRESS", http.to_string())
            .env("CONNECTORS_METRICS_ADDRESS", page.to_string())
            .env("COLLECTOR_METRICS_PORT", own.port().to_string())
            .env("JAEGER_OTLP_ADDRESS", nobody)
            .env("LOKI_OTLP_URL", format!("http://{nobody}"))
            .env("COLLECTOR_DATA_DIR", folder.path());
        let running = Running::start(&mut command, folder);
        programs::ready(client, &format!("http://{health}/")).await;
        Some(Self { otlp: format!("http://{http}"), page: format!("http://{page}"), _running: running })
    }

    /// What Prometheus would store of its page: series with their values, and exemplars.
    async fn page(&self, client: &Client) -> (BTreeMap<Labels, f64>, BTreeSet<(Labels, String)>) {
        let request = client
            .get(format!("{}/metrics", self.page))
            .header("accept", "application/openmetrics-text;version=1.0.0");
        let text = request.send().await.expect("an answer").text().await.expect("text");
        let (mut series, mut exemplars) = (BTreeMap::new(), BTreeSet::new());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (sample, exemplar) = line.split_once(" # ").map_or((line, None), |(s, e)| (s, Some(e)));
            let (name, rest) = sample.split_once('{').expect("labels");
            let (own, value) = rest.rsplit_once("} ").expect("a value");
            let mut labels = pairs(own);
            labels.insert("__name__".to_owned(), name.to_owned());
            // `honor_labels`: what the page says stands, even when it says "none".
            labels.entry("job".to_owned()).or_insert_with(|| "otelcol-connectors".to_owned());
            labels.entry("instance".to_owned()).or_insert_with(|| "page".to_owned());
            labels.retain(|_, value| !value.is_empty());
            if let Some(exemplar) = exemplar {
                let (ids, rest) = exemplar.strip_prefix('{').and_then(|e| e.split_once("} ")).expect("ids");
                let value: f64 = rest.split(' ').next().and_then(|v| v.parse().ok()).expect("a value");
                exemplars.insert((labels.clone(), format!("{:?} {value}", pairs(ids))));
            }
            series.insert(labels, value.parse().expect("a number"));
        }
        (series, exemplars)
    }
}

/// `a="1",b="2"`; no value here holds a quote.
fn pairs(text: &str) -> Labels {
    let parts = text.split("\",").filter_map(|pair| pair.split_once("=\""));
    parts.map(|(name, value)| (name.to_owned(), value.trim_end_matches('"').to_owned())).collect()
}

/// What ours stores of the same, with the page's address called "page".
async fn ours(backend: &TestBackend) -> (BTreeMap<Labels, f64>, BTreeSet<(Labels, String)>) {
    let selector = r#"{__name__=~"traces_.+|target_info"}"#;
    let address = backend.prometheus.trim_start_matches("http://").to_owned();
    let labels = |value: &serde_json::Value| -> Labels {
        let mut labels: Labels = serde_json::from_value(value.clone()).expect("labels");
        if let Some(instance) = labels.get_mut("instance").filter(|i| **i == address) {
            *instance = "page".to_owned();
        }
        labels
    };
    let answer = backend.json(&backend.prometheus, "/api/v1/query", &[("query", selector)]).await;
    let series = answer["data"]["result"].as_array().expect("a vector").iter().map(|sample| {
        (
            labels(&sample["metric"]),
            sample["value"][1].as_str().and_then(|v| v.parse().ok()).expect("a number"),
        )
    });
    let now = now_ns() / 1_000_000_000;
    let (start, end) = ((now - 300).to_string(), (now + 60).to_string());
    let asked = [("query", selector), ("start", start.as_str()), ("end", end.as_str())];
    let answer = backend.json(&backend.prometheus, "/api/v1/query_exemplars", &asked).await;
    let mut exemplars = BTreeSet::new();
    for found in answer["data"].as_array().expect("a list") {
        for exemplar in found["exemplars"].as_array().expect("a list") {
            let ids: Labels = serde_json::from_value(exemplar["labels"].clone()).expect("labels");
            let value: f64 = exemplar["value"].as_str().and_then(|v| v.parse().ok()).expect("a number");
            exemplars.insert((labels(&found["seriesLabels"]), format!("{ids:?} {value}")));
        }
    }
    (series.collect(), exemplars)
}

/// A span of so many microseconds; kinds and states are OTLP's numbers.
fn span(trace: u8, id: u8, parent: u8, name: &str, kind: i32, us: u64, attributes: Vec<KeyValue>) -> Span {
    let start = now_ns();
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        parent_span_id: if parent == 0 { Vec::new() } else { vec![parent; 8] },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: start,
        end_time_unix_nano: start + us * 1000,
        attributes,
        ..Span::default()
    }
}

fn with(mut span: Span, status: i32, trace_state: &str) -> Span {
    span.status = Some(Status { code: status, ..Status::default() });
    span.trace_state = trace_state.to_owned();
    span
}

fn of(resource: Vec<KeyValue>, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource { attributes: resource, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

fn spans() -> ExportTraceServiceRequest {
    let status = |code| attribute("http.response.status_code", Any::IntValue(code));
    let route = |route| text("http.route", route);
    let db = |name| vec![text("db.namespace", name), text("db.system.name", "sqlite")];
    let shop = vec![
        text("service.name", "shop"),
        text("service.instance.id", "i1"),
        text("service.version", "1.0"),
        text("telemetry.sdk.name", "x"),
        attribute("process.pid", Any::IntValue(7)),
    ];
    let users = vec![text("service.name", "users"), text("service.namespace", "ns")];
    // Bounds exactly, too: a value on a bound lies below it.
    let bounds = [1000, 2500, 10_000, 1_000_000, 10_000_000, 10_000_001];
    let timed = bounds.iter().enumerate();
    let timed: Vec<Span> =
        timed.map(|(i, us)| span(7, 1 + i as u8, 90, "timed", 1, *us, vec![route("/t")])).collect();
    let mut of_shop = vec![
        span(1, 1, 0, "GET /a", 2, 10_500, vec![route("/a"), status(200)]),
        span(1, 2, 1, "GET /b", 3, 5000, vec![status(200)]),
        span(1, 4, 1, "SELECT", 3, 2500, db("shop")),
        with(span(1, 5, 1, "INSERT", 3, 2500, db("stock")), 2, ""),
        with(span(1, 6, 1, "far", 3, 1000, vec![text("peer.service", "ext")]), 2, ""),
        with(span(1, 7, 1, "far", 3, 1000, vec![]), 1, ""),
        span(1, 8, 1, "work", 1, 1_000_000, vec![]),
        span(1, 9, 1, "send", 4, 1000, vec![]),
        span(1, 10, 1, "unspecified", 0, 20_000_000, vec![]),
        span(1, 11, 99, "lost parent", 2, 5000, vec![]),
        with(span(2, 12, 0, "sampled", 2, 5000, vec![route("")]), 0, "v=1,ot=th:8;rv:0123456789abcd"),
        span(2, 13, 12, "sys", 3, 5000, vec![text("db.system.name", "sqlite")]),
        span(2, 14, 12, "no name", 3, 5000, vec![text("db.namespace", "")]),
        with(
            span(2, 15, 12, "text code", 3, 10, vec![text("http.response.status_code", "200")]),
            0,
            "ot=rv:1",
        ),
        span(2, 16, 12, "ünï – code", 5, 10, vec![attribute("http.route", Any::BoolValue(true))]),
    ];
    of_shop.extend(timed);
    let of_users = vec![
        with(span(1, 3, 2, "GET /b", 2, 4000, vec![status(500)]), 2, ""),
        span(1, 20, 9, "receive", 5, 4000, vec![]),
        span(1, 21, 2, "again", 2, 4000, vec![]),
        span(5, 22, 7, "before its client", 2, 3000, vec![]),
    ];
    let with_route =
        vec![text("service.name", "edge"), text("service.instance.id", ""), route("/from/resource")];
    ExportTraceServiceRequest {
        resource_spans: vec![
            of(shop.clone(), of_shop),
            of(users, of_users),
            of(shop, vec![span(5, 7, 0, "after its server", 3, 3500, vec![])]),
            of(with_route, vec![span(6, 1, 0, "GET", 2, 10, vec![]), span(6, 2, 1, "q", 3, 10, db("edge"))]),
            of(vec![text("host.name", "nobody")], vec![span(3, 1, 0, "nobody", 2, 4000, vec![])]),
            of(vec![text("service.name", "")], vec![span(3, 2, 0, "empty", 2, 4000, vec![])]),
        ],
    }
}

#[tokio::test]
async fn metrics_made_of_spans_are_those_of_the_collectors_connectors() {
    let backend = TestBackend::start().await;
    let Some(collector) = Collector::start(&backend.client).await else { return };
    let request = spans();
    backend.send(&request).await;
    let url = format!("{}/v1/traces", collector.otlp);
    let answer = backend.post(url, "application/x-protobuf", request.encode_to_vec()).await;
    assert_eq!(answer.status(), 200);

    let last = |series: &BTreeMap<Labels, f64>| {
        let is_last = |(labels, value): (&Labels, &f64)| {
            labels.get("client").is_some_and(|client| client == "user") && *value > 0.0
        };
        series.iter().any(is_last)
    };
    // An exemplar stands on the page for a second only.
    let mut exemplars = BTreeSet::new();
    let theirs = loop {
        let (series, shown) = collector.page(&backend.client).await;
        exemplars.extend(shown);
        if last(&series) {
            break series;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert!(theirs.len() > 700 && exemplars.len() > 30, "{} {}", theirs.len(), exemplars.len());
    backend.until("the lonely halves are counted", || async { last(&ours(&backend).await.0) }).await;
    let (series, ours) = ours(&backend).await;
    let missing: Vec<_> = theirs.iter().filter(|(labels, _)| !series.contains_key(labels)).collect();
    assert!(missing.is_empty(), "missing: {missing:#?}");
    let more: Vec<_> = series.iter().filter(|(labels, _)| !theirs.contains_key(labels)).collect();
    assert!(more.is_empty(), "too many: {more:#?}");
    let different: Vec<_> = theirs
        .iter()
        .map(|(labels, value)| (labels, value, series[labels]))
        .filter(|(_, theirs, ours)| (*theirs - ours).abs() > 1e-12 * theirs.abs())
        .collect();
    assert!(different.is_empty(), "theirs, ours: {different:#?}");
    assert_eq!(ours, exemplars);
}
