//! Remote write: what is sent is stored, what cannot be is refused with the status that senders go by, and counted.

use prost::Message as _;
use serde_json::{Value, json};

use crate::harness::{TestBackend, now_ns};
use crate::remote::{Exemplar, Metadata, TimeSeries, WriteRequest, labels, packed, post, series, write};

fn now_ms() -> i64 {
    (now_ns() / 1_000_000) as i64
}

async fn result(backend: &TestBackend, query: &str) -> Value {
    backend.json(&backend.prometheus, "/api/v1/query", &[("query", query)]).await["data"]["result"].clone()
}

#[tokio::test]
async fn samples_exemplars_and_metadata_are_stored() {
    let backend = TestBackend::start().await;
    let now = now_ms();
    let mut sent = series(
        &[("__name__", "orders_total"), ("job", "shop"), ("empty", "")],
        &[(now - 1000, 1.0), (now, 3.0)],
    );
    sent.exemplars = vec![Exemplar { labels: labels(&[("trace_id", "abc")]), value: 0.5, timestamp: now }];
    let metadata = vec![Metadata {
        kind: 1,
        family: "orders_total".to_owned(),
        help: "Orders.".to_owned(),
        unit: String::new(),
    }];
    let request = WriteRequest { timeseries: vec![sent], metadata };
    let body = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("memory");
    let answer = post(&backend.client, &backend.prometheus, body, &[]).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(result(&backend, "sum_over_time(orders_total[1m] offset -1s)").await[0]["value"][1], "4");
    let range = [("query", "orders_total"), ("start", "0"), ("end", "9999999999")];
    let exemplars = backend.json(&backend.prometheus, "/api/v1/query_exemplars", &range).await;
    assert_eq!(exemplars["data"][0]["seriesLabels"], json!({"__name__": "orders_total", "job": "shop"}));
    assert_eq!(exemplars["data"][0]["exemplars"][0]["labels"], json!({"trace_id": "abc"}));
    let metadata = backend.json(&backend.prometheus, "/api/v1/metadata", &[]).await;
    assert_eq!(metadata["data"]["orders_total"], json!([{"type": "counter", "help": "Orders.", "unit": ""}]));
    assert_eq!(backend.metric("backend_ingested_samples_total").await, 2.0);
}

#[tokio::test]
async fn one_sample_that_comes_too_late_refuses_the_request_whole() {
    let backend = TestBackend::start().await;
    let now = now_ms();
    write(&backend.client, &backend.prometheus, vec![series(&[("__name__", "m")], &[(now, 1.0)])]).await;
    for (late, said) in [
        ((now - 1, 1.0), "out of order sample\n"),
        ((now, 2.0), "duplicate sample for timestamp\n"),
        ((now + 3_600_000, 1.0), "out of bounds\n"),
        ((now - 48 * 3_600_000, 1.0), "out of bounds\n"),
    ] {
        let body =
            packed(vec![series(&[("__name__", "n")], &[(now, 1.0)]), series(&[("__name__", "m")], &[late])]);
        let answer = post(&backend.client, &backend.prometheus, body, &[]).await;
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.text().await.expect("text"), said);
    }
    assert_eq!(result(&backend, "n").await, json!([]));
    assert_eq!(backend.metric(r#"backend_refused_items_total{signal="samples"}"#).await, 8.0);
    // The same sample again is no error: a sender that lost the answer sends it twice.
    write(&backend.client, &backend.prometheus, vec![series(&[("__name__", "m")], &[(now, 1.0)])]).await;
}

#[tokio::test]
async fn what_is_not_a_request_of_version_1_is_refused() {
    let backend = TestBackend::with(|c| c.limits.body_bytes = 4096).await;
    let good = packed(vec![series(&[("__name__", "m")], &[(now_ms(), 1.0)])]);
    let bomb = snap::raw::Encoder::new().compress_vec(&vec![0; 1 << 20]).expect("memory");
    assert!(bomb.len() > 4096);
    let small_bomb = [&[0x80, 0x80, 0x40][..], &[0; 100]].concat();
    let v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    for (body, headers, status) in [
        (good.clone(), vec![("content-encoding", "gzip")], 415),
        (good.clone(), vec![("content-type", "application/json")], 415),
        (good.clone(), vec![("content-type", v2)], 415),
        (b"not snappy".to_vec(), vec![], 400),
        (snap::raw::Encoder::new().compress_vec(b"not protobuf").expect("memory"), vec![], 400),
        (bomb, vec![], 413),
        (small_bomb, vec![], 400),
        (good, vec![("content-type", "application/x-protobuf;proto=prometheus.WriteRequest")], 204),
    ] {
        let answer = post(&backend.client, &backend.prometheus, body, &headers).await;
        assert_eq!(answer.status(), status, "{headers:?} {}", answer.text().await.expect("text"));
    }
    assert_eq!(backend.metric(r#"backend_bad_requests_total{signal="samples"}"#).await, 7.0);
    assert_eq!(backend.get(&backend.prometheus, "/api/v1/write").await.status(), 405);
}

#[tokio::test]
async fn a_series_whose_labels_are_not_text_does_not_keep_the_others_out() {
    let backend = TestBackend::start().await;
    let now = now_ms();
    let two = ["good", "marked"].map(|job| series(&[("__name__", "m"), ("job", job)], &[(now, 1.0)]));
    let mut request = WriteRequest { timeseries: two.into(), ..WriteRequest::default() }.encode_to_vec();
    let at = request.windows(6).position(|bytes| bytes == b"marked").expect("the label");
    request[at] = 0xff;
    let body = snap::raw::Encoder::new().compress_vec(&request).expect("memory");
    let answer = post(&backend.client, &backend.prometheus, body, &[]).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(result(&backend, "count by (job)(m)").await[0]["metric"], json!({"job": "good"}));
    assert_eq!(result(&backend, "count(m)").await[0]["value"][1], "1");
    assert_eq!(backend.metric(r#"backend_refused_items_total{signal="samples"}"#).await, 1.0);
}

#[tokio::test]
async fn series_without_room_and_native_histograms_are_told_of_and_the_rest_is_stored() {
    let backend = TestBackend::with(|c| c.max_series = 2).await;
    let now = now_ms();
    let many = (0..4).map(|i| series(&[("__name__", "m"), ("i", &i.to_string())], &[(now, 1.0)])).collect();
    let answer = post(&backend.client, &backend.prometheus, packed(many), &[]).await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.expect("text").starts_with("too many series"));
    assert_eq!(result(&backend, "count(m)").await[0]["value"][1], "2");
    assert_eq!(backend.metric(r#"backend_refused_items_total{signal="samples"}"#).await, 2.0);

    let native = TimeSeries {
        histograms: vec![vec![]],
        ..series(&[("__name__", "m"), ("i", "0")], &[(now + 1, 2.0)])
    };
    let nameless = series(&[("i", "7")], &[(now, 1.0)]);
    let answer = post(&backend.client, &backend.prometheus, packed(vec![native, nameless]), &[]).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.text().await.expect("text"), "native histograms are not supported\n");
    assert_eq!(result(&backend, "max(m)").await[0]["value"][1], "2");
    assert_eq!(backend.metric(r#"backend_refused_items_total{signal="samples"}"#).await, 4.0);
}
