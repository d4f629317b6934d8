//! What is done to a running stack for a while, and undone whatever happens: processes that are stopped or killed, links that are
//! slow or broken.

use std::time::Duration;

use serde_json::json;
use slo::live::Fault;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{failure::Failure, home::Home, run_file::RunFile};

/// How often a process that comes back is killed again.
const AGAIN: Duration = Duration::from_millis(100);
/// The most that the network may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A link that nobody looks after any more is well again so many seconds after its time.
const LEASE_S: f64 = 5.0;

/// Whether a stack has what this is done to; if not, what it lacks.
pub fn can(fault: &Fault, run: &RunFile) -> Result<(), String> {
    match fault {
        Fault::Nothing => Ok(()),
        Fault::Stop(process) | Fault::Kill(process) => match run.pids.contains_key(process) {
            true => Ok(()),
            false => Err(format!("the stack has no process {process}")),
        },
        Fault::Slow(..) | Fault::Reset(..) => match network(run) {
            Some(_) => Ok(()),
            None => Err("the stack has no network of its own between its processes".into()),
        },
    }
}

fn network(run: &RunFile) -> Option<&str> {
    run.urls.get("network").and_then(|url| url.as_deref())
}

/// Does it for so long, and undoes it.
pub(super) async fn hold(fault: &Fault, home: &Home, length: Duration) -> Result<(), Failure> {
    let until = Instant::now() + length;
    match fault {
        Fault::Nothing => {
            tokio::time::sleep_until(until).await;
            Ok(())
        }
        Fault::Stop(process) => {
            let _stopped = Stopped::now(pid(home, process)?)?;
            tokio::time::sleep_until(until).await;
            Ok(())
        }
        Fault::Kill(process) => {
            // Whoever is between two lives has no process.
            let _ = timeout_at(until, kill_again_and_again(home, process)).await;
            Ok(())
        }
        Fault::Slow(link, ms) => bad_link(home, link, json!({"delay_ms": ms}), length).await,
        Fault::Reset(link, share) => bad_link(home, link, json!({"reset_ratio": share}), length).await,
    }
}

async fn kill_again_and_again(home: &Home, process: &str) {
    loop {
        if let Ok(pid) = pid(home, process) {
            let _ = send(pid, rustix::process::Signal::KILL);
        }
        sleep(AGAIN).await;
    }
}

/// The process of that name, as it is now: a restart gives it another id.
fn pid(home: &Home, process: &str) -> Result<rustix::process::Pid, Failure> {
    let run = RunFile::find(home)?;
    let pid = run.pids.get(process).and_then(|pid| i32::try_from(*pid).ok());
    pid.and_then(rustix::process::Pid::from_raw)
        .ok_or_else(|| Failure::environment(format!("the running stack has no process {process}")))
}

fn send(pid: rustix::process::Pid, signal: rustix::process::Signal) -> Result<(), Failure> {
    rustix::process::kill_process(pid, signal).map_err(|error| {
        Failure::environment(format!("cannot signal process {}: {error}", pid.as_raw_nonzero()))
    })
}

/// A stopped process, which goes on when this is dropped.
struct Stopped(rustix::process::Pid);

impl Stopped {
    fn now(pid: rustix::process::Pid) -> Result<Self, Failure> {
        send(pid, rustix::process::Signal::STOP)?;
        Ok(Self(pid))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have ended meanwhile, and then there is nothing to undo.
        let _ = send(self.0, rustix::process::Signal::CONT);
    }
}

/// Makes a link a bad one. The lease ends it when this process cannot.
async fn bad_link(
    home: &Home,
    link: &str,
    condition: serde_json::Value,
    length: Duration,
) -> Result<(), Failure> {
    let run = RunFile::find(home)?;
    let base = network(&run).ok_or_else(|| {
        Failure::environment("the running stack has no network of its own between its processes")
    })?;
    let told = |error: &dyn std::fmt::Display| Failure::environment(format!("{base}: {error}"));
    let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(|e| told(&e))?;
    let mut url = reqwest::Url::parse(base).map_err(|e| told(&e))?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.extend(["links", link]);
    }
    let order = json!({"condition": condition, "lease_s": length.as_secs_f64() + LEASE_S});
    let answer = http.patch(url).bearer_auth(&run.admin_token).json(&order).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status).map_err(|e| told(&e))?;
    let answer: serde_json::Value = answer.json().await.map_err(|e| told(&e))?;
    sleep(length).await;
    let lease = answer["lease"].as_str().unwrap_or_default();
    let ended = http.delete(format!("{base}/leases/{lease}")).bearer_auth(&run.admin_token).send().await;
    ended.and_then(reqwest::Response::error_for_status).map_err(|e| told(&e))?;
    Ok(())
}
