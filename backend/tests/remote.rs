//! Sends samples by remote write, as a Prometheus does.

use prost::Message;
use reqwest::{Client, Response};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) exemplars: Vec<Exemplar>,
    /// Native histograms, as the bytes they are.
    #[prost(bytes, repeated, tag = "4")]
    pub(crate) histograms: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Label {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sample {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
    #[prost(int64, tag = "2")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub(crate) labels: Vec<Label>,
    #[prost(double, tag = "2")]
    pub(crate) value: f64,
    #[prost(int64, tag = "3")]
    pub(crate) timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, tag = "2")]
    pub(crate) family: String,
    #[prost(string, tag = "4")]
    pub(crate) help: String,
    #[prost(string, tag = "5")]
    pub(crate) unit: String,
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    pairs.iter().map(|(name, value)| Label { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

/// A series with its samples: milliseconds and values.
pub(crate) fn series(pairs: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    let samples = samples.iter().map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp });
    TimeSeries { labels: labels(pairs), samples: samples.collect(), ..TimeSeries::default() }
}

pub(crate) fn packed(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    let request = WriteRequest { timeseries, ..WriteRequest::default() };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("memory")
}

/// Posts a body with the headers that a Prometheus sends, and those given in place of them.
pub(crate) async fn post(client: &Client, base: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Response {
    let usual = [
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ];
    let mut request = client.post(format!("{base}/api/v1/write")).body(body);
    for (name, value) in usual.iter().filter(|(n, _)| !headers.iter().any(|(h, _)| h == n)).chain(headers) {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

/// Writes series, all of which must be taken.
pub(crate) async fn write(client: &Client, base: &str, timeseries: Vec<TimeSeries>) {
    let answer = post(client, base, packed(timeseries), &[]).await;
    let status = answer.status();
    assert_eq!(status, 204, "{}", answer.text().await.unwrap_or_default());
}
