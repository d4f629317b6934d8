//! Settings on disk: one JSON file, replaced whole, for its owner alone. A damaged one is set aside.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lease::Leases;
use super::state::{Revision, State, Values};

/// The form of the file.
const VERSION: u32 = 1;

/// The file of the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.told("set SETTINGS_PATH to another place"))]
pub struct SettingsError {
    /// The file.
    pub path: PathBuf,
    /// The system's reason.
    pub cause: io::Error,
}

impl SettingsError {
    /// The line, for a program that places its files in its own way: `elsewhere` says how a person changes the place.
    #[must_use]
    pub fn told(&self, elsewhere: &str) -> String {
        let Self { path, cause } = self;
        format!(
            "settings {}: {cause}; move away what is there, make it readable, or {elsewhere}",
            path.display()
        )
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    revision: u64,
    /// Those that are not as they were by default: a default may change with the environment or the program.
    values: Values,
    leases: Leases,
    history: VecDeque<Revision>,
}

/// What was kept, on top of the defaults. Nothing was, where there is no file.
pub(super) fn read(path: &Path, defaults: Values) -> io::Result<State> {
    let mut state = State::new(defaults);
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(state),
        Err(error) => return Err(error),
    };
    let stored = match serde_json::from_slice::<Stored>(&text) {
        Ok(stored) if stored.version == VERSION => stored,
        Ok(_) | Err(_) => {
            set_aside(path)?;
            return Ok(state);
        }
    };
    for (key, value) in stored.values {
        // One that is not known any more is forgotten.
        if let Some(known) = state.values.get_mut(&key) {
            *known = value;
        }
    }
    (state.revision, state.history, state.leases) = (stored.revision, stored.history, stored.leases);
    Ok(state)
}

/// Keeps the state; when that fails, the old file stays.
pub(super) fn write(path: &Path, state: &State, defaults: &Values) -> io::Result<()> {
    let changed = state.values.iter().filter(|(key, value)| defaults.get(*key) != Some(value));
    let stored = Stored {
        version: VERSION,
        revision: state.revision,
        values: changed.map(|(key, value)| (key.clone(), value.clone())).collect(),
        leases: state.leases.clone(),
        history: state.history.clone(),
    };
    let text = serde_json::to_vec_pretty(&stored)?;
    let temporary = beside(path, ".new");
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| file.write_all(&text));
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        // Half written, it only takes room that is short already.
        let _ = fs::remove_file(&temporary);
    })
}

fn set_aside(path: &Path) -> io::Result<()> {
    let target = telemetry::db::aside(path);
    fs::rename(path, &target)?;
    tracing::warn!(
        settings.path = %path.display(),
        settings.set_aside = %target.display(),
        "damaged settings set aside, starting with the defaults"
    );
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn defaults() -> Values {
        Values::from([("pool".to_owned(), json!(8)), ("wait".to_owned(), json!(1000))])
    }

    fn changed() -> State {
        let mut state = State::new(defaults());
        state.set(Values::from([("pool".to_owned(), json!(4))]), 1);
        state.lend("a".to_owned(), Values::from([("wait".to_owned(), json!(5))]), 2, 100);
        state
    }

    #[test]
    fn what_is_kept_reads_back_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        write(&path, &changed(), &defaults()).unwrap();
        assert_eq!(read(&path, defaults()).unwrap(), changed());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half made is left");
    }

    #[test]
    fn a_default_that_changed_and_a_setting_that_is_gone_are_those_of_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let mut state = changed();
        state.take_back("a", 3);
        write(&path, &state, &defaults()).unwrap();
        let other = Values::from([("wait".to_owned(), json!(2000)), ("new".to_owned(), json!(1))]);
        assert_eq!(read(&path, other.clone()).unwrap().values, other);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_none_is_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        assert_eq!(read(&path, defaults()).unwrap(), State::new(defaults()));
        fs::write(&path, "{\"version\":1,").unwrap();
        assert_eq!(read(&path, defaults()).unwrap(), State::new(defaults()));
        assert!(!path.exists());
        let kept = fs::read_dir(folder.path()).unwrap().flatten().next().unwrap();
        assert!(kept.file_name().to_string_lossy().starts_with("settings.json.corrupt-"));
    }
}
