//! From a correlation id to traces, and from a trace to its log lines.

use crate::stub::Stub;
use query::{Stack, TraceId, UnixNanos, Window, trace};

const WINDOW: Window = Window { start: UnixNanos(0), end: UnixNanos(9_000_000) };
const NO_LINES: &str = r#"{"status":"success","data":{"resultType":"streams","result":[]}}"#;

fn stack(loki: &str, jaeger: &Stub) -> Stack {
    Stack::new("http://127.0.0.1:1", loki, &jaeger.base).unwrap()
}

async fn find(stack: &Stack, id: &str) -> Result<Vec<TraceId>, query::Error> {
    trace::find_by_correlation(&stack.jaeger, &stack.loki, id, WINDOW).await
}

fn traces(uri: &str) -> String {
    if uri.starts_with("/api/services") {
        return r#"{"data":["a","b"],"errors":null}"#.to_owned();
    }
    let (id, start) = if uri.contains("service=a") { ("a1", 500) } else { ("b1", 400) };
    format!(
        r#"{{"data":[{{"traceID":"{id}","spans":[{{"traceID":"{id}","spanID":"1","operationName":"o","startTime":{start},"duration":1}}]}}],"errors":null}}"#
    )
}

#[tokio::test]
async fn the_logs_tell_the_traces_of_a_correlation_id() {
    let lines = r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"service_name":"a"},"values":[
        ["30","x",{"structuredMetadata":{"trace_id":"a2"}}],["20","x",{"structuredMetadata":{"trace_id":"a1"}}],
        ["40","x",{"structuredMetadata":{"trace_id":"a1"}}],["10","no trace",{}]]}]}}"#;
    let (loki, jaeger) = (Stub::json(lines).await, Stub::with(traces).await);
    let found = find(&stack(&loki.base, &jaeger), r#"x"} or {a="b"#).await.unwrap();
    assert_eq!(found, [TraceId(0xa1), TraceId(0xa2)], "each once, the earliest first");
    assert!(jaeger.asked().is_empty(), "Jaeger need not be asked");
    let asked = &loki.asked()[0];
    assert!(
        asked.contains("correlation_id%3D%22x%5C%22%7D+or+%7Ba%3D%5C%22b%22&"),
        "the value stays a value: {asked}"
    );
}

#[tokio::test]
async fn spans_are_searched_where_the_logs_know_nothing_or_are_gone() {
    let loki = Stub::json(NO_LINES).await;
    for base in [loki.base.as_str(), "http://127.0.0.1:1"] {
        let jaeger = Stub::with(traces).await;
        let found = find(&stack(base, &jaeger), "c-1").await.unwrap();
        assert_eq!(found, [TraceId(0xb1), TraceId(0xa1)], "by the start of the spans");
        let searches: Vec<_> =
            jaeger.asked().into_iter().filter(|uri| uri.contains("correlation.id")).collect();
        assert_eq!(searches.len(), 2, "{searches:?}");
    }
}

#[tokio::test]
async fn nothing_found_is_only_said_when_both_answered() {
    let empty = |uri: &str| {
        let data = if uri.starts_with("/api/services") { r#"["a"]"# } else { "[]" };
        format!(r#"{{"data":{data},"errors":null}}"#)
    };
    let (loki, jaeger) = (Stub::json(NO_LINES).await, Stub::with(empty).await);
    assert_eq!(find(&stack(&loki.base, &jaeger), "c-1").await.unwrap(), []);
    let error = find(&stack("http://127.0.0.1:1", &jaeger), "c-1").await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}

#[tokio::test]
async fn a_trace_is_loaded_with_its_lines_or_with_the_reason_why_not() {
    let line = r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"service_name":"a"},"values":[
        ["500000","x",{"structuredMetadata":{"trace_id":"a1","span_id":"1"}}]]}]}}"#;
    let (loki, jaeger) = (Stub::json(line).await, Stub::with(|_: &str| traces("service=a")).await);
    let loaded = trace::load(&stack(&loki.base, &jaeger), TraceId(0xa1)).await.unwrap();
    assert_eq!(loaded.tree.nodes[0].logs.len(), 1);
    assert!(loaded.logs_error.is_none());
    let asked = &loki.asked()[0];
    assert!(asked.contains("trace_id%3D%22000000000000000000000000000000a1%22"), "{asked}");

    let without = trace::load(&stack("http://127.0.0.1:1", &jaeger), TraceId(0xa1)).await.unwrap();
    assert_eq!(without.tree.nodes.len(), 1);
    assert!(without.logs_error.is_some_and(|e| e.is_unreachable()));
}

#[tokio::test]
async fn the_lines_of_several_traces_are_found_whichever_way_they_came() {
    let loki = Stub::with(|uri: &str| {
        let (time, line) = if uri.contains("json") {
            (10, r#"{\"message\":\"pushed\",\"trace_id\":\"a2\"}"#)
        } else {
            (20, "over OTLP")
        };
        format!(
            r#"{{"status":"success","data":{{"resultType":"streams","result":[{{"stream":{{"service_name":"a"}},"values":[["{time}","{line}",{{}}]]}}]}}}}"#
        )
    })
    .await;
    let ids = [TraceId(0xa1), TraceId(0xa2)];
    let stack = Stack::new("http://127.0.0.1:1", &loki.base, "http://127.0.0.1:1").unwrap();
    let lines = trace::logs_of_traces(&stack.loki, &ids, WINDOW).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.time.0).collect::<Vec<_>>(), [10, 20], "the oldest first");
    assert_eq!(lines[0].trace_id(), Some(ids[1]));
    for uri in loki.asked() {
        let both = format!("trace_id%3D%7E%22{}%7C{}%22", ids[0], ids[1]);
        assert!(uri.contains(&both), "one question for all: {uri}");
    }
}
