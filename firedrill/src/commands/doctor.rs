//! `firedrill doctor`: what this machine has, and what is running. Looks, and changes nothing.

use std::{net::TcpListener, time::Duration};

use query::Stack;
use serde::Serialize;

use super::{output, probe};
use crate::{
    failure::{Code, Outcome},
    home::Home,
    native::{self, locate, versions},
    ports::{self, Ports},
    run_file::RunFile,
};

/// Space that a stack's bounded stores and logs may take, with some to spare.
const SPACE: u64 = 1 << 30;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    /// Whether a first `up` can do without.
    optional: bool,
    detail: String,
}

impl Check {
    fn needed(name: &'static str, ok: bool, detail: String) -> Self {
        Self { name, ok, optional: false, detail }
    }

    fn optional(name: &'static str, ok: bool, detail: String) -> Self {
        Self { name, ok, optional: true, detail }
    }

    fn word(&self) -> &'static str {
        match (self.ok, self.optional) {
            (true, _) => "ok     ",
            (false, true) => "absent ",
            (false, false) => "MISSING",
        }
    }
}

/// Looks at everything and prints one line each; exit code 3 when something that every stack needs is missing.
pub(super) async fn run(home: &Home, json: bool) -> Outcome {
    let mut checks = vec![version(), folder(home), space(home)];
    match RunFile::find(home) {
        Ok(run) => checks.extend(running(&run).await),
        Err(_) => checks.extend(free_ports()),
    }
    checks.extend(native().await);
    let ok = checks.iter().all(|check| check.ok || check.optional);
    if json {
        output::json(&serde_json::json!({ "checks": checks }));
    } else {
        for check in &checks {
            output::print(&format!("{}  {:<18}{}", check.word(), check.name, check.detail));
        }
    }
    Ok(if ok { Code::Good } else { Code::Environment })
}

fn version() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let detail = format!(
        "{} on {}/{}, {cores} cores",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    Check::needed("firedrill", true, detail)
}

fn folder(home: &Home) -> Check {
    // The nearest folder that exists is where `up` would create the rest.
    let existing = home
        .path()
        .ancestors()
        .map(|p| if p.as_os_str().is_empty() { ".".as_ref() } else { p })
        .find(|p| p.exists());
    let (ok, what) = match existing {
        Some(path) if path.is_dir() && writable(path) => (true, "can be written"),
        Some(path) if path.is_dir() => (false, "cannot be written; name another with --home DIR"),
        _ => (false, "is below something that is no folder; name another with --home DIR"),
    };
    Check::needed("home", ok, format!("{} {what}", home.path().display()))
}

#[cfg(unix)]
fn writable(path: &std::path::Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn writable(path: &std::path::Path) -> bool {
    path.metadata().is_ok_and(|m| !m.permissions().readonly())
}

#[cfg(unix)]
fn space(home: &Home) -> Check {
    let existing = home.path().ancestors().find(|p| p.exists()).unwrap_or_else(|| ".".as_ref());
    match rustix::fs::statvfs(existing) {
        Ok(stat) => {
            let free = stat.f_bavail * stat.f_frsize;
            let hint = if free >= SPACE { "" } else { "; a stack may fill 1 GiB" };
            Check::needed("disk", free >= SPACE, format!("{} MiB free{hint}", free >> 20))
        }
        Err(error) => Check::needed("disk", false, format!("cannot be looked at: {error}")),
    }
}

#[cfg(not(unix))]
fn space(_: &Home) -> Check {
    Check::needed("disk", true, format!("a stack may fill {} MiB", SPACE >> 20))
}

fn free_ports() -> Vec<Check> {
    let taken: Vec<String> = ports::STANDARD
        .iter()
        .filter(|(name, _)| TcpListener::bind(Ports::Standard.address(name)).is_err())
        .map(|(name, port)| {
            let holder = ports::holder(*port).map_or_else(String::new, |who| format!(", by {who}"));
            format!("{port} ({name}{holder})")
        })
        .collect();
    let detail = match taken.as_slice() {
        [] => "the standard ports are free".to_owned(),
        _ => format!("taken: {}; take free ones with `up --ports auto`", taken.join(", ")),
    };
    vec![
        Check::needed("ports", taken.is_empty(), detail),
        Check::needed("stack", true, "nothing is up; `firedrill up` starts it".into()),
    ]
}

async fn running(run: &RunFile) -> Vec<Check> {
    let mut checks = vec![Check::needed("stack", true, format!("{} since {}", run.stack, run.started_at))];
    let stack = match (run.url("prometheus"), run.url("loki"), run.url("jaeger")) {
        (Ok(prometheus), Ok(loki), Ok(jaeger)) => Stack::new(prometheus, loki, jaeger),
        _ => return checks,
    };
    let Ok(stack) = stack else { return checks };
    let api = |name, base: &str, answer: Result<(), query::Error>| match answer {
        Ok(()) => Check::needed(name, true, format!("answers at {base}")),
        Err(error) => Check::needed(name, false, error.to_string()),
    };
    let window = query::Window::last(Duration::from_secs(60));
    let (prometheus, loki, jaeger) =
        tokio::join!(stack.prometheus.instant("1", None), stack.loki.labels(window), stack.jaeger.services());
    checks.push(api("Prometheus API", stack.prometheus.base(), prometheus.map(drop)));
    checks.push(api("Loki API", stack.loki.base(), loki.map(drop)));
    checks.push(api("Jaeger API", stack.jaeger.base(), jaeger.map(drop)));
    // A stack of other people's backends may have none.
    if let Ok(base) = run.url("alertmanager") {
        checks.push(match probe::ask(&format!("{base}/-/ready")).await {
            Ok(()) => Check::needed("Alertmanager API", true, format!("answers at {base}")),
            Err(failure) => Check::needed("Alertmanager API", false, failure.message),
        });
    }
    checks
}

/// What `--stack native` needs, and the tools that go with it; without them the embedded backend serves.
async fn native() -> Vec<Check> {
    let searches = locate::search_all(versions::programs()).await;
    let to_build: Vec<&str> = searches
        .iter()
        .filter(|search| search.found.is_none() && search.program.buildable)
        .map(|search| search.program.name)
        .collect();
    let mut checks: Vec<Check> = searches
        .iter()
        .map(|search| {
            let hint = match (&search.found, search.program.buildable) {
                (None, false) => {
                    "; it cannot be built from a Go module, so install it where dashboards are wanted"
                }
                _ => "",
            };
            Check::optional(search.program.name, search.found.is_some(), search.told() + hint)
        })
        .collect();
    let detail = match to_build.as_slice() {
        [] => "`firedrill up --stack native` has all it needs".to_owned(),
        _ => format!("build what is missing with `{}`", native::build_command(&to_build)),
    };
    checks.push(Check::optional("native stack", to_build.is_empty(), detail));
    checks
}
