//! The folder of generated rules: what of it is not as the specs say.

use std::{collections::BTreeSet, fs, path::Path};

use slo::generate::File;

use crate::failure::Failure;

/// How a file of the folder differs from what would be generated.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "file")]
pub enum Drift {
    /// It is not there.
    Missing(String),
    /// It says something else.
    Changed(String),
    /// No spec makes it.
    Unwanted(String),
}

impl Drift {
    /// One line for a person.
    pub fn told(&self) -> String {
        match self {
            Self::Missing(file) => format!("{file} is missing"),
            Self::Changed(file) => format!("{file} is not what the specs say"),
            Self::Unwanted(file) => format!("{file} is made from no spec"),
        }
    }
}

/// All differences, in the order of the files.
pub fn drift(folder: &Path, files: &[File]) -> Result<Vec<Drift>, Failure> {
    let mut drift = Vec::new();
    let mut wanted = BTreeSet::new();
    for file in files {
        let path = folder.join(&file.name);
        let told = path.display().to_string();
        wanted.insert(file.name.clone());
        match fs::read_to_string(&path) {
            Ok(text) if text == file.text => {}
            Ok(_) => drift.push(Drift::Changed(told)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => drift.push(Drift::Missing(told)),
            Err(error) => return Err(Failure::environment(format!("cannot read {told}: {error}"))),
        }
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yaml") && !wanted.contains(&name) {
            drift.push(Drift::Unwanted(folder.join(name).display().to_string()));
        }
    }
    Ok(drift)
}

/// Makes the folder what the specs say.
pub fn write(folder: &Path, files: &[File]) -> Result<Vec<Drift>, Failure> {
    let failed = |path: &Path, e: &std::io::Error| {
        Failure::environment(format!("cannot write {}: {e}; name another folder with --out", path.display()))
    };
    fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    let drift = drift(folder, files)?;
    for file in files {
        let path = folder.join(&file.name);
        let told = path.display().to_string();
        let differs = |d: &Drift| matches!(d, Drift::Missing(file) | Drift::Changed(file) if *file == told);
        if drift.iter().any(differs) {
            fs::write(&path, &file.text).map_err(|e| failed(&path, &e))?;
        }
    }
    for unwanted in &drift {
        if let Drift::Unwanted(file) = unwanted {
            // Only what this command has made: a file of somebody's own is theirs, and a finding.
            let made = fs::read_to_string(file).is_ok_and(|text| text.starts_with("# Made from slo/specs/"));
            if made {
                fs::remove_file(file).map_err(|e| failed(Path::new(file), &e))?;
            }
        }
    }
    Ok(drift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> File {
        File { name: name.into(), text: text.into(), groups: vec![] }
    }

    #[test]
    fn what_differs_is_told_and_written() {
        let dir = tempfile::tempdir().expect("a folder");
        let files = [file("a.yaml", "# Made from slo/specs/a.yaml\n"), file("b.yaml", "b")];
        assert_eq!(drift(dir.path(), &files).expect("read").len(), 2);
        assert_eq!(write(dir.path(), &files).expect("written").len(), 2);
        assert_eq!(drift(dir.path(), &files).expect("read"), []);

        fs::write(dir.path().join("b.yaml"), "other").expect("written");
        fs::write(dir.path().join("own.yaml"), "groups: []").expect("written");
        let told: Vec<String> =
            drift(dir.path(), &files[1..]).expect("read").iter().map(Drift::told).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("b.yaml is not"), "{told:?}");

        write(dir.path(), &files[1..]).expect("written");
        assert!(!dir.path().join("a.yaml").exists(), "made here and wanted no more");
        assert!(dir.path().join("own.yaml").exists(), "somebody's own");
    }
}
