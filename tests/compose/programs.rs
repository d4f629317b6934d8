//! What a container is told to run is run here, by the native program of the same version: the command line and the
//! environment of the file, with the container's paths in a folder and its ports on free ones, until it is healthy.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use firedrill::ports;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    OWNER,
    file::{Project, Service, address, below, project},
    image_name,
};
use crate::harness::{self, PATIENCE, eventually, native, signal};

/// Where nobody listens: the other services, while one is started alone.
const NOBODY: &str = "127.0.0.1:9";

/// A container's root folder and its ports, here.
struct Container<'a> {
    project: &'a Project,
    service: &'a Service,
    root: TempDir,
    ports: BTreeMap<u16, u16>,
    binary: PathBuf,
}

impl<'a> Container<'a> {
    fn new(project: &'a Project, name: &str, binary: PathBuf) -> Self {
        let service = &project.services[name];
        let root = tempfile::tempdir().expect("a folder");
        for mount in &service.volumes {
            let here = inside(root.path(), &mount.target);
            std::fs::create_dir_all(here.parent().expect("below the root")).expect("a folder");
            match mount.kind.as_str() {
                "bind" => std::os::unix::fs::symlink(&mount.source, here).expect("a link"),
                _ => std::fs::create_dir_all(here).expect("a folder"),
            }
        }
        let listens = project.listens(name);
        let free = ports::free(listens.len()).expect("free ports");
        let ports = listens.into_iter().zip(free.iter().map(SocketAddr::port)).collect();
        Self { project, service, root, ports, binary }
    }

    /// A word of the command line or the environment as it has to read outside of the container.
    fn translate(&self, word: &str) -> String {
        let (name, value) = match word.rsplit_once('=') {
            Some((name, value)) => (format!("{name}="), value),
            None => (String::new(), word),
        };
        let mut value = value.to_owned();
        if self.service.volumes.iter().any(|mount| below(&value, &mount.target).is_some()) {
            value = inside(self.root.path(), &value).display().to_string();
        } else if let Some((host, port)) = address(&value) {
            let (was, here) = (format!("{host}:{port}"), self.ports.get(&port));
            let now = match here {
                Some(here) if !self.project.services.contains_key(host) => format!("127.0.0.1:{here}"),
                _ => NOBODY.to_owned(),
            };
            value = value.replace(&was, &now);
        } else if value == "0.0.0.0" {
            value = "127.0.0.1".to_owned();
        } else if let Some(here) = value.parse().ok().and_then(|port| self.ports.get(&port)) {
            value = here.to_string();
        }
        name + &value
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&self.binary);
        let environment = self.service.environment.iter();
        command
            .args(words.iter().map(|word| self.translate(word)))
            .env_clear()
            .envs(environment.filter_map(|(k, v)| Some((k, self.translate(v.as_deref()?)))))
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn start(&self) -> Child {
        let log = std::fs::File::create(self.log()).expect("a log");
        let mut command = self.command(self.service.command.as_deref().unwrap_or_default());
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        command.spawn().expect("it starts")
    }

    /// Beside the root, which has to stay clean.
    fn log(&self) -> PathBuf {
        self.root.path().with_extension("log")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Asks as the file's health check asks; where the image lends a program for that, its request is made here.
    async fn is_healthy(&self) -> bool {
        let test = self.service.healthcheck.as_ref().map(|check| &check.test[1..]).unwrap_or_default();
        match test {
            [program, .., url] if program == "wget" || program == "curl" => get(&self.translate(url)).await,
            [_, question @ ..] => {
                let asked = self.command(question).stdout(Stdio::null()).stderr(Stdio::null()).status();
                asked.await.is_ok_and(|status| status.success())
            }
            [] => {
                let address = self.service.environment["COLLECTOR_HEALTH_ADDRESS"].as_deref();
                get(&format!("http://{}/", self.translate(address.expect("an address")))).await
            }
        }
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.log());
    }
}

fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

async fn get(url: &str) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build();
    let answer = client.expect("a client").get(url).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Starts what the service runs, waits until it is healthy, and stops it as an engine does. Returns its root folder.
async fn runs_as_written(name: &str, binary: PathBuf) {
    let Some(project) = project() else { return };
    let container = Container::new(project, name, binary);
    let mut child = container.start();
    let pid = child.id().expect("it runs");
    eventually("its health", || {
        if let Some(status) = child.try_wait().expect("its status") {
            panic!("{name} ended with {status}: {}", container.said());
        }
        async { container.is_healthy().await.then_some(()) }
    })
    .await;
    signal(pid, Signal::TERM);
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
    let status = ended.unwrap_or_else(|_| panic!("{name} does not stop")).expect("its status");
    assert!(status.success(), "{name}: {status}: {}", container.said());
    assert!(!container.is_healthy().await, "{name} is healthy after its end");

    // The root file system of a container cannot be written to: nothing may lie beside what is mounted.
    let mut expected: Vec<String> = container
        .service
        .volumes
        .iter()
        .filter_map(|m| m.target.split('/').nth(1).map(str::to_owned))
        .collect();
    let mut found: Vec<String> = std::fs::read_dir(container.root.path())
        .expect("the root")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    expected.sort();
    expected.dedup();
    found.sort();
    assert_eq!(found, expected, "{name}");
    for volume in container.service.volumes.iter().filter(|mount| mount.kind == "volume") {
        let folder = inside(container.root.path(), &volume.target);
        let entries = std::fs::read_dir(&folder).expect("a volume").count();
        assert!(entries > 0, "{name} keeps nothing in {}: {}", volume.target, container.said());
    }
}

#[tokio::test]
async fn every_role_of_ours_runs_as_the_file_says() {
    let Some(project) = project() else { return };
    let ours = project.services.iter().filter(|(name, s)| image_name(s) == "firedrill" && *name != OWNER);
    let mut count = 0;
    for (name, _) in ours {
        runs_as_written(name, harness::program().into()).await;
        count += 1;
    }
    assert_eq!(count, 5);
}

#[tokio::test]
async fn a_health_check_says_no_when_the_answer_is_no_success() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/ready", listener.local_addr().expect("bound"));
    let not_ready = axum::routing::get(|| async { http::StatusCode::SERVICE_UNAVAILABLE });
    let app = axum::Router::new().route("/ready", not_ready);
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let home = tempfile::tempdir().expect("a home");
    let output = harness::run(home.path(), &["probe", &url]).await;
    server.abort();
    // 1 and nothing else: engines keep 2 for themselves.
    assert_eq!(output.status.code(), Some(1));
    assert!(harness::stderr(&output).contains("503"), "{}", harness::stderr(&output));
}

#[tokio::test]
async fn the_collector_runs_as_the_file_says() {
    let Some(binary) = native::program("otelcol") else { return };
    runs_as_written("otel-collector", binary).await;
}

#[tokio::test]
async fn jaeger_runs_as_the_file_says() {
    let Some(binary) = native::program("jaeger") else { return };
    runs_as_written("jaeger", binary).await;
}

#[tokio::test]
async fn loki_runs_as_the_file_says() {
    let Some(binary) = native::program("loki") else { return };
    runs_as_written("loki", binary).await;
}

#[tokio::test]
async fn prometheus_runs_as_the_file_says() {
    let Some(binary) = native::program("prometheus") else { return };
    runs_as_written("prometheus", binary).await;
}

#[tokio::test]
async fn alertmanager_runs_as_the_file_says() {
    let Some(binary) = native::program("alertmanager") else { return };
    runs_as_written("alertmanager", binary).await;
}
