//! The Loki client against bodies as Loki writes them.

use crate::stub::Stub;
use query::{
    ErrorKind, Limits, Loki, UnixNanos, Window,
    loki::{Answer, Direction},
};
use std::time::Duration;

const WINDOW: Window = Window { start: UnixNanos(1_000), end: UnixNanos(9_000) };

fn client(stub: &Stub) -> Loki {
    Loki::new(&stub.base, Limits::default()).unwrap()
}

const STREAMS: &str = r#"{"status":"success","data":{"resultType":"streams","encodingFlags":["categorize-labels"],"result":[
    {"stream":{"service_name":"user-service"},"values":[
        ["3000","third",{"structuredMetadata":{"severity_text":"INFO"}}],["1000","first",{}]]},
    {"stream":{"service_name":"order-service"},"values":[["2000","second",{"structuredMetadata":{"n":"1"},"parsed":{"m":"2"}}]]}],
    "stats":{"summary":{"bytesProcessedPerSecond":1}}}}"#;

#[tokio::test]
async fn lines_of_all_streams_come_in_one_order() {
    let stub = Stub::json(STREAMS).await;
    let loki = client(&stub);
    let forward = loki.query_range(r#"{a="b"}"#, WINDOW, 7, Direction::Forward).await.unwrap();
    assert_eq!(forward.iter().map(|e| e.line.as_str()).collect::<Vec<_>>(), ["first", "second", "third"]);
    assert_eq!(forward[1].fields().collect::<Vec<_>>(), [("m", "2"), ("n", "1")]);
    let backward = loki.query_range(r#"{a="b"}"#, WINDOW, 7, Direction::Backward).await.unwrap();
    assert_eq!(backward[0].line, "third");
    let asked = stub.asked();
    let wanted =
        "/loki/api/v1/query_range?start=1000&end=9001&query=%7Ba%3D%22b%22%7D&limit=7&direction=forward";
    assert_eq!(asked[0], wanted);
    assert!(asked[1].ends_with("direction=backward"));
}

#[tokio::test]
async fn a_metric_query_is_not_taken_for_lines() {
    let body = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"service_name":"a"},"values":[[1700000000,"4"]]}],"stats":{}}}"#;
    let stub = Stub::json(body).await;
    let loki = client(&stub);
    let error =
        loki.query_range("count_over_time({a=\"b\"}[1m])", WINDOW, 7, Direction::Forward).await.unwrap_err();
    assert!(matches!(&error.kind, ErrorKind::BadRequest(why) if why.contains("metric query")), "{error}");
    let series =
        loki.metric_range("count_over_time({a=\"b\"}[1m])", WINDOW, Duration::from_secs(5)).await.unwrap();
    assert_eq!(series[0].points[0].value, 4.0);

    let stub = Stub::json(STREAMS).await;
    let error = client(&stub).metric_range("{a=\"b\"}", WINDOW, Duration::from_secs(5)).await.unwrap_err();
    assert!(error.to_string().contains("log lines, not values"), "{error}");
}

#[tokio::test]
async fn a_query_of_either_kind_is_answered_as_what_it_is() {
    let stub = Stub::json(STREAMS).await;
    let lines = client(&stub).range(r#"{a="b"}"#, WINDOW, Duration::from_secs(5), 7).await.unwrap();
    assert!(matches!(&lines, Answer::Lines(lines) if lines.len() == 3), "{lines:?}");
    assert!(stub.asked()[0].ends_with("&limit=7&direction=backward&step=5.000"), "{:?}", stub.asked());

    let body = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"4"]}],"stats":{}}}"#;
    let stub = Stub::json(body).await;
    let answer = client(&stub).instant("sum(rate({a=\"b\"}[1m]))", UnixNanos(9), 7).await.unwrap();
    let Answer::Numbers(data) = answer else { panic!("{answer:?}") };
    assert_eq!(data.into_samples()[0].point.value, 4.0);
    assert!(stub.asked()[0].starts_with("/loki/api/v1/query?"), "{:?}", stub.asked());
}

#[tokio::test]
async fn an_empty_loki_has_no_labels() {
    let stub = Stub::json(r#"{"status":"success"}"#).await;
    let loki = client(&stub);
    assert!(loki.labels(WINDOW).await.unwrap().is_empty());
    assert!(loki.series(&["{a=\"b\"}"], WINDOW).await.unwrap().is_empty());
    assert!(loki.label_values("service_name", WINDOW).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_error_in_plain_text_is_kept_whole() {
    let text = "parse error at line 1, col 2: syntax error: unexpected IDENTIFIER, expecting STRING\n";
    let stub = Stub::answering(400, "text/plain; charset=utf-8", text).await;
    let error = client(&stub).query_range("{a=b}", WINDOW, 1, Direction::Forward).await.unwrap_err();
    let wanted = ErrorKind::Api { status: 400, error_type: None, message: text.trim().to_owned() };
    assert_eq!(error.kind, wanted);
}
