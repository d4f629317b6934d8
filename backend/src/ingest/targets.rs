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

/// Reads a file of scrape targets, and gives how many it names.
///
/// # Errors
/// `file:line: what is wrong`, with the line where there is one.
pub fn check(file: &Path) -> Result<usize, String> {
    read(file).map(|targets| targets.len())
}

fn read(file: &Path) -> Result<Vec<Target>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{}: there is no such file", file.display()),
        _ => format!("{}: cannot be read: {error}", file.display()),
    })?;
    parse(&text).map_err(|Wrong { line, what }| match line {
        Some(line) => format!("{}:{line}: {what}", file.display()),
        None => format!("{}: {what}", file.display()),
    })
}

/// What is wrong with a file, and in which line, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    line: Option<usize>,
    what: String,
}

impl From<serde_json::Error> for Wrong {
    fn from(error: serde_json::Error) -> Self {
        // The place is told in front, as compilers do.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let what = error.to_string();
        let what = what.strip_suffix(&place).unwrap_or(&what);
        let shape = r#"expected a list such as [{"targets": ["127.0.0.1:5001"]}]"#;
        Self { line: Some(error.line().max(1)), what: format!("{what}; {shape}") }
    }
}

/// Reads a file's text.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Vec<Target>, Wrong> {
    let groups: Vec<Group> = serde_json::from_str(text)?;
    let mut found = Vec::new();
    for group in groups {
        for address in group.targets {
            let valid = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
            if address.is_empty() || !address.chars().all(valid) {
                let line = text.lines().position(|line| line.contains(&address)).map(|before| before + 1);
                return Err(Wrong { line, what: format!("{address:?} is not host:port") });
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
        let what = format!("{} targets are more than {MAX_TARGETS}", found.len());
        return Err(Wrong { line: None, what });
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
        if stamp.as_ref().is_ok_and(|stamp| self.seen.as_ref() == Some(stamp)) {
            return None;
        }
        match read(&self.path) {
            Ok(targets) => {
                self.seen = stamp.ok();
                self.complained = false;
                Some(targets)
            }
            Err(error) => {
                if !self.complained {
                    tracing::warn!(%error, "the scrape targets cannot be read; the ones known stay");
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

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let wrong = |text: &str| parse(text).expect_err("wrong");
        for (text, line, what) in [
            ("", 1, "EOF"),
            ("[\n  {\"targets\": [\"h:1\"]},\n  {]\n", 3, "key"),
            ("[\n  {\"targets\": \"h:1\"}]", 2, "expected a sequence"),
            ("[\n  {\"targets\": [\"h:1\",\n \"http://h/x?y\"]}]", 3, "is not host:port"),
        ] {
            let wrong = wrong(text);
            assert_eq!(wrong.line, Some(line), "{wrong:?}");
            assert!(wrong.what.contains(what) && !wrong.what.contains("column"), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_that_breaks_later_keeps_the_targets_there_were() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("targets.json");
        let mut watched = Watched::new(&file);
        assert_eq!(watched.changed(), None);
        std::fs::write(&file, r#"[{"targets":["h:1"]}]"#).expect("written");
        assert_eq!(watched.changed().map(|targets| targets.len()), Some(1));
        assert_eq!(watched.changed(), None);
        std::fs::write(&file, r#"[{"targets":"#).expect("written");
        assert_eq!(watched.changed(), None);
        let told = check(&file).expect_err("broken");
        assert!(told.starts_with(&format!("{}:1: EOF", file.display())), "{told}");
        std::fs::write(&file, r#"[{"targets":["h:1","h:2"]}]"#).expect("written");
        assert_eq!(watched.changed().map(|targets| targets.len()), Some(2));
    }
}
