//! The tree of a trace: what every set of spans must give, and some that have names.

use proptest::prelude::*;
use query::{
    LogEntry, SpanId, TraceId, UnixNanos,
    jaeger::{TagValue, Trace},
    trace::{Kind, Place, Tree, assemble},
};
use serde_json::{Value, json};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn span(id: u64, parent: Option<u64>, start: u64, duration: u64) -> Value {
    let references: Vec<Value> = parent
        .iter()
        .map(|p| json!({"refType": "CHILD_OF", "traceID": TRACE, "spanID": format!("{p:x}")}))
        .collect();
    json!({"traceID": TRACE, "spanID": format!("{id:x}"), "operationName": format!("op{id}"), "references": references,
        "startTime": start, "duration": duration, "tags": [], "logs": [], "processID": "p1"})
}

fn trace(spans: impl Into<Value>) -> Trace {
    let spans = spans.into();
    let processes = json!({"p1": {"serviceName": "a", "tags": []}, "p2": {"serviceName": "b", "tags": []}});
    serde_json::from_value(json!({"traceID": TRACE, "spans": spans, "processes": processes})).unwrap()
}

fn log(time: i64, span: &str) -> LogEntry {
    let metadata = [("span_id", span), ("trace_id", TRACE)].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    LogEntry { time: UnixNanos(time), line: format!("line {time}"), labels: Default::default(), metadata }
}

fn shape(tree: &Tree) -> Vec<(u64, usize, Option<u64>)> {
    let id = |n: &query::trace::Node| n.span.span_id.0;
    tree.nodes.iter().map(|n| (id(n), n.depth, n.parent.map(|p| id(&tree.nodes[p])))).collect()
}

#[test]
fn children_stand_below_their_parent_by_start() {
    let tree = assemble(
        trace(vec![
            span(3, Some(1), 130, 10),
            span(1, None, 100, 100),
            span(4, Some(2), 112, 3),
            span(2, Some(1), 110, 10),
        ]),
        vec![],
    );
    assert_eq!(shape(&tree), [(1, 0, None), (2, 1, Some(1)), (4, 2, Some(2)), (3, 1, Some(1))]);
    assert_eq!((tree.start_us, tree.duration_us), (100, 100));
    assert_eq!(tree.nodes[0].children, [1, 3]);
    assert_eq!(tree.nodes[0].self_us(), 80);
    assert_eq!(tree.nodes[0].gaps.len(), 3);
    assert_eq!(tree.nodes[3].offset_us, 30);
}

#[test]
fn orphans_come_after_whole_trees_and_name_the_missing_parent() {
    let tree =
        assemble(trace(vec![span(9, Some(77), 1, 1), span(8, Some(9), 2, 1), span(1, None, 100, 5)]), vec![]);
    assert_eq!(shape(&tree), [(1, 0, None), (9, 0, None), (8, 1, Some(9))]);
    assert_eq!(tree.nodes[1].place, Place::Orphan { missing: SpanId(77) });
    assert_eq!(tree.orphans().count(), 1);
}

#[test]
fn circles_are_entered_at_their_earliest_span() {
    let spans = vec![
        span(1, Some(3), 30, 1),
        span(2, Some(1), 10, 1),
        span(3, Some(2), 20, 1),
        span(4, Some(1), 0, 1),
    ];
    let tree = assemble(trace(spans), vec![]);
    assert_eq!(shape(&tree), [(2, 0, None), (3, 1, Some(2)), (1, 2, Some(3)), (4, 3, Some(1))]);
    assert_eq!(tree.nodes[0].place, Place::Circle);
    let own = assemble(trace(vec![span(5, Some(5), 1, 1)]), vec![]);
    assert_eq!((own.nodes.len(), own.nodes[0].place), (1, Place::Circle));
}

#[test]
fn a_very_deep_trace_is_drawn_without_recursion() {
    let depth = 100_000;
    let spans: Vec<Value> = (1..=depth).map(|id| span(id, (id > 1).then(|| id - 1), id, 1)).collect();
    let tree = assemble(trace(spans), vec![]);
    assert_eq!(tree.nodes.last().unwrap().depth, depth as usize - 1);
}

#[test]
fn log_lines_stand_in_their_spans_and_none_is_lost() {
    let spans = vec![span(1, None, 1, 10), span(2, Some(1), 2, 3)];
    let logs = vec![log(30, "2"), log(20, "0000000000000002"), log(10, "1"), log(40, "99"), log(50, "")];
    let tree = assemble(trace(spans), logs);
    let times = |logs: &[LogEntry]| logs.iter().map(|l| l.time.0).collect::<Vec<_>>();
    assert_eq!(times(&tree.nodes[0].logs), [10]);
    assert_eq!(times(&tree.nodes[1].logs), [20, 30]);
    assert_eq!(times(&tree.loose_logs), [40, 50]);
    assert_eq!(tree.logs().count(), 5);
}

