//! The sealed record of a run: what was to happen, written before it happens, and what was measured, added after. Readable by
//! its owner alone, and outside of all telemetry.
//!
//! The seal is the SHA-256 of the first part, told at the start: nobody can change the truth afterwards, and a nonce in it
//! keeps anybody from guessing it.

use super::Request;
use super::drill::Measured;
use super::schedule::{Schedule, hex};
use crate::nearest::suggestion;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Largest ledger read.
const LARGEST: u64 = 16 << 20;

/// The record of one run.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
}

#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u32,
    /// SHA-256 of `sealed`.
    sha256: String,
    /// The text of a JSON object: run, nonce, seed, digest and injections.
    sealed: String,
    measured: Option<Value>,
}

/// What a ledger says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Opened {
    /// SHA-256 of what was sealed, as told at the start.
    pub sha256: String,
    /// Whether that is still so.
    pub intact: bool,
    /// What was planned.
    pub sealed: Value,
    /// What was measured; none when the run has not come to its end.
    pub measured: Option<Value>,
}

/// Why there is no ledger. One line.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be written.
    #[error("cannot write the ledger {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("cannot read the ledger {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none of that run.
    #[error("no ledger of a run {run:?} in {}: {suggestion}", folder.display())]
    Unknown {
        /// What was asked for.
        run: String,
        /// Where was looked.
        folder: PathBuf,
        /// The nearest, or all.
        suggestion: String,
    },
}

impl Ledger {
    /// Writes down what is to happen in `run`, in a new file of `folder`, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn seal(folder: &Path, run: &str, nonce: &str, schedule: &Schedule) -> Result<Self, LedgerError> {
        let sealed = json!({
            "run": run, "nonce": nonce, "seed": schedule.seed, "requests": schedule.requests(),
            "digest": schedule.digest(), "injections": schedule.injections,
        });
        let sealed = sealed.to_string();
        let file = File { version: 1, sha256: hex(&sealed), sealed, measured: None };
        let path = folder.join(format!("{run}.json"));
        let ledger = Self { path, file };
        std::fs::create_dir_all(folder)
            .and_then(|()| ledger.write())
            .map_err(|source| LedgerError::Write { path: ledger.path.clone(), source })?;
        Ok(ledger)
    }

    /// Takes up a record that was sealed before.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn take_up(folder: &Path, run: &str) -> Result<Self, LedgerError> {
        let path = folder.join(format!("{run}.json"));
        match file(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(LedgerError::Read { path, source }),
        }
    }

    /// What was asked for, and the seed that decides the rest.
    ///
    /// # Errors
    /// When that is not what was sealed, or cannot be read.
    pub fn asked(&self) -> Result<(Vec<Request>, u64), LedgerError> {
        let damaged = || LedgerError::Read {
            path: self.path.clone(),
            source: io::Error::other("it is not what was sealed"),
        };
        let intact = hex(&self.file.sealed) == self.file.sha256;
        let sealed: Value =
            serde_json::from_str(&self.file.sealed).ok().filter(|_| intact).ok_or_else(damaged)?;
        let texts = sealed["requests"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let requests = texts.map(|text| text.parse().map_err(|_| damaged())).collect::<Result<_, _>>()?;
        Ok((requests, sealed["seed"].as_u64().ok_or_else(damaged)?))
    }

    /// The seal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.file.sha256
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds what was measured.
    ///
    /// # Errors
    /// When it cannot be written; what was sealed stays.
    pub fn measured(&mut self, measured: &[Measured]) -> Result<(), LedgerError> {
        self.file.measured = Some(json!(measured));
        self.write().map_err(|source| LedgerError::Write { path: self.path.clone(), source })
    }

    /// Reads the ledger of `run`, or of the last run where that is `last`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open(folder: &Path, run: &str) -> Result<Opened, LedgerError> {
        let runs = runs(folder);
        let run_is = |(name, _): &&(String, std::time::SystemTime)| name == run;
        let found =
            if run == "last" { runs.iter().max_by_key(|(_, at)| *at) } else { runs.iter().find(run_is) };
        let Some((name, _)) = found else {
            let names: Vec<&str> = runs.iter().map(|(name, _)| name.as_str()).collect();
            let suggestion =
                if names.is_empty() { "there is none yet".to_owned() } else { suggestion(run, &names) };
            return Err(LedgerError::Unknown { run: run.to_owned(), folder: folder.to_owned(), suggestion });
        };
        let path = folder.join(format!("{name}.json"));
        read(&path).map_err(|source| LedgerError::Read { path, source })
    }

    /// Whole or not at all, and never readable by others.
    fn write(&self) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&next)?;
        serde_json::to_writer(&mut file, &self.file)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&next, &self.path)
    }
}

