//! A file of tests with the rules that it names, read from disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{UnitTests, glob, read};
use crate::files::Unusable;

/// The longest file that is read.
const FILE_BYTES: u64 = 16 << 20;

/// A file of tests, ready to be run.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The tests.
    pub tests: UnitTests,
    /// The files of rules that they are about: name and text.
    pub rules: Vec<(String, String)>,
    /// What stands under `rule_files` and means no file.
    pub missing: Vec<String>,
}

/// Opens a file of tests.
pub fn open(path: &Path) -> Result<Opened, Unusable> {
    let tests = read(&path.display().to_string(), &text(path)?)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut rules, mut missing) = (Vec::new(), Vec::new());
    for pattern in &tests.rule_files {
        let found: Vec<PathBuf> = glob::files(&folder.join(pattern));
        if found.is_empty() {
            missing.push(pattern.clone());
        }
        for file in found {
            rules.push((file.display().to_string(), text(&file)?));
        }
    }
    Ok(Opened { tests, rules, missing })
}

fn text(path: &Path) -> Result<String, Unusable> {
    let unreadable = |source| Unusable::File { path: path.display().to_string(), source };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES {
        let message = format!("has {size} bytes, more than {FILE_BYTES}");
        return Err(unreadable(io::Error::other(message)));
    }
    fs::read_to_string(path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_looked_for_beside_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["one.yaml", "two.yaml"] {
            fs::write(dir.path().join(name), "groups: []").expect("written");
        }
        let file = dir.path().join("t_test.yml");
        fs::write(&file, "rule_files: ['*.yaml', none.yaml]\ntests: []\n").expect("written");
        let opened = open(&file).expect("good");
        assert_eq!((opened.rules.len(), opened.missing.as_slice()), (2, &["none.yaml".to_owned()][..]));
        assert!(opened.rules[1].0.ends_with("two.yaml"), "{:?}", opened.rules);
        let nowhere = open(&dir.path().join("nowhere.yml")).expect_err("none").to_string();
        assert!(nowhere.contains("nowhere.yml"), "{nowhere}");
    }
}
