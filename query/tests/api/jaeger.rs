//! The Jaeger client against bodies as Jaeger writes them.

use crate::stub::Stub;
use query::{
    ErrorKind, Jaeger, Limits, TraceId, UnixNanos, Window,
    jaeger::{ReferenceKind, SearchParams, TagValue},
};
use std::time::Duration;

const TRACE: &str = r#"{"data":[{"traceID":"af7651916cd43dd8448eb211c80319c","spans":[
  {"traceID":"af7651916cd43dd8448eb211c80319c","spanID":"b7ad6b7169203331","operationName":"GET /users/{id}",
   "references":[{"refType":"CHILD_OF","traceID":"af7651916cd43dd8448eb211c80319c","spanID":"0000000000000001"},
                 {"refType":"FOLLOWS_FROM","traceID":"ffffffffffffffffffffffffffffffff","spanID":"2"}],
   "startTime":1700000000000001,"duration":1500,
   "tags":[{"key":"span.kind","type":"string","value":"server"},{"key":"http.response.status_code","type":"int64","value":503},
           {"key":"big","type":"int64","value":"9007199254740993"},{"key":"error","type":"bool","value":true},
           {"key":"ratio","type":"float64","value":1},{"key":"bytes","type":"binary","value":"AQI="}],
   "logs":[{"timestamp":1700000000000100,"fields":[{"key":"event","type":"string","value":"exception"},
            {"key":"exception.message","type":"string","value":"boom"}]}],
   "processID":"p1","warnings":null}],
  "processes":{"p1":{"serviceName":"user-service","tags":[{"key":"service.version","type":"string","value":"1"}]}},
  "warnings":null}],"total":0,"limit":0,"offset":0,"errors":null}"#;

fn client(stub: &Stub) -> Jaeger {
    Jaeger::new(&stub.base, Limits::default()).unwrap()
}

fn id() -> TraceId {
    "0af7651916cd43dd8448eb211c80319c".parse().unwrap()
}

#[tokio::test]
async fn a_trace_comes_with_typed_tags() {
    let stub = Stub::json(TRACE).await;
    let trace = client(&stub).trace(id()).await.unwrap();
    assert_eq!(stub.asked(), ["/api/traces/0af7651916cd43dd8448eb211c80319c"]);
    assert_eq!(trace.trace_id, id(), "a dropped leading zero makes no other id");
    let span = &trace.spans[0];
    assert_eq!((span.start_us, span.duration_us), (1_700_000_000_000_001, 1_500));
    assert_eq!(span.tag("http.response.status_code"), Some(&TagValue::Int(503)));
    assert_eq!(span.tag("big"), Some(&TagValue::Int(9_007_199_254_740_993)));
    assert_eq!(span.tag("error"), Some(&TagValue::Bool(true)));
    assert_eq!(span.tag("ratio"), Some(&TagValue::Float(1.0)));
    assert_eq!(span.tag("bytes"), Some(&TagValue::Binary("AQI=".to_owned())));
    assert_eq!(span.references[1].kind, ReferenceKind::FollowsFrom);
    assert_eq!(span.logs[0].fields[1].value.to_string(), "boom");
    assert_eq!(trace.processes["p1"].service_name, "user-service");
}

#[tokio::test]
async fn an_unknown_trace_is_not_found_however_it_is_said() {
    let not_found =
        r#"{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}"#;
    let ways = [
        Stub::answering(404, "application/json", not_found).await,
        Stub::json(not_found).await,
        Stub::json(r#"{"data":[],"errors":null}"#).await,
        Stub::json(r#"{"data":null,"errors":null}"#).await,
    ];
    for stub in &ways {
        let error = client(stub).trace(id()).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_path_is_not_an_unknown_trace() {
    let stub = Stub::answering(404, "text/plain", "404 page not found").await;
    let error = client(&stub).trace(id()).await.unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::Api { status: 404, message, .. } if message == "404 page not found")
    );

    let page = Stub::answering(200, "text/html", "<!doctype html><title>Jaeger UI</title>").await;
    let error = client(&page).trace(id()).await.unwrap_err();
    assert!(matches!(&error.kind, ErrorKind::Malformed(why) if why.contains("text/html")), "{error}");
}

#[tokio::test]
async fn a_search_says_all_its_conditions() {
    let stub = Stub::json(r#"{"data":[],"errors":null}"#).await;
    let window = Window { start: UnixNanos(1_000_000), end: UnixNanos(2_000_999) };
    let mut params = SearchParams::new("order-service", window);
    params.operation = Some("POST /orders".to_owned());
    params.tags.insert("correlation.id".to_owned(), r#"a"b"#.to_owned());
    params.min_duration = Some(Duration::from_millis(3));
    assert!(client(&stub).search(&params).await.unwrap().is_empty());
    let wanted = "/api/traces?service=order-service&start=1000&end=2000&limit=20&operation=POST+%2Forders\
                  &tags=%7B%22correlation.id%22%3A%22a%5C%22b%22%7D&minDuration=3000us";
    assert_eq!(stub.asked(), [wanted]);
}

#[tokio::test]
async fn services_and_operations_are_listed() {
    let stub = Stub::json(r#"{"data":["a","b"],"total":2,"limit":0,"offset":0,"errors":null}"#).await;
    let jaeger = client(&stub);
    assert_eq!(jaeger.services().await.unwrap(), ["a", "b"]);
    assert_eq!(jaeger.operations("a/b").await.unwrap(), ["a", "b"]);
    assert_eq!(stub.asked(), ["/api/services", "/api/services/a%2Fb/operations"]);
}

#[tokio::test]
async fn a_refused_search_is_told_in_jaegers_words() {
    let body = r#"{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"parameter 'service' is required"}]}"#;
    let stub = Stub::answering(400, "application/json", body).await;
    let window = Window { start: UnixNanos(0), end: UnixNanos(1) };
    let error = client(&stub).search(&SearchParams::new("", window)).await.unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::Api { status: 400, message, .. } if message.contains("is required"))
    );
}

#[tokio::test]
async fn dependencies_are_asked_in_milliseconds() {
    let body = r#"{"data":[{"parent":"a","child":"b","callCount":7}],"errors":null}"#;
    let stub = Stub::json(body).await;
    let window = Window { start: UnixNanos(1_000_000_000), end: UnixNanos(61_000_000_000) };
    let found = client(&stub).dependencies(window).await.unwrap();
    assert_eq!((found[0].parent.as_str(), found[0].child.as_str(), found[0].call_count), ("a", "b", 7));
    assert_eq!(stub.asked(), ["/api/dependencies?endTs=61000&lookback=60000"]);
}
