//! Finds the programs of the real stack: on `PATH` when they fit, else where `stack/native/build` puts them.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::versions::{Program, Version};

/// How long a program may take to say its version. The largest ones are 150 MB and may come from a cold disk.
const ANSWER: Duration = Duration::from_secs(10);

/// A program that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub path: PathBuf,
    /// The version it says.
    pub version: Version,
}

/// What became of the search for one program.
#[derive(Debug)]
pub struct Search {
    /// What was looked for.
    pub program: Program,
    /// The one to use.
    pub found: Option<Found>,
    /// What was there and does not do, each with the reason.
    pub rejected: Vec<String>,
}

impl Search {
    /// One line for a person: where it is, or what is missing.
    pub fn told(&self) -> String {
        let rejected = self.rejected.join("; ");
        match &self.found {
            Some(found) if rejected.is_empty() => format!("{} at {}", found.version, found.path.display()),
            Some(found) => format!("{} at {} ({rejected})", found.version, found.path.display()),
            None if rejected.is_empty() => format!("not there, {} or newer is needed", self.program.oldest),
            None => rejected,
        }
    }
}

/// Where `stack/native/build` puts what it builds: `$FIREDRILL_BACKENDS/bin`, or `.backends/bin` here.
pub fn built() -> PathBuf {
    env::var_os("FIREDRILL_BACKENDS").map_or_else(|| PathBuf::from(".backends"), PathBuf::from).join("bin")
}

/// Looks for one program on `PATH` and among the built ones.
pub async fn search(program: Program) -> Search {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain([built()]).collect();
    search_in(program, &folders).await
}

/// Looks for several programs at once.
pub async fn search_all(programs: impl IntoIterator<Item = Program>) -> Vec<Search> {
    futures_util::future::join_all(programs.into_iter().map(search)).await
}

async fn search_in(program: Program, folders: &[PathBuf]) -> Search {
    let mut rejected = Vec::new();
    for folder in folders {
        for name in names(program.name) {
            let path = folder.join(name);
            if !path.is_file() {
                continue;
            }
            match judge(&program, &path).await {
                Ok(version) => {
                    let path = std::path::absolute(&path).unwrap_or(path);
                    return Search { found: Some(Found { path, version }), program, rejected };
                }
                Err(why) => rejected.push(format!("{} {why}", path.display())),
            }
        }
    }
    Search { program, found: None, rejected }
}

/// The names that distributions give to a program.
fn names(program: &str) -> &[&str] {
    match program {
        "otelcol" => &["otelcol-contrib", "otelcol"],
        "jaeger" => &["jaeger"],
        "loki" => &["loki"],
        "logcli" => &["logcli"],
        "prometheus" => &["prometheus"],
        "promtool" => &["promtool"],
        "alertmanager" => &["alertmanager", "prometheus-alertmanager"],
        "amtool" => &["amtool"],
        "grafana-server" => &["grafana-server"],
        _ => &[],
    }
}

/// Whether the file at `path` is this program, new enough, and with all that the configurations name.
async fn judge(program: &Program, path: &Path) -> Result<Version, String> {
    let argument = match program.name {
        "jaeger" => "version",
        "grafana-server" => "-v",
        _ => "--version",
    };
    let said = ask(path, argument).await?;
    // Names are taken: there is, for one, a program for genetics that is called loki.
    let is_it = match program.name {
        "jaeger" => said.contains("gitVersion"),
        "otelcol" => said.contains("version"),
        "grafana-server" => said.starts_with("Version"),
        name => said.contains(&format!("{name}, version")),
    };
    if !is_it {
        return Err(format!(
            "is another program of that name: it does not say its version as {} does",
            program.name
        ));
    }
    let version = Version::find_in(&said).ok_or("does not say its version, so whether it fits is unknown")?;
    if version < program.oldest {
        return Err(format!("is {version}, {} or newer is needed", program.oldest));
    }
    if program.name == "otelcol" {
        let components = ask(path, "components").await?;
        let lacking: Vec<&str> =
            COMPONENTS.into_iter().filter(|component| !components.contains(component)).collect();
        if !lacking.is_empty() {
            return Err(format!("lacks {}, which its configuration names", lacking.join(" and ")));
        }
    }
    Ok(version)
}

/// What a collector may lack: the smaller distributions leave these out.
const COMPONENTS: [&str; 4] = [
    "connector/spanmetricsconnector",
    "connector/servicegraphconnector",
    "extension/storage/filestorage",
    "processor/tailsamplingprocessor",
];

async fn ask(path: &Path, argument: impl AsRef<OsStr>) -> Result<String, String> {
    let output = Command::new(path).arg(argument).stdin(Stdio::null()).kill_on_drop(true).output();
    match timeout(ANSWER, output).await {
        Ok(Ok(output)) => {
            let text = [output.stdout, output.stderr].concat();
            Ok(String::from_utf8_lossy(&text).trim().to_owned())
        }
        Ok(Err(error)) => Err(format!("cannot be run: {error}")),
        Err(_) => Err(format!("did not say its version within {ANSWER:?}")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::{super::versions, *};

    /// A script in a folder of its own. Another process writes it: a file that this one has open for writing,
    /// in whatever thread, cannot be run.
    fn folder_with(name: &str, says: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let script = format!("printf '#!/bin/sh\necho \"%s\"\n' '{says}' > {name} && chmod 755 {name}");
        let written = std::process::Command::new("sh").args(["-c", &script]).current_dir(dir.path()).status();
        assert!(written.is_ok_and(|status| status.success()), "{script}");
        dir
    }

    async fn prometheus_in(folders: &[&tempfile::TempDir]) -> Search {
        let folders: Vec<PathBuf> = folders.iter().map(|dir| dir.path().to_path_buf()).collect();
        search_in(versions::program("prometheus").expect("in the table"), &folders).await
    }

    #[tokio::test]
    async fn a_program_that_is_too_old_is_passed_over_and_named() {
        let old = folder_with("prometheus", "prometheus, version 2.42.0+ds (branch: debian/sid)");
        let new = folder_with("prometheus", "prometheus, version 3.15.0 (branch: )");
        let search = prometheus_in(&[&old, &new]).await;
        assert_eq!(search.found.as_ref().map(|f| f.path.clone()), Some(new.path().join("prometheus")));
        assert!(search.told().contains("is 2.42.0, 3.5.0 or newer is needed"), "{}", search.told());

        let search = prometheus_in(&[&old]).await;
        assert!(search.found.is_none());
        assert!(search.told().contains(&old.path().display().to_string()), "{}", search.told());
    }

    #[tokio::test]
    async fn another_program_of_the_same_name_is_not_taken() {
        let other = folder_with("prometheus", "a game about fire, 9.0.1");
        let search = prometheus_in(&[&other]).await;
        assert!(search.found.is_none());
        assert!(search.told().contains("another program of that name"), "{}", search.told());
    }

    #[tokio::test]
    async fn a_collector_without_the_connectors_is_told_what_it_lacks() {
        let small = folder_with("otelcol", "otelcol version 0.158.0");
        let program = versions::program("otelcol").expect("in the table");
        let search = search_in(program, &[small.path().to_path_buf()]).await;
        assert!(search.told().contains("lacks connector/spanmetricsconnector"), "{}", search.told());
    }

    #[tokio::test]
    async fn nothing_there_says_what_is_needed() {
        let search = prometheus_in(&[]).await;
        assert_eq!(search.told(), "not there, 3.5.0 or newer is needed");
    }
}
