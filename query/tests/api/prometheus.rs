//! The Prometheus client against bodies as Prometheus writes them.

use crate::stub::Stub;
use query::{
    ErrorKind, Limits, Prometheus, UnixNanos, Window,
    prometheus::{Data, Point},
};
use std::time::Duration;

fn client(stub: &Stub) -> Prometheus {
    Prometheus::new(&stub.base, Limits::default()).unwrap()
}

const WINDOW: Window =
    Window { start: UnixNanos(1_700_000_000_000_000_000), end: UnixNanos(1_700_000_300_500_000_000) };

#[tokio::test]
async fn instant_vector_keeps_special_values() {
    let stub = Stub::json(
        r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"__name__":"up","job":"a"},"value":[1700000000.5,"1"]},
            {"metric":{"job":"b"},"value":[1700000000.5,"NaN"]},
            {"metric":{"job":"c"},"value":[1700000000.5,"+Inf"]},
            {"metric":{"job":"h"},"histogram":[1700000000.5,{"count":"1","sum":"2","buckets":[[0,"1","2","1"]]}]}]},
          "warnings":["slow"],"infos":["PromQL info: metric might not be a counter"]}"#,
    )
    .await;
    let answer = client(&stub).instant("up{x=\"a b\"}", Some(WINDOW.start)).await.unwrap();
    let samples = answer.data.into_samples();
    assert_eq!(samples.len(), 3);
    assert_eq!(samples[0].labels["__name__"], "up");
    assert_eq!(samples[0].point, Point { time: UnixNanos(1_700_000_000_500_000_000), value: 1.0 });
    assert!(samples[1].point.value.is_nan());
    assert_eq!(samples[2].point.value, f64::INFINITY);
    assert_eq!(answer.warnings.len(), 3, "{:?}", answer.warnings);
    assert!(answer.warnings[2].contains("1 native histogram"));
    assert_eq!(stub.asked(), ["/api/v1/query?query=up%7Bx%3D%22a+b%22%7D&time=1700000000.000"]);
}

#[tokio::test]
async fn scalar_string_and_matrix_are_told_apart() {
    let stub =
        Stub::json(r#"{"status":"success","data":{"resultType":"scalar","result":[1700000000,"2.5"]}}"#)
            .await;
    let data = client(&stub).instant("2.5", None).await.unwrap().data;
    assert!(matches!(data, Data::Scalar(Point { value: 2.5, .. })));
    assert_eq!(stub.asked(), ["/api/v1/query?query=2.5"], "no time: the server's now");

    let stub =
        Stub::json(r#"{"status":"success","data":{"resultType":"string","result":[1700000000,"hi"]}}"#).await;
    assert_eq!(client(&stub).instant("'hi'", None).await.unwrap().data, Data::String("hi".to_owned()));

    let stub = Stub::json(
        r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"service":"a"},"values":[[1700000000,"1"],[1700000010,"2"]]}]}}"#,
    )
    .await;
    let series = client(&stub).range("x", WINDOW, Duration::from_secs(10)).await.unwrap().data.into_series();
    assert_eq!(series[0].points.iter().map(|p| p.value).collect::<Vec<_>>(), [1.0, 2.0]);
    let asked = "/api/v1/query_range?start=1700000000.000&end=1700000300.500&query=x&step=10.000";
    assert_eq!(stub.asked(), [asked]);
}

#[tokio::test]
async fn names_and_series_are_listed() {
    let stub = Stub::json(r#"{"status":"success","data":["a","b"]}"#).await;
    let client_ = client(&stub);
    assert_eq!(client_.labels(&[], WINDOW).await.unwrap(), ["a", "b"]);
    assert_eq!(client_.label_values("a/b", &["up", "down"], WINDOW).await.unwrap(), ["a", "b"]);
    let asked = stub.asked();
    assert!(asked[1].starts_with("/api/v1/label/a%2Fb/values?"), "{asked:?}");
    assert!(asked[1].ends_with("match%5B%5D=up&match%5B%5D=down"), "{asked:?}");

    let stub = Stub::json(r#"{"status":"success","data":[{"__name__":"up","job":"a"}]}"#).await;
    assert_eq!(client(&stub).series(&["up"], WINDOW).await.unwrap()[0]["job"], "a");
}

#[tokio::test]
async fn exemplars_carry_their_trace() {
    let stub = Stub::json(
        r#"{"status":"success","data":[{"seriesLabels":{"__name__":"x_bucket","service":"s"},"exemplars":[
            {"labels":{"trace_id":"0af7651916cd43dd8448eb211c80319c"},"value":"0.25","timestamp":1700000000.123}]}]}"#,
    )
    .await;
    let series = client(&stub).exemplars("x_bucket", WINDOW).await.unwrap();
    let exemplar = &series[0].exemplars[0];
    assert_eq!(series[0].series_labels["service"], "s");
    assert_eq!((exemplar.value, exemplar.time.0), (0.25, 1_700_000_000_123_000_000));
    assert_eq!(exemplar.labels["trace_id"], "0af7651916cd43dd8448eb211c80319c");
}

#[tokio::test]
async fn a_bad_expression_is_told_in_prometheus_words() {
    let body = r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: unexpected <EOF>"}"#;
    let stub = Stub::answering(400, "application/json", body).await;
    let error = client(&stub).instant("sum(", None).await.unwrap_err();
    let ErrorKind::Api { status: 400, error_type: Some(kind), message } = &error.kind else {
        panic!("{error:?}")
    };
    assert_eq!(kind, "bad_data");
    assert!(message.contains("unexpected <EOF>"));
    let text = error.to_string();
    assert!(text.starts_with("Prometheus API, instant query sum(, at http://127.0.0.1:"), "{text}");
    assert!(!error.is_unreachable());
}

#[tokio::test]
async fn values_that_are_none_are_refused() {
    let stub = Stub::json(
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"lots"]}]}}"#,
    )
    .await;
    let error = client(&stub).instant("x", None).await.unwrap_err();
    assert!(matches!(&error.kind, ErrorKind::Malformed(why) if why.contains("lots")), "{error}");
}
