//! The targets to scrape, as a Prometheus `file_sd` file names them. Reads and parses; scraping is next door.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;
use std::collections::BTreeMap;

/// Most targets one file may name.
const MAX_TARGETS: usize = 1000;

/// One endpoint to scrape.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Target {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) path: String,
    /// Labels put on every sample, `job` and `instance` among them.
    pub(crate) labels: BTreeMap<String, String>,
}

impl Target {
    /// What Prometheus would call its scrape pool: its job.
    pub(crate) fn pool(&self) -> &str {
        self.labels.get("job").map_or("", String::as_str)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

#[derive(Deserialize)]
struct Group {
    targets: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Reads a file's text.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Vec<Target>, String> {
    let groups: Vec<Group> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut found = Vec::new();
    for group in groups {
        for address in group.targets {
            let valid = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
            if address.is_empty() || !address.chars().all(valid) {
                return Err(format!("{address:?} is not host:port"));
            }
            let path = group.labels.get("__metrics_path__").map_or("/metrics", String::as_str).to_owned();
            let mut labels = group.labels.clone();
            labels.retain(|name, _| !name.starts_with("__"));
            labels.entry("job".to_owned()).or_insert_with(|| "file".to_owned());
            labels.entry("instance".to_owned()).or_insert_with(|| address.clone());
            found.push(Target { address, path, labels });
        }
    }
    if found.len() > MAX_TARGETS {
        return Err(format!("{} targets are more than {MAX_TARGETS}", found.len()));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Notices when the file changes.
#[derive(Debug)]
pub(crate) struct Watched {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
    complained: bool,
}

impl Watched {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: None, complained: false }
    }

    /// The targets, when the file was changed since the last call and is valid. A bad file keeps the targets there
    /// were, and is complained about once.
    pub(crate) fn changed(&mut self) -> Option<Vec<Target>> {
        let stamp = std::fs::metadata(&self.path).and_then(|m| Ok((m.modified()?, m.len())));
        let read = match &stamp {
            Ok(stamp) if self.seen.as_ref() == Some(stamp) => return None,
            Ok(_) => std::fs::read_to_string(&self.path).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match read.and_then(|text| parse(&text)) {
            Ok(targets) => {
                self.seen = stamp.ok();
                self.complained = false;
                Some(targets)
            }
            Err(error) => {
                if !self.complained {
                    tracing::warn!(file = %self.path.display(), %error, "the scrape targets cannot be read; the ones known stay");
                }
                self.complained = true;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_and_instance_are_always_there() {
        let targets =
            parse(r#"[{"targets":["127.0.0.1:5001"],"labels":{"job":"a","__x":"y"}},{"targets":["h:1"]}]"#)
                .expect("valid");
        assert_eq!(targets[0].labels.len(), 2);
        assert_eq!(targets[0].labels["job"], "a");
        assert_eq!(targets[1].labels["instance"], "h:1");
        assert!(parse(r#"[{"targets":["h:1/x?y"]}]"#).is_err());
    }
}
