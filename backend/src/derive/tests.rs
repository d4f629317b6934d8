//! What the metrics made of spans promise, from spans to points.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Status};

use super::settings::{EDGE_EXPIRY_MS, EDGES, HALF_EXPIRY_MS, SERVICE_EXPIRY_MS, SETS, SETS_PER_SERVICE};
use super::*;

const NOW: i64 = 1_700_000_000_000;

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn number(key: &str, value: i64) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::IntValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// A span of 20 ms; kind 2 is a server's, 3 a client's.
fn span(id: u8, parent: u8, kind: i32, name: &str, attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![id; 8],
        parent_span_id: if parent == 0 { Vec::new() } else { vec![parent; 8] },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_020_000_000,
        attributes,
        ..Span::default()
    }
}

fn export(resource: Vec<KeyValue>, spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes: resource, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

fn service(name: &str) -> Vec<KeyValue> {
    vec![text("service.name", name)]
}

/// All points but buckets, as the page would print them.
fn page(derived: &Derived, now: i64) -> BTreeMap<String, f64> {
    let points = derived.flush(now).into_iter().filter(|p| p.labels.get("le").is_empty());
    points.map(|p| (p.labels.to_string(), p.value)).collect()
}

fn with<'a>(page: &'a BTreeMap<String, f64>, parts: &[&str]) -> Vec<(&'a str, f64)> {
    let fits = |labels: &&String| parts.iter().all(|part| labels.contains(part));
    page.keys().filter(fits).map(|labels| (labels.as_str(), page[labels])).collect()
}

fn value(page: &BTreeMap<String, f64>, parts: &[&str]) -> f64 {
    let found = with(page, parts);
    assert_eq!(found.len(), 1, "{parts:?} in {page:#?}");
    found[0].1
}

const REQUESTS: &str = "traces_service_graph_request_total";
const CALLS: &str = "traces_span_metrics_calls_total";

