//! A real Loki of its own: free ports, an empty folder, the configuration of the stack.

use std::path::Path;
use std::process::Stdio;

use reqwest::Client;
use tokio::process::{Child, Command};

use super::programs;
use crate::harness::until;

pub(crate) struct Loki {
    pub(crate) url: String,
    // Killed when dropped; its folder goes after it.
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Loki {
    /// Starts one, or `None` where the program is missing.
    pub(crate) async fn start(client: &Client) -> Option<Self> {
        let program = programs::find("loki")?;
        let folder = tempfile::tempdir().expect("a folder");
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let config = config.join("stack/loki/loki.yaml");
        let [port, grpc] = free_ports();
        let process = Command::new(program)
            .arg(format!("-config.file={}", config.display()))
            .arg("-config.expand-env=true")
            .env_clear()
            .env("LOKI_PORT", port.to_string())
            .env("LOKI_GRPC_PORT", grpc.to_string())
            .env("LOKI_DATA_DIR", folder.path().join("data"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let url = format!("http://127.0.0.1:{port}");
        until("Loki is ready", || async {
            client.get(format!("{url}/ready")).send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        Some(Self { url, _process: process, _folder: folder })
    }
}

fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|l| l.local_addr().expect("bound").port())
}
