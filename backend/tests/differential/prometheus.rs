//! A real Prometheus of its own: a free port, an empty folder, a receiver of remote write.

use std::process::Stdio;

use reqwest::Client;
use tokio::process::{Child, Command};

use super::programs;
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
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}
