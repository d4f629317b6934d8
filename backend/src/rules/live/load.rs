//! Finds and reads the files of rules that patterns name, and notices when one of them changes.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::rules::definition::Group;
use crate::rules::file;

/// Most groups of all files together: each is evaluated on its own.
const MAX_GROUPS: usize = 1000;

/// Files of Prometheus' rules that were read and are good. None by default.
#[derive(Debug, Default)]
pub struct RuleFiles {
    patterns: Vec<PathBuf>,
    seen: Vec<Stamp>,
    /// By file and name.
    groups: Vec<Group>,
}

impl RuleFiles {
    /// Reads all files that the patterns name: each is a path, in whose last part `*` and `?` stand for any text and any
    /// character.
    ///
    /// # Errors
    /// `file:line: what is wrong`, with the line where there is one.
    pub fn read(patterns: Vec<PathBuf>) -> Result<Self, String> {
        // What is written while the files are read is a change, and not part of what was seen.
        let seen = stamps(&patterns);
        let groups = read(&patterns)?;
        Ok(Self { patterns, seen, groups })
    }

    /// How many rules the files have.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.groups.iter().map(|group| group.rules.len()).sum()
    }

    /// What names the files.
    #[must_use]
    pub fn patterns(&self) -> &[PathBuf] {
        &self.patterns
    }

    /// Gives the groups away: who evaluates them keeps them.
    pub(super) fn take_groups(&mut self) -> Vec<Group> {
        std::mem::take(&mut self.groups)
    }

    /// Notices changes since these were read.
    pub(super) fn watched(&self) -> Watched {
        Watched { seen: self.seen.clone() }
    }
}

/// The groups of all files, by file and name.
pub(super) fn read(patterns: &[PathBuf]) -> Result<Vec<Group>, String> {
    let mut groups = Vec::new();
    for path in files(patterns)? {
        let shown = path.display();
        let size = std::fs::metadata(&path).map_or(0, |m| m.len());
        if size > file::MAX_BYTES as u64 {
            return Err(format!("{shown}: the file is longer than {} bytes", file::MAX_BYTES));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("{shown}: there is no such file"),
            _ => format!("{shown}: cannot be read: {error}"),
        })?;
        let name = shown.to_string();
        let found = file::read(&name, &text).map_err(|problem| problem.in_file(&name).to_string())?;
        groups.extend(found);
    }
    if groups.len() > MAX_GROUPS {
        return Err(format!("{} groups of rules are more than {MAX_GROUPS}", groups.len()));
    }
    groups.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
    Ok(groups)
}

/// The files that patterns name.
fn files(patterns: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for pattern in patterns {
        let last = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !last.contains(['*', '?']) {
            found.push(pattern.clone());
            continue;
        }
        let folder = match pattern.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let entries = std::fs::read_dir(folder)
            .map_err(|error| format!("{}: cannot be read: {error}", folder.display()))?;
        let fits = |path: &PathBuf| {
            path.is_file()
                && path.file_name().and_then(|n| n.to_str()).is_some_and(|name| matches(last, name))
        };
        found.extend(entries.flatten().map(|entry| entry.path()).filter(fits));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = pattern.as_str();
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| matches(rest, &name[at..]))
        }
        Some(c) => {
            let mut chars = name.chars();
            chars.next().is_some_and(|n| c == '?' || c == n) && matches(pattern.as_str(), chars.as_str())
        }
    }
}

/// What tells that a file has changed: its path, when it was written, how long it is.
type Stamp = (PathBuf, Option<SystemTime>, u64);

/// Notices when a file changes, comes or goes.
#[derive(Debug)]
pub(super) struct Watched {
    seen: Vec<Stamp>,
}

impl Watched {
    /// Whether anything has changed since this was asked last.
    pub(super) fn changed(&mut self, patterns: &[PathBuf]) -> bool {
        let now = stamps(patterns);
        let changed = self.seen != now;
        self.seen = now;
        changed
    }
}

fn stamps(patterns: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: PathBuf| {
        let metadata = std::fs::metadata(&path).ok();
        let written = metadata.as_ref().and_then(|m| m.modified().ok());
        (path, written, metadata.map_or(0, |m| m.len()))
    };
    files(patterns).unwrap_or_default().into_iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "groups:\n- name: g\n  rules:\n  - {record: a, expr: b}\n";

    #[test]
    fn patterns_name_files() {
        for (pattern, name, fits) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a.yml", false),
            ("a?c*", "abcd", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_change_of_any_file_is_noticed_and_what_is_wrong_is_told_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let patterns = [folder.path().join("*.yaml")];
        let read = || RuleFiles::read(patterns.to_vec());
        let mut watched = read().expect("no files, no mistakes").watched();
        assert!(!watched.changed(&patterns));
        std::fs::write(folder.path().join("b.yaml"), RULES).expect("written");
        assert!(watched.changed(&patterns) && !watched.changed(&patterns));
        std::fs::write(folder.path().join("a.yaml"), RULES.replace("expr: b", "expr: b +")).expect("written");
        assert!(watched.changed(&patterns));
        let told = read().expect_err("wrong");
        assert!(
            told.contains("a.yaml:4: groups[0].rules[0].expr: ")
                && told.contains("could not parse expression"),
            "{told}"
        );
        std::fs::remove_file(folder.path().join("a.yaml")).expect("removed");
        assert!(watched.changed(&patterns));
        let good = read().expect("good");
        assert_eq!((good.rules(), good.watched().changed(&patterns)), (1, false));
        let missing = RuleFiles::read(vec![folder.path().join("c.yaml")]).expect_err("missing");
        assert!(missing.ends_with("c.yaml: there is no such file"), "{missing}");
    }
}
