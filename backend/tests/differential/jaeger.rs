//! A real Jaeger of its own: free ports, its store in memory, spans by OTLP over HTTP.

use reqwest::Client;
use tokio::process::Command;

use super::programs::{self, Running};
use crate::harness::until;

pub(crate) struct Jaeger {
    pub(crate) otlp: String,
    pub(crate) api: String,
    _running: Running,
}

impl Jaeger {
    /// Starts one, or `None` where the program is missing.
    pub(crate) async fn start(client: &Client) -> Option<Self> {
        let program = programs::find("jaeger")?;
        let folder = tempfile::tempdir().expect("a folder");
        let [otlp, api, grpc] = programs::free().map(|address| address.to_string());
        let config = folder.path().join("jaeger.yaml");
        std::fs::write(&config, CONFIG.replace("OTLP", &otlp).replace("API", &api).replace("GRPC", &grpc))
            .expect("writable");
        let running = Running::start(Command::new(program).arg("--config").arg(config), folder);
        let (otlp, api) = (format!("http://{otlp}"), format!("http://{api}"));
        programs::ready(client, &format!("{api}/api/services")).await;
        // Its receiver may open after its query service.
        until("Jaeger takes spans", || async {
            let empty = client.post(format!("{otlp}/v1/traces")).header("content-type", "application/json");
            empty.body("{}").send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        Some(Self { otlp, api, _running: running })
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