#[test]
fn a_server_span_tells_its_error_its_correlation_and_its_metric() {
    let mut server = span(2, Some(1), 5, 5);
    server["processID"] = json!("p2");
    server["tags"] = json!([
        {"key": "span.kind", "type": "string", "value": "server"},
        {"key": "http.request.method", "type": "string", "value": "GET"},
        {"key": "http.route", "type": "string", "value": "/users/{id}"},
        {"key": "http.response.status_code", "type": "int64", "value": 503},
        {"key": "http.request.resend_count", "type": "int64", "value": 2},
        {"key": "correlation.id", "type": "string", "value": "c-7"},
        {"key": "error", "type": "bool", "value": true},
        {"key": "error.type", "type": "string", "value": "503"}]);
    server["references"]
        .as_array_mut()
        .unwrap()
        .push(json!({"refType": "FOLLOWS_FROM", "traceID": "ff", "spanID": "e"}));
    let tree = assemble(trace(vec![span(1, None, 0, 20), server]), vec![]);
    let node = &tree.nodes[1];
    assert_eq!(node.span.tag("error"), Some(&TagValue::Bool(true)));
    assert_eq!((node.kind(), node.is_error(), node.resend_count()), (Kind::Server, true, Some(2)));
    assert_eq!(node.error_text().unwrap(), "status 503");
    assert_eq!(node.error_note(), None, "the status is no news beside the status");
    assert_eq!(
        node.links().map(|l| (l.trace_id, l.span_id)).collect::<Vec<_>>(),
        [(TraceId(0xff), SpanId(0xe))]
    );
    assert_eq!(
        node.metric_selector().unwrap(),
        r#"http_server_request_duration_seconds_count{service="b",method="GET",route="/users/{id}",status="503"}"#
    );
    assert_eq!(tree.correlation_id().unwrap(), "c-7");
    assert_eq!(tree.services, ["a", "b"]);
    assert_eq!(tree.errors(), 1);
}

#[test]
fn a_span_names_its_side_and_work_in_a_database_is_told_from_calls() {
    let side = |tags: &[(&str, &str)]| {
        let mut one = span(1, None, 0, 1);
        one["tags"] = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        assemble(trace(vec![one]), vec![]).nodes[0].side()
    };
    let sqlite = ("db.system.name", "sqlite");
    assert_eq!(side(&[("span.kind", "server")]), "server");
    assert_eq!(side(&[("span.kind", "client")]), "client");
    assert_eq!(side(&[("span.kind", "client"), sqlite]), "db");
    assert_eq!(side(&[("span.kind", "internal"), ("db.system", "mysql")]), "db");
    assert_eq!(side(&[("span.kind", "server"), sqlite]), "server", "a database's own span answers a request");
    assert_eq!(side(&[]), "internal");
}

#[test]
fn log_lines_that_come_later_are_placed_as_if_they_had_come_with_the_spans() {
    let spans = || trace(vec![span(1, None, 0, 5), span(2, Some(1), 1, 2)]);
    let logs = || vec![log(3, "2"), log(1, "1"), log(2, "ff")];
    let mut later = assemble(spans(), vec![]);
    later.place_logs(logs());
    assert_eq!(later, assemble(spans(), logs()));
    assert_eq!(later.loose_logs.len(), 1);
}

#[test]
fn a_trace_without_spans_is_an_empty_tree() {
    let tree = assemble(trace(json!([])), vec![log(1, "1")]);
    assert!(tree.root().is_none());
    assert_eq!((tree.duration_us, tree.loose_logs.len()), (0, 1));
}

/// Few ids, so that circles, spans that are their own parents, duplicates and orphans are common.
fn any_spans() -> impl Strategy<Value = Vec<Value>> {
    let one = (1..12_u64, proptest::option::of(0..14_u64), any::<u64>(), any::<u64>());
    proptest::collection::vec(
        one.prop_map(|(id, parent, start, length)| span(id, parent, start, length)),
        0..24,
    )
}

proptest! {
    #[test]
    fn every_span_has_exactly_one_place(spans in any_spans()) {
        let input = trace(spans);
        let tree = assemble(input.clone(), vec![]);
        let mut given: Vec<String> = input.spans.iter().map(|s| format!("{s:?}")).collect();
        let mut placed: Vec<String> = tree.nodes.iter().map(|n| format!("{:?}", n.span)).collect();
        given.sort();
        placed.sort();
        prop_assert_eq!(given, placed);
        for (position, node) in tree.nodes.iter().enumerate() {
            match node.parent {
                Some(parent) => {
                    prop_assert!(parent < position);
                    prop_assert_eq!(node.place, Place::Child);
                    prop_assert_eq!(tree.nodes[parent].depth + 1, node.depth);
                    prop_assert!(tree.nodes[parent].children.contains(&position));
                    let named = node.span.references[0].span_id;
                    prop_assert_eq!(tree.nodes[parent].span.span_id, named, "below the parent it names");
                }
                None => prop_assert!(node.place != Place::Child && node.depth == 0),
            }
            prop_assert!(node.self_us() <= node.span.duration_us);
            prop_assert!(node.offset_us <= tree.duration_us);
            let starts: Vec<u64> = node.children.iter().map(|&c| tree.nodes[c].offset_us).collect();
            prop_assert!(starts.is_sorted());
        }
    }

    #[test]
    fn the_order_of_the_answer_does_not_matter(spans in any_spans(), seed: u64) {
        let mut unique = spans;
        unique.sort_by_key(|s| s["spanID"].to_string());
        unique.dedup_by_key(|s| s["spanID"].to_string());
        let mut shuffled = unique.clone();
        shuffled.sort_by_key(|s| s["spanID"].to_string().bytes().fold(seed, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)));
        prop_assert_eq!(assemble(trace(unique), vec![]), assemble(trace(shuffled), vec![]));
    }
}
