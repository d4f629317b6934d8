//! The rules and routes of a running stack, replaced for a while.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use slo::generate::{INTERVAL, Speed};
use tokio::time::{Instant, sleep};

use crate::{
    failure::Failure,
    home::Home,
    native::files::{ALERTMANAGER, RULES},
    objectives::laid_out::Alerts,
    run_file::RunFile,
};

/// How long a stack may take to read the files and to evaluate each rule once, beside the interval of the rules.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(200);
/// The most that one question may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Files that were there before, and who has to read them.
#[derive(Debug)]
pub(super) struct Replaced {
    configurations: PathBuf,
    before: Vec<(PathBuf, Vec<u8>)>,
    readers: Readers,
}

impl Replaced {
    /// Replaces them by those of a speed; every receiver is also a webhook at `hook`.
    pub(super) async fn by(home: &Home, run: &RunFile, speed: Speed, hook: &str) -> Result<Self, Failure> {
        if run.stack == "external" {
            return Err(Failure::environment(
                "the backends of this stack were not started by `firedrill up`, so their rules are not replaced; start --stack embedded or native",
            ));
        }
        let configurations = home.configuration();
        let mut alerts = Alerts::at(speed)?;
        alerts.alertmanager = hooked(&alerts.alertmanager, hook);
        let before = read(&configurations).map_err(|error| unusable(&error))?;
        let replaced = Self { configurations, before, readers: Readers::of(run)? };
        alerts.write(&replaced.configurations).map_err(|error| unusable(&error))?;
        let taken = replaced.readers.take(Some(speed)).await;
        match taken {
            Ok(()) => Ok(replaced),
            Err(why) => {
                replaced.back().await?;
                Err(why)
            }
        }
    }

    /// Writes what was there before.
    pub(super) async fn back(&self) -> Result<(), Failure> {
        let folder = self.configurations.join(RULES);
        for entry in fs::read_dir(&folder).map_err(|error| unusable(&error))?.flatten() {
            if !self.before.iter().any(|(path, _)| *path == entry.path()) {
                fs::remove_file(entry.path()).map_err(|error| unusable(&error))?;
            }
        }
        for (path, bytes) in &self.before {
            fs::write(path, bytes).map_err(|error| unusable(&error))?;
        }
        self.readers.take(None).await
    }
}

fn read(configurations: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let rules = fs::read_dir(configurations.join(RULES))?.map(|entry| Ok(entry?.path()));
    let paths = rules.chain([Ok(configurations.join(ALERTMANAGER))]);
    paths.map(|path: io::Result<PathBuf>| path.and_then(|path| Ok((path.clone(), fs::read(path)?)))).collect()
}

fn unusable(error: &io::Error) -> Failure {
    Failure::environment(format!("cannot replace the rules of the running stack: {error}"))
}

/// The routes with a webhook for each receiver.
fn hooked(routes: &str, url: &str) -> String {
    let mut receivers = false;
    let hook = |line: &str| match receivers_begin(line, &mut receivers) {
        true => format!("{line}    webhook_configs:\n      - url: '{url}'\n"),
        false => line.to_owned(),
    };
    routes.split_inclusive('\n').map(hook).collect()
}

/// Whether a line names a receiver. `inside` is whether it stands in the list of them.
fn receivers_begin(line: &str, inside: &mut bool) -> bool {
    if !line.starts_with([' ', '#', '\n']) {
        *inside = line.starts_with("receivers:");
    }
    *inside && line.starts_with("  - name: ")
}

/// Those who read the files.
#[derive(Debug)]
struct Readers {
    http: reqwest::Client,
    prometheus: String,
    alertmanager: String,
    /// A real Prometheus, which reads its files again when it is told by a signal.
    process: Option<rustix::process::Pid>,
}

impl Readers {
    fn of(run: &RunFile) -> Result<Self, Failure> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
        Ok(Self {
            http: http.map_err(anyhow::Error::from)?,
            prometheus: run.url("prometheus")?.to_owned(),
            alertmanager: run.url("alertmanager")?.to_owned(),
            process: run
                .pids
                .get("prometheus")
                .and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(*pid).ok()?)),
        })
    }

    /// Has the files read, and waits until all rules are evaluated: at a speed, where it is known.
    async fn take(&self, speed: Option<Speed>) -> Result<(), Failure> {
        self.read_rules()?;
        self.reload(&self.alertmanager).await?;
        let Some(speed) = speed else { return Ok(()) };
        let interval = f64::from(INTERVAL) / f64::from(speed.times());
        let deadline = Instant::now() + PATIENCE + Duration::from_secs_f64(interval);
        while !self.evaluated(interval).await.unwrap_or(false) {
            if Instant::now() > deadline {
                return Err(Failure::environment(
                    "the running stack does not evaluate the rules that were laid out for it; `firedrill doctor` tells what is wrong, its logs tell why",
                ));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// The embedded backend notices by itself that its files have changed.
    fn read_rules(&self) -> Result<(), Failure> {
        let Some(process) = self.process else { return Ok(()) };
        rustix::process::kill_process(process, rustix::process::Signal::HUP)
            .map_err(|error| Failure::environment(format!("cannot signal Prometheus: {error}")))
    }

    async fn reload(&self, base: &str) -> Result<(), Failure> {
        let answer = self.http.post(format!("{base}/-/reload")).send().await;
        let answer =
            answer.map_err(|error| Failure::environment(format!("{base} does not answer: {error}")))?;
        match answer.status().is_success() {
            true => Ok(()),
            false => {
                let said = answer.text().await.unwrap_or_default();
                Err(Failure::not_good(format!("{base} refuses its configuration: {said}")))
            }
        }
    }

    /// Whether all groups have this interval, in seconds, and have been evaluated.
    async fn evaluated(&self, interval: f64) -> Option<bool> {
        let answer = self.http.get(format!("{}/api/v1/rules", self.prometheus)).send().await.ok()?;
        let answer: Value = answer.json().await.ok()?;
        let groups = answer["data"]["groups"].as_array()?;
        let done = |group: &Value| {
            let near = group["interval"].as_f64().is_some_and(|of| (of - interval).abs() < 1e-3);
            near && group["rules"]
                .as_array()
                .is_some_and(|rules| rules.iter().all(|rule| rule["health"] == "ok"))
        };
        Some(!groups.is_empty() && groups.iter().all(done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_receiver_gets_a_webhook_and_all_else_stays() {
        let routes = "route:\n  receiver: a\n  routes:\n  - name: x\n# Who.\nreceivers:\n  - name: a\n  # one\n  - name: b\ninhibit_rules:\n  - name: c\n";
        let expected = "route:\n  receiver: a\n  routes:\n  - name: x\n# Who.\nreceivers:\n  - name: a\n    webhook_configs:\n      - url: 'u'\n  # one\n  - name: b\n    webhook_configs:\n      - url: 'u'\ninhibit_rules:\n  - name: c\n";
        assert_eq!(hooked(routes, "u"), expected);
    }

    #[test]
    fn the_routes_of_the_stack_can_be_hooked() {
        let alerts = Alerts::at(Speed::REAL).expect("good");
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("a.yaml");
        let text = hooked(&alerts.alertmanager, "http://127.0.0.1:1/");
        fs::write(&file, &text).expect("written");
        backend::check_alertmanager_file(&file).expect("a configuration");
        assert_eq!(text.matches("webhook_configs").count(), 3);
    }
}
