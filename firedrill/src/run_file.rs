//! `run.json`: how every other command finds the running stack.
//!
//! Written when all parts are ready, removed when the stack stops. It holds the token that changes state, so it is
//! readable by its owner alone.

use std::{collections::BTreeMap, fs, io, path::Path};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    home::{Home, write_whole},
    ports,
};

/// The running stack, as other commands see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// The version of Firedrill that wrote the file.
    pub version: String,
    /// Which backends hold the telemetry: `embedded`, `native` or `external`.
    pub stack: String,
    /// When the stack was started, RFC 3339.
    pub started_at: String,
    /// Base addresses by name; absent parts are null.
    pub urls: BTreeMap<String, Option<String>>,
    /// Where each service's settings are, by its name.
    #[serde(default)]
    pub admin_urls: BTreeMap<String, String>,
    /// Process ids by name; further instances of a service have a number behind its name.
    pub pids: BTreeMap<String, u32>,
    /// The bearer token of every listener that changes state.
    pub admin_token: String,
}

/// The addresses of a stack, by every name that a stack can have: the key is there also where the part is not, so that
/// readers can rely on it.
pub fn urls(address: impl Fn(&str) -> Option<String>) -> BTreeMap<String, Option<String>> {
    let names = ports::STANDARD.iter().map(|(name, _)| *name).chain(ports::FOUND);
    names.map(|name| (name.to_owned(), address(name))).collect()
}

/// A token that nobody can guess: 128 random bits as hexadecimal digits.
pub fn fresh_token() -> String {
    let bits: u128 = rand::rng().random();
    format!("{bits:032x}")
}

impl RunFile {
    /// For a stack that starts now.
    pub fn new(
        stack: &str,
        urls: BTreeMap<String, Option<String>>,
        pids: BTreeMap<String, u32>,
        admin_token: String,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            stack: stack.into(),
            started_at: jiff::Timestamp::now().to_string(),
            urls,
            admin_urls: BTreeMap::new(),
            pids,
            admin_token,
        }
    }

    /// The same with the addresses of the services' settings.
    #[must_use]
    pub fn with_admin_urls(self, admin_urls: BTreeMap<String, String>) -> Self {
        Self { admin_urls, ..self }
    }

    /// The address of one part.
    pub fn url(&self, name: &str) -> Result<&str, Failure> {
        self.urls.get(name).and_then(|url| url.as_deref()).ok_or_else(|| {
            Failure::environment(format!(
                "the running stack has no {name}; start the whole one with `firedrill up`"
            ))
        })
    }

    /// Writes the file.
    ///
    /// Fails, naming the path and the remedy, and leaves the old one as it was.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let written = serde_json::to_string_pretty(self)
            .map_err(io::Error::from)
            .and_then(|text| write_whole(path, &format!("{text}\n")));
        written.map_err(|e| {
            Failure::environment(format!(
                "cannot write {}: {e}; free some space or name another --home",
                path.display()
            ))
        })
    }

    /// Writes the file again whenever somebody deletes it, until dropped.
    pub async fn keep(&self, path: &Path) -> std::convert::Infallible {
        let mut tick = tokio::time::interval(std::time::Duration::from_secs(1));
        loop {
            tick.tick().await;
            if !path.exists() {
                // It stays away while nothing can be written, and is tried again.
                let _ = self.write(path);
            }
        }
    }

    /// Reads the running stack's file; says how to start one when there is none.
    pub fn find(home: &Home) -> Result<Self, Failure> {
        let path = home.run_file();
        let how =
            "start one with `firedrill up` (or `cargo run --release -- up`), or name its folder with --home";
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let path = path.display();
                return Err(Failure::environment(match home.is_owned() {
                    // A file that was deleted is back within seconds.
                    true => format!(
                        "the stack is not ready, it is starting or stopping: there is no {path} now; try again in a moment"
                    ),
                    false => format!("nothing is up: there is no {path}; {how}"),
                }));
            }
            Err(e) => return Err(Failure::environment(format!("cannot read {}: {e}", path.display()))),
        };
        if !home.is_owned() {
            return Err(Failure::environment(format!(
                "nothing is up: {} is left over from a stack that was killed; {how}",
                path.display()
            )));
        }
        serde_json::from_str(&text).map_err(|e| {
            Failure::environment(format!("{} is damaged ({e}); restart the stack", path.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RunFile {
        RunFile {
            version: "0.1.0".into(),
            stack: "embedded".into(),
            started_at: "2026-01-01T00:00:00Z".into(),
            urls: BTreeMap::from([
                ("jaeger".into(), Some("http://127.0.0.1:16686".into())),
                ("alertmanager".into(), None),
            ]),
            admin_urls: BTreeMap::from([("user-service".into(), "http://127.0.0.1:6001".into())]),
            pids: BTreeMap::from([("backend".into(), 7)]),
            admin_token: "secret".into(),
        }
    }

    #[test]
    fn only_the_owner_can_read_it_and_it_reads_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = Home::new(Some(dir.path().to_path_buf()));
        let _owner = home.own().expect("ours");
        sample().write(&home.run_file()).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(home.run_file()).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(RunFile::find(&home).expect("found"), sample());
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_deleted_is_written_again() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = Home::new(Some(dir.path().to_path_buf()));
        let _owner = home.own().expect("ours");
        let failure = RunFile::find(&home).expect_err("not written yet");
        assert!(failure.message.contains("starting or stopping"), "{failure}");
        let keep = async {
            tokio::time::timeout(std::time::Duration::from_secs(3), sample().keep(&home.run_file())).await
        };
        keep.await.expect_err("it never ends by itself");
        assert_eq!(RunFile::find(&home).expect("found"), sample());
    }

    #[test]
    fn a_file_left_by_a_killed_stack_is_not_a_running_stack() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = Home::new(Some(dir.path().to_path_buf()));
        drop(home.own().expect("ours"));
        sample().write(&home.run_file()).expect("written");
        let failure = RunFile::find(&home).expect_err("nobody owns it");
        assert!(failure.message.starts_with("nothing is up"), "{failure}");
        assert!(failure.message.contains("firedrill up"), "{failure}");
    }

    #[test]
    fn an_absent_part_is_an_environment_failure() {
        assert!(sample().url("jaeger").is_ok());
        assert_eq!(sample().url("alertmanager").expect_err("null").code, crate::failure::Code::Environment);
    }
}
