//! Where the dashboards are: in the program, in the folder `dashboards` on disk, or in one that is named.
//!
//! The only place here that reads files. What is beside the dashboards and concerns them is read along: the lists of
//! panels that may be empty and of exceptions from the rules, and the provisioned data sources.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{exceptions, model::Dashboard};
use crate::failure::Failure;

include!(concat!(env!("OUT_DIR"), "/embedded_dashboards.rs"));

/// The folder of a checkout, which overrides what the program carries.
const ON_DISK: &str = "dashboards";
/// The longest file that is read.
const FILE_BYTES: u64 = 8 << 20;

/// One dashboard and its file.
#[derive(Clone, Debug)]
pub struct File {
    /// The file's name, `orders.json`.
    pub name: String,
    /// What it says, as far as it concerns queries and rules.
    pub dashboard: Dashboard,
    /// All that it says.
    pub json: Value,
}

/// The dashboards and what stands beside them.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// In the order of their names.
    pub files: Vec<File>,
    /// Panels that are empty on a healthy system.
    pub empty: Vec<exceptions::Empty>,
    /// Exceptions from the rules.
    pub lint: Vec<exceptions::Lint>,
    /// The uids of the provisioned data sources; none where nothing is provisioned beside the dashboards.
    pub data_sources: Vec<String>,
}

impl Folder {
    /// The named folder, else the one on disk, else what the program carries.
    pub fn open(named: Option<&Path>) -> Result<Self, Failure> {
        match named {
            Some(dir) => Self::read(dir),
            None if has_dashboards(Path::new(ON_DISK)) => Self::read(Path::new(ON_DISK)),
            None if EMBEDDED.is_empty() => Err(Failure::environment(format!(
                "this program was built without dashboards, and there is no folder {ON_DISK} here; name one with --dir"
            ))),
            None => Self::of(EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))),
        }
    }

    /// Reads a folder on disk.
    fn read(dir: &Path) -> Result<Self, Failure> {
        let unreadable = |path: &Path, e: &io::Error| {
            Failure::environment(format!(
                "cannot read {}: {e}; name the folder of the dashboards with --dir",
                path.display()
            ))
        };
        let mut texts = Vec::new();
        for folder in [dir.to_path_buf(), dir.join(DATA_SOURCES)] {
            if folder != dir && !folder.exists() {
                continue;
            }
            for entry in fs::read_dir(&folder).map_err(|e| unreadable(&folder, &e))? {
                let path = entry.map_err(|e| unreadable(&folder, &e))?.path();
                if !path.is_file() || !concerns(&path) {
                    continue;
                }
                let size = fs::metadata(&path).map_err(|e| unreadable(&path, &e))?.len();
                if size > FILE_BYTES {
                    return Err(Failure::not_good(format!(
                        "{} has {size} bytes; a dashboard has at most {FILE_BYTES}",
                        path.display()
                    )));
                }
                let text = fs::read_to_string(&path).map_err(|e| unreadable(&path, &e))?;
                let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
                texts.push((name, text));
            }
        }
        let folder = Self::of(texts.into_iter())?;
        if folder.files.is_empty() {
            return Err(Failure::environment(format!(
                "there is no dashboard (*.json) in {}; name their folder with --dir",
                dir.display()
            )));
        }
        Ok(folder)
    }

    /// From texts by their paths below the folder.
    pub fn of(texts: impl Iterator<Item = (String, String)>) -> Result<Self, Failure> {
        let mut folder = Self::default();
        for (name, text) in texts {
            let bad = |e: &dyn std::fmt::Display| Failure::not_good(format!("{name}: {e}"));
            if name == exceptions::EMPTY_FILE {
                folder.empty = exceptions::read_empty(&text).map_err(|e| bad(&e))?;
            } else if name == exceptions::LINT_FILE {
                folder.lint = exceptions::read_lint(&text).map_err(|e| bad(&e))?;
            } else if name.starts_with(DATA_SOURCES) {
                folder.data_sources.extend(uids(&text));
            } else if name.ends_with(".json") {
                let json: Value = serde_json::from_str(&text).map_err(|e| bad(&e))?;
                // From the text again: the place of a wrong type is known only there.
                let mut dashboard: Dashboard = serde_json::from_str(&text).map_err(|e| bad(&e))?;
                dashboard.mark();
                folder.files.push(File { name, dashboard, json });
            }
        }
        folder.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(folder)
    }
}

/// Where Grafana's provisioning of data sources lies, below the dashboards.
const DATA_SOURCES: &str = "provisioning/datasources";

fn has_dashboards(dir: &Path) -> bool {
    let json = |path: PathBuf| path.extension().is_some_and(|e| e == "json");
    fs::read_dir(dir).is_ok_and(|entries| entries.flatten().any(|entry| json(entry.path())))
}

fn concerns(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json" || e == "toml" || e == "yaml" || e == "yml")
}

/// The uids of a provisioning file. A data source's own stand as `uid: name`; those it refers to have other keys.
fn uids(yaml: &str) -> Vec<String> {
    let uid = |line: &str| {
        let value = line.trim().trim_start_matches("- ").strip_prefix("uid:")?.trim();
        let value = value.split(" #").next().unwrap_or_default().trim();
        Some(value.trim_matches(['"', '\'']).to_owned()).filter(|uid| !uid.is_empty())
    };
    yaml.lines().filter_map(uid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_uids_are_told_from_those_referred_to() {
        let yaml = "datasources:\n  - name: Prometheus\n    uid: prom\n    jsonData:\n      exemplarTraceIdDestinations:\n        - datasourceUid: jaeger\n  - uid: 'loki' # logs\n";
        assert_eq!(uids(yaml), ["prom", "loki"]);
    }

    #[test]
    fn what_is_no_dashboard_is_named_with_its_place() {
        let text = "{\n  \"panels\": 7\n}".to_owned();
        let failure = Folder::of([("broken.json".to_owned(), text)].into_iter()).expect_err("not a list");
        assert!(
            failure.message.starts_with("broken.json") && failure.message.contains("line 2"),
            "{failure}"
        );
    }

    #[test]
    fn nulls_are_read_as_absent() {
        let text = r#"{"id":null,"tags":null,"templating":{"list":null},"panels":[{"type":"stat","datasource":null,"targets":null,"fieldConfig":null}]}"#;
        let folder = Folder::of([("a.json".to_owned(), text.to_owned())].into_iter()).expect("read");
        assert_eq!(folder.files[0].dashboard.panels[0].kind, "stat");
    }
}