fn file(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path)?.len() > LARGEST {
        return Err(io::Error::other(format!("larger than {LARGEST} bytes")));
    }
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

fn read(path: &Path) -> io::Result<Opened> {
    let file = file(path)?;
    let intact = hex(&file.sealed) == file.sha256;
    let sealed = serde_json::from_str(&file.sealed)?;
    Ok(Opened { sha256: file.sha256, intact, sealed, measured: file.measured })
}

/// The runs that have a ledger, by name, with the time of their last change.
fn runs(folder: &Path) -> Vec<(String, std::time::SystemTime)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut runs: Vec<_> = entries
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "json"))
        .filter_map(|entry| {
            let name = entry.path().file_stem()?.to_string_lossy().into_owned();
            Some((name, entry.metadata().ok()?.modified().ok()?))
        })
        .collect();
    runs.sort();
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn schedule() -> Schedule {
        let request: Request = "slow-network@1s+2s".parse().expect("a request");
        Schedule::new(&[request], 7, Duration::from_secs(10)).expect("a schedule")
    }

    #[test]
    fn what_was_sealed_is_read_back_and_only_its_owner_can() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = dir.path().join("ledger");
        let mut ledger = Ledger::seal(&folder, "00ab", "secret", &schedule()).expect("sealed");
        let opened = Ledger::open(&folder, "00ab").expect("there");
        assert!(opened.intact && opened.measured.is_none());
        assert_eq!((opened.sha256.as_str(), &opened.sealed["seed"]), (ledger.sha256(), &json!(7)));
        assert_eq!(opened.sealed["injections"][0]["fault"], "slow-network");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(ledger.path()).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        ledger.measured(&[]).expect("written");
        assert_eq!(Ledger::open(&folder, "last").expect("there").measured, Some(json!([])));
    }

    #[test]
    fn what_was_asked_for_can_be_taken_up_and_plans_the_same() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Ledger::seal(dir.path(), "00ab", "secret", &schedule()).expect("sealed");
        let (requests, seed) = Ledger::take_up(dir.path(), "00ab").expect("there").asked().expect("intact");
        let again = Schedule::new(&requests, seed, Duration::from_secs(10)).expect("a schedule");
        assert_eq!(again.digest(), schedule().digest());
    }

    #[test]
    fn a_truth_that_was_changed_is_noticed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let ledger = Ledger::seal(dir.path(), "00ab", "secret", &schedule()).expect("sealed");
        let text = std::fs::read_to_string(ledger.path()).expect("there");
        std::fs::write(ledger.path(), text.replace("slow-network", "control")).expect("changed");
        assert!(!Ledger::open(dir.path(), "00ab").expect("there").intact);
        assert!(Ledger::take_up(dir.path(), "00ab").expect("there").asked().is_err());
    }

    #[test]
    fn the_seal_cannot_be_guessed_from_the_plan() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let seal =
            |nonce| Ledger::seal(dir.path(), "00ab", nonce, &schedule()).expect("sealed").sha256().to_owned();
        assert_ne!(seal("one"), seal("two"));
    }

    #[test]
    fn an_unknown_run_names_the_nearest() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let error = Ledger::open(dir.path(), "00ab").expect_err("none").to_string();
        assert!(error.contains("there is none yet"), "{error}");
        Ledger::seal(dir.path(), "00ab", "x", &schedule()).expect("sealed");
        let error = Ledger::open(dir.path(), "00ac").expect_err("none").to_string();
        assert!(error.contains("did you mean `00ab`?"), "{error}");
    }
}
