//! A real Prometheus of its own: a free port, an empty folder, samples by remote write.

use std::process::Stdio;

use prost::Message;
use reqwest::Client;
use tokio::process::{Child, Command};

use super::programs;
use super::samples::Series;
use crate::harness::until;

pub(crate) struct Prometheus {
    pub(crate) url: String,
    // Killed when dropped; its folder goes after it.
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one, or `None` where the program is missing.
    pub(crate) async fn start(client: &Client) -> Option<Self> {
        let program = programs::find("prometheus")?;
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("prometheus.yaml");
        std::fs::write(&config, "global: {evaluation_interval: 1m}\n").expect("writable");
        let port = free_port();
        let process = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args([
                "--storage.tsdb.retention.time=100y",
                "--web.enable-remote-write-receiver",
                "--log.level=error",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let url = format!("http://127.0.0.1:{port}");
        until("Prometheus is ready", || async {
            client.get(format!("{url}/-/ready")).send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        Some(Self { url, _process: process, _folder: folder })
    }

    /// Writes samples; staleness markers are what they are in ours.
    pub(crate) async fn write(&self, client: &Client, series: &[Series]) {
        let timeseries = series.iter().map(|s| {
            let mut labels: Vec<Label> =
                s.labels.iter().map(|(k, v)| Label { name: k.clone(), value: v.clone() }).collect();
            labels.sort_by(|a, b| a.name.cmp(&b.name));
            let samples = s.samples.iter().map(|(t, v)| Sample { value: *v, timestamp: *t }).collect();
            TimeSeries { labels, samples }
        });
        let body = WriteRequest { timeseries: timeseries.collect() }.encode_to_vec();
        let packed = snap::raw::Encoder::new().compress_vec(&body).expect("memory");
        let answer = client
            .post(format!("{}/api/v1/write", self.url))
            .header("content-encoding", "snappy")
            .header("content-type", "application/x-protobuf")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .body(packed)
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}
