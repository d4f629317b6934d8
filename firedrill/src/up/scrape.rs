//! The list of scrape targets, in the form of Prometheus' `file_sd`: written anew with each change.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde_json::json;

use crate::home::write_whole;

/// The targets by their `job`.
type Targets = BTreeMap<String, Vec<SocketAddr>>;

/// The list that the Prometheus of a stack reads.
#[derive(Debug)]
pub(super) struct Scrape {
    path: PathBuf,
    targets: Mutex<Targets>,
}

impl Scrape {
    /// A list at `path`, to be written.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, targets: Mutex::default() }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The targets of a job from now on; the list is not written yet.
    pub(super) fn set(&self, job: &str, addresses: Vec<SocketAddr>) {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).insert(job.to_owned(), addresses);
    }

    /// Writes the list.
    pub(super) fn write(&self) -> io::Result<()> {
        write(&self.path, &self.targets.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes targets, each under its own `job`.
pub(super) fn write(path: &Path, targets: &Targets) -> io::Result<()> {
    let list: Vec<_> = targets
        .iter()
        .filter(|(_, addresses)| !addresses.is_empty())
        .map(|(job, addresses)| {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            json!({"targets": addresses, "labels": {"job": job}})
        })
        .collect();
    write_whole(path, &serde_json::to_string_pretty(&list)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instance_of_a_service_is_a_target_of_one_job() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let scrape = Scrape::new(dir.path().join("scrape.json"));
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        scrape.set("user-service", vec![address(1), address(2)]);
        scrape.set("loadgen", Vec::new());
        scrape.write().expect("written");
        let list: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(scrape.path()).expect("there")).expect("JSON");
        let wanted = json!([{"targets": ["127.0.0.1:1", "127.0.0.1:2"], "labels": {"job": "user-service"}}]);
        assert_eq!(list, wanted);
    }
}
