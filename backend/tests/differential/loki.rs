//! A real Loki of its own: free ports, an empty folder, the configuration of the stack.

use std::path::Path;

use reqwest::Client;
use tokio::process::Command;

use super::programs::{self, Running};

pub(crate) struct Loki {
    pub(crate) url: String,
    _running: Running,
}

impl Loki {
    /// Starts one, or `None` where the program is missing.
    pub(crate) async fn start(client: &Client) -> Option<Self> {
        let program = programs::find("loki")?;
        let folder = tempfile::tempdir().expect("a folder");
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let config = config.join("stack/loki/loki.yaml");
        let [http, grpc] = programs::free();
        let mut command = Command::new(program);
        command
            .arg(format!("-config.file={}", config.display()))
            .arg("-config.expand-env=true")
            .env_clear()
            .env("LOKI_PORT", http.port().to_string())
            .env("LOKI_GRPC_PORT", grpc.port().to_string())
            .env("LOKI_DATA_DIR", folder.path().join("data"))
            .current_dir(folder.path());
        let running = Running::start(&mut command, folder);
        let url = format!("http://{http}");
        programs::ready(client, &format!("{url}/ready")).await;
        Some(Self { url, _running: running })
    }
}
