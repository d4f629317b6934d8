//! One set of services, and the real stack and an embedded backend that both see all of it.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use firedrill::{
    home::Home,
    load_control::{LoadControl, Paused},
    run_file::RunFile,
};
use query::{UnixNanos, Window, prometheus::Data};
use tempfile::TempDir;
use tokio::process::Child;

use crate::harness::{Stack, checkout, command, eventually, native};

/// Requests that are compared, at least.
const REQUESTS: f64 = 1500.0;

/// How long nothing may change before both are at rest.
const STILL: Duration = Duration::from_secs(3);

/// What both must agree on before they are compared: all requests, spans, and edges of the graph of calls.
const COUNTED: [&str; 3] = [
    "sum(http_server_request_duration_seconds_count)",
    "sum(traces_span_metrics_calls_total)",
    "sum(traces_service_graph_request_total)",
];

pub(super) struct Both {
    pub(super) real: query::Stack,
    pub(super) embedded: query::Stack,
    load: LoadControl,
    _up: Stack,
    _backend: Child,
    _homes: [TempDir; 2],
}

impl Both {
    /// Starts everything, or says that the real programs are missing.
    pub(super) async fn start() -> Option<Self> {
        let setup = native::setup()?;
        let home = tempfile::tempdir().expect("a home");
        let scrape = home.path().join("targets.json");
        fs::write(&scrape, "[]").expect("written");
        let mut backend = command(home.path());
        backend.args(["backend", "--ports", "auto", "--scrape"]).arg(&scrape);
        let backend = backend.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let run = eventually("the backend", || async {
            RunFile::find(&Home::new(Some(home.path().to_path_buf()))).ok()
        })
        .await;

        let folder = tempfile::tempdir().expect("a folder");
        write_collector(folder.path(), run.url("otlp_http").expect("an address"));
        let up = setup.arg("--rps").arg("60").in_folder(folder.path()).start().await;
        let targets = up.home.path().join("configuration/stack/prometheus/targets.json");
        fs::copy(targets, &scrape).expect("the same targets");
        let load = LoadControl::new(up.url("loadgen"), &up.run.admin_token).expect("a client");
        Some(Self {
            real: up.query(),
            embedded: firedrill::stack::of(&run).expect("three addresses"),
            load,
            _up: up,
            _backend: backend,
            _homes: [home, folder],
        })
    }

    /// Lets traffic pass, at rest before and after. Gives the time from the one rest to the other, and the silence, which
    /// lasts as long as it is held.
    pub(super) async fn traffic(&self) -> (Window, Paused) {
        // First everything that can happen happens once, so that no series begins within the window.
        let silence = self.pass().await;
        let start = self.rest().await;
        silence.resume().await.expect("resumed");
        let silence = self.pass().await;
        (Window { start, end: self.rest().await }, silence)
    }

    /// Lets enough requests pass, then no more.
    async fn pass(&self) -> Paused {
        let before = count(&self.real, COUNTED[0]).await.unwrap_or(0.0);
        eventually("requests", || async {
            (count(&self.real, COUNTED[0]).await? >= before + REQUESTS).then_some(())
        })
        .await;
        self.load.pause().await.expect("paused")
    }

    /// Waits until both stacks have counted the same, and nothing more, for longer than a scrape and than the way of a
    /// span through the collector.
    async fn rest(&self) -> UnixNanos {
        let (mut since, mut before) = (Instant::now(), None);
        loop {
            let now = eventually("the same counts in both", || self.agreed()).await;
            if before.as_ref() != Some(&now) {
                (since, before) = (Instant::now(), Some(now));
            } else if since.elapsed() > STILL {
                return UnixNanos::now();
            }
        }
    }

    async fn agreed(&self) -> Option<Vec<String>> {
        let mut counts = Vec::new();
        for expr in COUNTED {
            let (real, ours) = (count(&self.real, expr).await?, count(&self.embedded, expr).await?);
            if (real - ours).abs() > 0.0 {
                return None;
            }
            counts.push(real.to_string());
        }
        Some(counts)
    }
}

async fn count(stack: &query::Stack, expr: &str) -> Option<f64> {
    match stack.prometheus.instant(expr, None).await.ok()?.data {
        Data::Vector(samples) => samples.first().map(|sample| sample.point.value),
        _ => None,
    }
}

/// The checkout's collector with one more place to send to.
fn write_collector(folder: &Path, otlp: &str) {
    let config = fs::read_to_string(checkout().join("otel-collector/config.yaml")).expect("a configuration");
    let exporter =
        format!("exporters:\n  otlp_http/embedded:\n    endpoint: {otlp}\n    compression: none\n");
    let mut changed = config.replacen("\nexporters:\n", &format!("\n{exporter}"), 1);
    for sender in ["otlp_grpc/jaeger", "otlp_http/loki"] {
        let list = format!("exporters: [{sender}]");
        assert!(changed.contains(&list), "a pipeline that sends to {sender} alone");
        changed = changed.replacen(&list, &format!("exporters: [{sender}, otlp_http/embedded]"), 1);
    }
    fs::create_dir(folder.join("otel-collector")).expect("made");
    fs::write(folder.join("otel-collector/config.yaml"), changed).expect("written");
}