#[test]
fn an_operation_is_counted_and_timed_under_its_labels() {
    let derived = Derived::new("page");
    let attributes =
        vec![text("http.route", "/a"), number("http.response.status_code", 200), text("user", "7")];
    let mut failed = span(2, 0, 2, "GET /a", attributes.clone());
    failed.status = Some(Status { code: 2, ..Status::default() });
    let resource = [service("shop"), vec![text("service.namespace", "ns"), text("service.instance.id", "i")]];
    let ok = span(1, 0, 2, "GET /a", attributes);
    assert_eq!(derived.take(&export(resource.concat(), vec![ok.clone(), ok, failed]), NOW), 0);

    let labels = |name: &str, status: &str| {
        format!(
            r#"{{__name__="{name}", http_response_status_code="200", http_route="/a", instance="i", job="ns/shop", service_name="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /a", status_code="STATUS_CODE_{status}"}}"#
        )
    };
    let first = page(&derived, NOW);
    assert_eq!(first[&labels(CALLS, "UNSET")], 0.0, "a counter begins at zero");
    let page = page(&derived, NOW + 1000);
    for (status, count) in [("UNSET", 2.0), ("ERROR", 1.0)] {
        assert_eq!(page[&labels(CALLS, status)], count);
        assert_eq!(page[&labels("traces_span_metrics_duration_milliseconds_count", status)], count);
        assert_eq!(page[&labels("traces_span_metrics_duration_milliseconds_sum", status)], 20.0 * count);
    }
    assert_eq!(value(&page, &["target_info", r#"instance="i""#, r#"job="ns/shop""#]), 1.0);
}

#[test]
fn exemplars_are_of_the_last_interval_and_lie_in_their_buckets() {
    let derived = Derived::new("page");
    let mut slow = span(2, 0, 2, "GET /a", vec![]);
    slow.end_time_unix_nano += 1_000_000_000;
    derived.take(&export(service("shop"), vec![span(1, 0, 2, "GET /a", vec![]), slow]), NOW);
    let exemplars = |now| -> Vec<(String, String, String, f64)> {
        let points = derived.flush(now).into_iter();
        points
            .filter_map(|p| {
                let e = p.exemplar?;
                assert_eq!(e.t, now);
                let of = |name: &str| e.labels.get(name).to_owned();
                Some((p.labels.get("le").to_owned(), of("trace_id"), of("span_id"), e.value))
            })
            .collect()
    };
    let trace = "01".repeat(16);
    let expected = |le: &str, id: &str, ms| (le.to_owned(), trace.clone(), id.repeat(8), ms);
    assert_eq!(
        exemplars(NOW),
        [expected("", "02", 1020.0), expected("25.0", "01", 20.0), expected("2500.0", "02", 1020.0)]
    );
    assert_eq!(exemplars(NOW + 1000), []);
}

#[test]
fn both_halves_of_a_call_make_one_edge_in_either_order() {
    for client_first in [true, false] {
        let derived = Derived::new("page");
        let mut client = span(2, 1, 3, "call", vec![]);
        client.end_time_unix_nano += 10_000_000;
        let mut halves =
            [export(service("a"), vec![client]), export(service("b"), vec![span(3, 2, 2, "x", vec![])])];
        if !client_first {
            halves.reverse();
        }
        for half in &halves {
            derived.take(half, NOW);
        }
        let page = page(&derived, NOW);
        let edge = [r#"client="a""#, r#"failed="false""#, r#"server="b""#, r#"job="otelcol-connectors""#];
        assert_eq!(value(&page, &[REQUESTS, edge[0], edge[1], edge[2], edge[3]]), 1.0);
        assert!(with(&page, &["connection_type"]).is_empty(), "an ordinary call has no type");
        assert_eq!(value(&page, &["client_seconds_sum"]), 0.03);
        assert_eq!(value(&page, &["server_seconds_sum"]), 0.02);
        assert!(with(&page, &["failed_total"]).is_empty());
    }
}

#[test]
fn a_database_with_the_name_of_its_service_is_told_apart_from_it() {
    let derived = Derived::new("page");
    let query = |name: &str| span(2, 1, 3, "SELECT", vec![text("db.namespace", name)]);
    derived.take(&export(service("shop"), vec![query("shop"), query("stock")]), NOW);
    let page = page(&derived, NOW);
    for server in ["shop db", "stock"] {
        let server = format!("server=\"{server}\"");
        assert_eq!(
            value(&page, &[REQUESTS, r#"client="shop""#, &server, r#"connection_type="database""#]),
            1.0
        );
    }
}

#[test]
fn a_lonely_half_becomes_an_edge_to_whom_it_names_once_it_has_waited() {
    let derived = Derived::new("page");
    let mut failed = span(4, 1, 3, "call", vec![]);
    failed.status = Some(Status { code: 2, ..Status::default() });
    let spans = vec![
        span(1, 0, 2, "root", vec![]),
        span(2, 1, 3, "call", vec![text("peer.service", "far")]),
        span(3, 1, 3, "call", vec![text("db.system.name", "sqlite")]),
        failed,
        span(5, 9, 2, "lost", vec![]),
    ];
    derived.take(&export(service("shop"), spans), NOW);
    assert!(with(&page(&derived, NOW + HALF_EXPIRY_MS), &[REQUESTS]).is_empty());
    let page = page(&derived, NOW + HALF_EXPIRY_MS + 1);
    let found: Vec<&str> = with(&page, &[REQUESTS]).into_iter().map(|(labels, _)| labels).collect();
    let edge = |client: &str, failed: bool, server: &str| {
        format!(
            r#"{{__name__="{REQUESTS}", client="{client}", connection_type="virtual_node", failed="{failed}", instance="page", job="otelcol-connectors", server="{server}"}}"#
        )
    };
    let expected = [
        edge("shop", false, "far"),
        edge("shop", false, "sqlite"),
        edge("shop", true, "unknown"),
        edge("user", false, "shop"),
    ];
    assert_eq!(found, expected);
    assert_eq!(value(&page, &["request_failed_total", r#"server="unknown""#]), 1.0);
}

#[test]
fn beyond_its_limit_a_service_counts_together_what_is_new() {
    let derived = Derived::new("page");
    let spans = (0..SETS_PER_SERVICE + 7).map(|n| span(1, 0, 1, &format!("op {n}"), vec![])).collect();
    assert_eq!(derived.take(&export(service("shop"), spans), NOW), 7);
    let known = span(1, 0, 1, "op 3", vec![]);
    assert_eq!(derived.take(&export(service("shop"), vec![known]), NOW), 0);
    page(&derived, NOW);
    let page = page(&derived, NOW + 1);
    assert_eq!(value(&page, &[CALLS, r#"otel_metric_overflow="true""#]), 7.0);
    assert_eq!(value(&page, &[CALLS, r#""op 3""#]), 2.0);
    assert_eq!(with(&page, &[CALLS]).len(), SETS_PER_SERVICE + 1);
}

#[test]
fn all_services_together_are_bounded_and_what_is_forgotten_makes_room() {
    let derived = Derived::new("page");
    let sets = |service_name: &str, count: usize| {
        let spans = (0..count).map(|n| span(1, 0, 1, &format!("op {n}"), vec![])).collect();
        export(service(service_name), spans)
    };
    for n in 0..SETS / SETS_PER_SERVICE {
        assert_eq!(derived.take(&sets(&format!("s{n}"), SETS_PER_SERVICE), NOW), 0);
    }
    assert_eq!(derived.take(&sets("late", 2), NOW), 2);
    assert!(page(&derived, NOW + SERVICE_EXPIRY_MS - 1).len() > SETS);
    assert!(page(&derived, NOW + SERVICE_EXPIRY_MS).is_empty());
    assert_eq!(derived.take(&sets("late", 2), NOW + SERVICE_EXPIRY_MS), 0);
}

#[test]
fn edges_are_bounded_and_forgotten_when_nothing_crosses_them() {
    let derived = Derived::new("page");
    let query = |n: usize| span(2, 1, 3, "q", vec![text("db.namespace", &format!("tenant {n}"))]);
    let left_out = derived.take(&export(service("shop"), (0..EDGES + 3).map(query).collect()), NOW);
    assert_eq!(left_out, 3);
    assert_eq!(with(&page(&derived, NOW + EDGE_EXPIRY_MS), &[REQUESTS]).len(), EDGES);
    assert!(page(&derived, NOW + EDGE_EXPIRY_MS + 1).is_empty());
}

#[test]
fn names_too_long_for_a_label_are_not_kept() {
    let derived = Derived::new("page");
    let long = "x".repeat(100_000);
    let spans = vec![
        span(1, 0, 1, &long, vec![]),
        span(1, 0, 1, "a", vec![text("http.route", &long)]),
        span(1, 0, 3, "b", vec![text("db.namespace", &long)]),
    ];
    assert_eq!(derived.take(&export(service("shop"), spans), NOW), 3);
    assert_eq!(derived.take(&export(service(&long), vec![span(1, 0, 1, "a", vec![])]), NOW), 1);
    let mut resource = service("shop");
    resource.extend([text("service.instance.id", "i"), text("process.command_line", &long), text("os", "x")]);
    derived.take(&export(resource, vec![span(1, 0, 1, "a", vec![])]), NOW);
    let page = page(&derived, NOW);
    assert!(page.keys().all(|labels| labels.len() < 1000));
    assert_eq!(value(&page, &["target_info", r#"os="x""#]), 1.0);
}

#[test]
fn spans_of_nobody_and_without_ids_are_not_measured() {
    let derived = Derived::new("page");
    derived.take(&export(vec![text("host", "x")], vec![span(1, 0, 2, "a", vec![])]), NOW);
    let mut no_trace = span(1, 0, 2, "a", vec![]);
    no_trace.trace_id = vec![0; 16];
    let mut short = span(1, 0, 2, "a", vec![]);
    short.span_id = vec![1; 3];
    derived.take(&export(service("shop"), vec![no_trace, short]), NOW);
    assert!(page(&derived, NOW).is_empty());
}
