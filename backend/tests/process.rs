//! Runs the backend as a process of its own, which can be killed without notice or be denied the disk.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use backend::Config;
use reqwest::Client;

use crate::harness::listeners;

const DIR: &str = "BACKEND_PROCESS_DIR";
const MAX_BYTES: u64 = 64 << 20;

/// A backend in a process of its own; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) otlp: String,
    pub(crate) prometheus: String,
    pub(crate) loki: String,
    pub(crate) jaeger: String,
    pub(crate) client: Client,
}

impl Process {
    /// Starts on a folder that may hold data already, and returns when it serves.
    pub(crate) fn start(dir: &Path) -> Self {
        // This very program, told to run nothing but the backend. Writing beyond a limit on file sizes is then an
        // error, as on a full disk, and not a signal that ends the process.
        let program = std::env::current_exe().expect("a path");
        let mut child = Command::new("sh")
            .args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#])
            .arg(program)
            .args(["--exact", "process::serve_until_standard_input_ends", "--ignored", "--nocapture"])
            .env(DIR, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let urls: Vec<String> = lines
            .find_map(|line| {
                line.split_once("serving ").map(|(_, urls)| urls.split(' ').map(str::to_owned).collect())
            })
            .expect("it serves");
        // Whatever else it says must find a reader, or saying it ends the process.
        std::thread::spawn(move || lines.for_each(drop));
        let [otlp, prometheus, loki, jaeger] = urls.try_into().expect("four addresses");
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { child, otlp, prometheus, loki, jaeger, client }
    }

    /// Lets no file grow beyond this; `None` lets them grow again.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |b| b.to_string());
        let set = Command::new("prlimit")
            .args(["--pid", &self.child.id().to_string(), &format!("--fsize={limit}:")])
            .status()
            .expect("prlimit of util-linux");
        assert!(set.success());
    }

    /// Bytes of memory that it has resident, now (`VmRSS`) or at its peak (`VmHWM`).
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self, which: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
        let kib: u64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a size");
        kib << 10
    }

    /// `kill -9`: the process has no say in it.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Asks it to end, and returns whether it did so in order.
    #[cfg(target_os = "linux")]
    pub(crate) async fn stop(mut self) -> bool {
        drop(self.child.stdin.take());
        tokio::task::spawn_blocking(move || self.child.wait().expect("waited for").success())
            .await
            .expect("no panic")
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

#[tokio::test]
#[ignore = "the process that other tests start"]
async fn serve_until_standard_input_ends() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let (listeners, [_, otlp, prometheus, loki, jaeger, _]) = listeners().await;
    println!("serving {otlp} {prometheus} {loki} {jaeger}");
    let parent_left = async {
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
    };
    let config = Config { data_dir: dir.into(), max_bytes: MAX_BYTES, ..Config::default() };
    backend::run(listeners, config, parent_left).await.expect("an orderly end");
}
