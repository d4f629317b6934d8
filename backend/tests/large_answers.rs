//! An answer of many traces leaves as it is read: memory holds a few of them at a time, and nobody takes a part of it for
//! the whole.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::Value;

use crate::harness::{Remote, TestBackend, export, span, text};
use crate::process::Process;

/// As many traces as may be asked for.
const TRACES: u16 = 1500;

/// A trace of its own.
fn id(trace: u16) -> Vec<u8> {
    [vec![1; 14], trace.to_be_bytes().to_vec()].concat()
}

/// A span with as much to say as those of a service have.
fn told(trace: u16, number: u8) -> Span {
    let attributes =
        (0..10).map(|i| text(&format!("some.attribute.{i}"), &format!("value {number} of {trace}")));
    let parent = number.checked_sub(1);
    Span {
        trace_id: id(trace),
        attributes: attributes.collect(),
        ..span(1, number + 1, parent.map(|_| 1), "told")
    }
}

async fn filled(spans: u8) -> TestBackend {
    let backend = TestBackend::start().await;
    for from in (0..TRACES).step_by(100) {
        let traces = from..(from + 100).min(TRACES);
        let spans = traces.flat_map(|trace| (0..spans).map(move |number| told(trace, number)));
        backend.send(&export("shop", spans.collect())).await;
    }
    backend
}

#[tokio::test]
async fn a_search_for_many_traces_is_sent_as_it_is_read_and_is_whole() {
    let backend = filled(4).await;
    let answer = backend.get(&backend.jaeger, &format!("/api/traces?service=shop&limit={TRACES}")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.content_length(), None, "nobody knows its length yet");
    let found: Value = answer.json().await.expect("JSON");
    let traces = found["data"].as_array().expect("a list");
    let ids: BTreeSet<&str> = traces.iter().filter_map(|trace| trace["traceID"].as_str()).collect();
    assert_eq!((traces.len(), ids.len()), (usize::from(TRACES), usize::from(TRACES)));
    assert!(traces.iter().all(|trace| trace["spans"].as_array().is_some_and(|spans| spans.len() == 4)));
    assert_eq!(found["errors"], Value::Null);

    let since = "2020-01-01T00:00:00Z";
    let until = "2100-01-01T00:00:00Z";
    let path = format!(
        "/api/v3/traces?query.service_name=shop&query.num_traces={TRACES}&query.start_time_min={since}&query.start_time_max={until}"
    );
    let answer = backend.get(&backend.jaeger, &path).await;
    assert_eq!(answer.content_length(), None);
    let found: Value = answer.json().await.expect("JSON");
    assert_eq!(found["result"]["resourceSpans"].as_array().map(Vec::len), Some(usize::from(TRACES)));

    let few = backend.get(&backend.jaeger, "/api/traces?service=shop&limit=2").await;
    assert!(few.content_length().is_some(), "what is small is sent at once");
}

#[tokio::test]
async fn traces_asked_for_by_their_ids_are_told_where_they_are_not_there() {
    let backend = filled(4).await;
    let hex = |id: Vec<u8>| id.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let unknown = "ffffffffffffffffffffffffffffffff".to_owned();
    let asked: Vec<String> = (0..600).map(|trace| hex(id(trace))).chain([unknown.clone()]).collect();
    let query: Vec<(&str, &str)> = asked.iter().map(|id| ("traceID", id.as_str())).collect();
    let found = backend.json(&backend.jaeger, "/api/traces", &query).await;
    let answered: Vec<&str> = found["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|trace| trace["traceID"].as_str())
        .collect();
    assert_eq!(answered, asked[..600], "in the order of the question");
    assert_eq!(found["errors"], serde_json::json!([{"msg": "trace not found", "traceID": unknown}]));
}

/// Reads everything at once, three times over, and looks at what the process ever took for it.
#[tokio::test]
async fn large_answers_take_little_memory() {
    let dir = tempfile::tempdir().expect("a folder");
    let backend = Process::start(&dir.path().join("data"));
    let stored = Remote::new(&backend.client, &backend.prometheus);
    for from in (0..TRACES).step_by(50) {
        let spans = (from..from + 50).flat_map(|trace| (0..20).map(move |number| told(trace, number)));
        let body = export("shop", spans.collect()).encode_to_vec();
        let url = format!("{}/v1/traces", backend.otlp);
        let request = backend.client.post(url).header("content-type", "application/x-protobuf").body(body);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
        stored.until_metric("backend_ingested_spans_total", |n| n >= f64::from(from + 50) * 20.0).await;
    }
    let before = backend.memory("VmRSS");
    let url = format!("{}/api/traces?service=shop&limit={TRACES}", backend.jaeger);
    let read = || async {
        let mut answer = backend.client.get(&url).send().await.expect("an answer");
        let mut length = 0;
        while let Some(part) = answer.chunk().await.expect("a part") {
            length += part.len();
        }
        length
    };
    let lengths = tokio::join!(read(), read(), read());
    assert!(lengths.0 > 20 << 20 && lengths.0 == lengths.1 && lengths.0 == lengths.2, "{lengths:?}");
    let peak = backend.memory("VmHWM");
    let took = peak.saturating_sub(before);
    assert!(took < (60 << 20), "three answers of {} bytes took {took} bytes more than {before}", lengths.0);
}
