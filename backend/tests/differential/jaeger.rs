//! A real Jaeger of its own: free ports, its store in memory, spans by OTLP over HTTP.

use std::process::Stdio;

use reqwest::Client;
use tokio::process::{Child, Command};

use super::programs;
use crate::harness::until;

pub(crate) struct Jaeger {
    pub(crate) otlp: String,
    pub(crate) api: String,
    // Killed when dropped; its folder goes after it.
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Jaeger {
    /// Starts one, or `None` where the program is missing.
    pub(crate) async fn start(client: &Client) -> Option<Self> {
        let program = programs::find("jaeger")?;
        let folder = tempfile::tempdir().expect("a folder");
        // All at once, so that none is given twice.
        let held = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [otlp, api, grpc] = held.map(|listener| listener.local_addr().expect("bound").to_string());
        let config = folder.path().join("jaeger.yaml");
        std::fs::write(&config, CONFIG.replace("OTLP", &otlp).replace("API", &api).replace("GRPC", &grpc))
            .expect("writable");
        let process = Command::new(program)
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let (otlp, api) = (format!("http://{otlp}"), format!("http://{api}"));
        until("Jaeger is ready", || async {
            let asked = client.get(format!("{api}/api/services")).send().await;
            // Its receiver may open after its query service.
            let empty = client.post(format!("{otlp}/v1/traces")).header("content-type", "application/json");
            asked.is_ok_and(|answer| answer.status() == 200)
                && empty.body("{}").send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        Some(Self { otlp, api, _process: process, _folder: folder })
    }
}

const CONFIG: &str = "
extensions:
  jaeger_storage: {backends: {traces: {memory: {max_traces: 50000}}}}
  jaeger_query:
    enable_tracing: false
    storage: {traces: traces}
    http: {endpoint: \"API\"}
    grpc: {endpoint: \"GRPC\"}
receivers: {otlp: {protocols: {http: {endpoint: \"OTLP\"}}}}
exporters: {jaeger_storage_exporter: {trace_storage: traces}}
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines: {traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry: {metrics: {level: none}, logs: {level: error}}
";
