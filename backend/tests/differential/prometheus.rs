//! A real Prometheus of its own: a free port, an empty folder, a receiver of remote write.

use reqwest::Client;
use tokio::process::Command;

use super::programs::{self, Running};

pub(crate) struct Prometheus {
    pub(crate) url: String,
    _running: Running,
}

impl Prometheus {
    /// Starts one, or `None` where the program is missing.
    pub(crate) async fn start(client: &Client) -> Option<Self> {
        Self::with_config(client, "global: {evaluation_interval: 1m}\n").await
    }

    /// The same with a configuration.
    pub(crate) async fn with_config(client: &Client, text: &str) -> Option<Self> {
        let program = programs::find("prometheus")?;
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("prometheus.yaml");
        std::fs::write(&config, text).expect("writable");
        let [address] = programs::free();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args([
                "--storage.tsdb.retention.time=100y",
                "--web.enable-remote-write-receiver",
                "--web.enable-otlp-receiver",
            ]);
        let running = Running::start(&mut command, folder);
        let url = format!("http://{address}");
        programs::ready(client, &format!("{url}/-/ready")).await;
        Some(Self { url, _running: running })
    }
}
