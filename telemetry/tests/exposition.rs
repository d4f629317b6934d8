//! `GET /metrics` is OpenMetrics 1.0 with exemplars for who asks for it, and its labels are bounded.

mod support;

use std::collections::{BTreeMap, HashMap};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use prometheus_client::metrics::counter::Counter;
use support::{observe, quiet};
use telemetry::Metrics;
use tower::ServiceExt;

/// One sample line: name, labels, value and the labels of its exemplar.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
    exemplar: Option<BTreeMap<String, String>>,
}

/// A strict little reader of what OpenMetrics allows here.
fn parse(text: &str) -> (HashMap<String, String>, Vec<Sample>) {
    assert!(text.ends_with("# EOF\n"), "the exposition ends with its marker");
    let mut types = HashMap::new();
    let mut samples = Vec::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').expect("name and type");
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} stands twice");
        } else if !line.starts_with('#') {
            samples.push(sample(line));
        }
    }
    (types, samples)
}

fn sample(line: &str) -> Sample {
    let (before, exemplar) = match line.split_once(" # ") {
        Some((before, exemplar)) => (before, Some(labels(&exemplar[..=exemplar.find('}').expect("labels")]))),
        None => (line, None),
    };
    let (series, value) = before.rsplit_once(' ').expect("a value");
    let (name, set) = series.split_at(series.find('{').unwrap_or(series.len()));
    Sample { name: name.to_owned(), labels: labels(set), value: value.parse().expect(line), exemplar }
}

fn labels(set: &str) -> BTreeMap<String, String> {
    let inner = set.trim_start_matches('{').trim_end_matches('}');
    let pairs = inner.split("\",").filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once("=\"").expect(set);
            (key.to_owned(), value.trim_end_matches('"').to_owned())
        })
        .collect()
}

async fn scrape(app: Router) -> String {
    let request =
        Request::get("/metrics").header("accept", "application/openmetrics-text;version=1.0.0,*/*;q=0.1");
    let response = app.oneshot(request.body(Body::empty()).expect("valid")).await.expect("an answer");
    assert_eq!(
        response.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    String::from_utf8(body.to_vec()).expect("text")
}

#[tokio::test]
async fn a_bucket_leads_to_the_trace_that_fell_into_it() {
    let observed = observe(quiet("user-service"));
    let app = Router::new()
        .route("/users/{id}", get(|| async { "Alice" }))
        .merge(telemetry::metrics::routes(observed.metrics()))
        .layer(telemetry::server::layer(observed.metrics()));
    for id in 0..50 {
        let request = Request::get(format!("/users/{id}")).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap();
    }
    let (types, samples) = parse(&scrape(app).await);
    assert_eq!(types["http_server_request_duration_seconds"], "histogram");
    assert_eq!(types["telemetry_dropped"], "counter");

    let counts: Vec<&Sample> =
        samples.iter().filter(|sample| sample.name == "http_server_request_duration_seconds_count").collect();
    assert_eq!(counts.len(), 1, "fifty ids are one series: {counts:?}");
    assert_eq!(counts[0].value, 50.0);
    assert_eq!(counts[0].labels["route"], "/users/{id}");

    let spans = observed.spans();
    let exemplars: Vec<_> = samples.iter().filter_map(|sample| sample.exemplar.as_ref()).collect();
    assert!(!exemplars.is_empty());
    for exemplar in exemplars {
        let leads_to_a_span = spans.iter().any(|span| {
            exemplar["trace_id"] == span.span_context.trace_id().to_string()
                && exemplar["span_id"] == span.span_context.span_id().to_string()
        });
        assert!(leads_to_a_span, "{exemplar:?}");
    }
}

#[tokio::test]
async fn who_does_not_ask_for_openmetrics_gets_text() {
    for accept in [None, Some("*/*"), Some("text/plain;version=0.0.4")] {
        let app = telemetry::metrics::routes(Metrics::new("user-service", "1.2.3"));
        let mut request = Request::get("/metrics");
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let response = app.oneshot(request.body(Body::empty()).expect("valid")).await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        let text = String::from_utf8(body.to_vec()).expect("text");
        assert!(text.contains("# TYPE build_info gauge\nbuild_info{"), "{text}");
        assert!(text.contains("# TYPE telemetry_dropped_total counter\n"), "{text}");
        assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    }
}

#[test]
fn everything_carries_the_service_and_the_standard_families_are_there() {
    let metrics = Metrics::new("user-service", "1.2.3");
    let orders: Counter = Counter::default();
    metrics.register(|registry| registry.register("orders", "Orders", orders.clone()));
    orders.inc_by(3);
    let (_, samples) = parse(&metrics.encode());
    for sample in &samples {
        assert_eq!(sample.labels.get("service").map(String::as_str), Some("user-service"), "{sample:?}");
    }
    let value = |name: &str| {
        let found = samples.iter().find(|sample| sample.name == name);
        found.unwrap_or_else(|| panic!("{name} is missing: {samples:#?}")).value
    };
    assert_eq!(value("orders_total"), 3.0);
    assert_eq!(value("build_info"), 1.0);
    let signals = |name: &str| -> Vec<&str> {
        let of_name = samples.iter().filter(|sample| sample.name == name);
        of_name.map(|sample| sample.labels["signal"].as_str()).collect()
    };
    let dropped = signals("telemetry_dropped_total");
    assert_eq!(dropped.len(), 3, "a loss of 0 is shown from the start: {dropped:?}");
    for name in ["telemetry_created_total", "telemetry_exported_total"] {
        assert_eq!(signals(name).len(), 2, "{name}");
    }
    let roots = samples.iter().filter(|sample| sample.name == "telemetry_roots_total");
    assert_eq!(roots.count(), 3, "none of a kind is shown from the start");
    if cfg!(target_os = "linux") {
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_threads") >= 1.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_start_time_seconds") > 1.5e9);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }
}

#[tokio::test]
async fn routes_nobody_knows_are_one_series() {
    let observed = observe(quiet("user-service"));
    let metrics = observed.metrics();
    let app: Router = Router::new().layer(telemetry::server::layer(metrics.clone()));
    for n in 0..100 {
        let request = Request::builder().method("GET").uri(format!("/scan/{n}")).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap();
    }
    let (_, samples) = parse(&metrics.encode());
    let counts: Vec<&Sample> =
        samples.iter().filter(|sample| sample.name.ends_with("seconds_count")).collect();
    assert_eq!(counts.len(), 1, "{counts:?}");
    assert_eq!((counts[0].labels["route"].as_str(), counts[0].value), ("<unknown>", 100.0));
}
