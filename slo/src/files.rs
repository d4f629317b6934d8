//! Where specs, contracts and live cases are: in the program, or in the folder `slo` on disk, which overrides it.
//!
//! The only place here that reads them; whoever has texts already calls [`crate::spec::read`] and
//! [`crate::contract::read`].

use std::{collections::BTreeMap, fs, io, path::Path};

use crate::{
    contract::{self, Contract},
    live,
    place::{Error, Problem},
    spec::{self, Slo},
};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The folder of a checkout.
pub const ON_DISK: &str = "slo";
/// The longest file that is read.
const FILE_BYTES: u64 = 1 << 20;

/// Why files could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}; --dir names the folder that holds specs and contracts")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file that was named cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file has a mistake.
    #[error(transparent)]
    Wrong(#[from] Error),
    /// A folder holds nothing.
    #[error("there is no *.{ending} in {folder}; --dir names the folder that holds specs and contracts")]
    Empty {
        /// The folder.
        folder: String,
        /// The ending that was looked for.
        ending: &'static str,
    },
}

/// The objectives: of the named folder, else of the one on disk, else of the program.
pub fn specs(dir: Option<&Path>) -> Result<Vec<Slo>, Unusable> {
    let mut all: Vec<Slo> = Vec::new();
    for (file, text) in texts(dir, "specs", "yaml", EMBEDDED_SPECS)? {
        for slo in spec::read(&file, &text)? {
            unique(&all, &slo).map_err(|problem| problem.in_file(&file))?;
            all.push(slo);
        }
    }
    Ok(all)
}

/// A name and an alert belong to one objective: both are what labels, rules and runbooks tell them apart by.
fn unique(all: &[Slo], slo: &Slo) -> Result<(), Problem> {
    for (key, what) in [("metadata.name", &slo.name), ("metadata.annotations.firedrill/alert", &slo.alert)] {
        if let Some(other) = all.iter().find(|other| other.name == *what || other.alert == *what) {
            let message = format!("{what} is taken by {} in {}; choose another", other.name, other.file);
            return Err(Problem::new(slo.line, key, message));
        }
    }
    Ok(())
}

/// The contracts for these objectives, from the same places.
pub fn contracts(dir: Option<&Path>, slos: &[Slo]) -> Result<Vec<Contract>, Unusable> {
    let mut all = Vec::new();
    for (file, text) in texts(dir, "contracts", "toml", EMBEDDED_CONTRACTS)? {
        all.extend(contract::read(&file, &text, slos)?);
    }
    Ok(all)
}

/// What is done to a running stack to see these objectives' alerts, from the same places.
pub fn live(dir: Option<&Path>, slos: &[Slo]) -> Result<Vec<live::Case>, Unusable> {
    let mut all = Vec::new();
    for (file, text) in texts(dir, "live", "toml", EMBEDDED_LIVE)? {
        all.extend(live::read(&file, &text, slos)?);
    }
    Ok(all)
}

/// File names as a person would type them, and texts.
fn texts(
    dir: Option<&Path>,
    below: &str,
    ending: &'static str,
    embedded: &[(&str, &str)],
) -> Result<BTreeMap<String, String>, Unusable> {
    let folder = match dir {
        Some(dir) => dir.join(below),
        None => Path::new(ON_DISK).join(below),
    };
    if dir.is_none() && !folder.is_dir() {
        let named = |(name, text): &(&str, &str)| (format!("{ON_DISK}/{below}/{name}"), (*text).to_owned());
        return Ok(embedded.iter().map(named).collect());
    }
    let mut all = BTreeMap::new();
    let unreadable = |path: &Path, source| Unusable::Unreadable { path: path.display().to_string(), source };
    for entry in fs::read_dir(&folder).map_err(|e| unreadable(&folder, e))? {
        let path = entry.map_err(|e| unreadable(&folder, e))?.path();
        if path.extension().is_none_or(|e| e != ending) || !path.is_file() {
            continue;
        }
        let size = fs::metadata(&path).map_err(|e| unreadable(&path, e))?.len();
        if size > FILE_BYTES {
            let problem = Problem::new(1, "", format!("has {size} bytes, more than {FILE_BYTES}; split it"));
            return Err(problem.in_file(&path.display().to_string()).into());
        }
        all.insert(path.display().to_string(), fs::read_to_string(&path).map_err(|e| unreadable(&path, e))?);
    }
    if all.is_empty() {
        return Err(Unusable::Empty { folder: folder.display().to_string(), ending });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_carries_is_what_the_folder_says() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let on_disk = specs(Some(dir)).expect("the folder is good");
        // Without a folder named slo beside it, a test sees what the program carries.
        let carried = specs(None).expect("what is carried is good");
        assert!(on_disk.len() > 20, "{}", on_disk.len());
        let names = |slos: &[Slo]| slos.iter().map(|slo| slo.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&carried), names(&on_disk));
    }

    #[test]
    fn a_name_that_is_taken_is_said_with_its_holder() {
        let dir = tempfile::tempdir().expect("a folder");
        let specs_dir = dir.path().join("specs");
        fs::create_dir(&specs_dir).expect("a folder");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/inbox.yaml");
        for name in ["a.yaml", "b.yaml"] {
            fs::copy(&from, specs_dir.join(name)).expect("copied");
        }
        let error = specs(Some(dir.path())).expect_err("twice").to_string();
        assert!(error.contains("b.yaml:") && error.contains("a.yaml") && error.contains("taken"), "{error}");
        let nowhere = specs(Some(&dir.path().join("nowhere"))).expect_err("none").to_string();
        assert!(nowhere.contains("nowhere") && nowhere.contains("--dir"), "{nowhere}");
    }
}
