//! The folder where a running stack keeps what it needs: `run.json`, the stores, the children's output.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{failure::Failure, native::files::RULES};

/// `.firedrill`, in the current directory or where `--home` or `FIREDRILL_HOME` says.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

/// Where it is when nobody says otherwise: in the current directory.
const USUAL: &str = ".firedrill";

/// How a person places everything that a stack keeps somewhere else; the end of a sentence.
pub const ELSEWHERE: &str = "name another folder with --home DIR or FIREDRILL_HOME";

/// Held by the one `up` or `backend` that owns a home; the lock ends with the process, however it ends.
#[derive(Debug)]
pub struct Owner {
    _lock: File,
}

impl Home {
    /// Names the folder; nothing is created.
    pub fn new(given: Option<PathBuf>) -> Self {
        Self(given.unwrap_or_else(|| PathBuf::from(USUAL)))
    }

    /// Whether it is where commands look that are told nothing.
    pub fn is_usual(&self) -> bool {
        self.0 == Path::new(USUAL)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the running stack is described.
    pub fn run_file(&self) -> PathBuf {
        self.0.join("run.json")
    }

    /// Where the databases of the services and the telemetry store lie.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Where an instance of a service keeps its settings.
    pub fn settings(&self, instance: &str) -> PathBuf {
        self.data().join(format!("{instance}.settings.json"))
    }

    /// Where the children's output goes, one file per process.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Where it is written, for nobody else to read, what runs of `load` suffer.
    pub fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }

    /// Where the session of a drill is kept.
    pub fn drill(&self) -> PathBuf {
        self.0.join("drill")
    }

    /// Where the configurations of the real stack are laid out.
    pub fn configuration(&self) -> PathBuf {
        self.0.join("configuration")
    }

    /// The files of rules that the backend evaluates, as a pattern; absolute, since they name groups to everybody who asks.
    pub fn rule_files(&self) -> PathBuf {
        let below = self.configuration().join(RULES).join("*.yaml");
        std::path::absolute(&below).unwrap_or(below)
    }

    /// The list of scrape targets that the backend watches.
    pub fn scrape_file(&self) -> PathBuf {
        self.0.join("scrape.json")
    }

    /// Creates the folder and takes it for this process.
    ///
    /// Fails, naming the path and the remedy, when the folder cannot be written or another process owns it.
    pub fn own(&self) -> Result<Owner, Failure> {
        fs::create_dir_all(&self.0).map_err(|e| self.unusable(&self.0, &e))?;
        for dir in [self.data(), self.logs()] {
            create_private(&dir).map_err(|e| self.unusable(&dir, &e))?;
        }
        let path = self.0.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| self.unusable(&path, &e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Owner { _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(Failure::environment(format!(
                "a stack is already running from {}; stop it with Ctrl-C in its terminal, or start another one with --home DIR --ports auto",
                self.0.display()
            ))),
            Err(fs::TryLockError::Error(e)) => Err(self.unusable(&path, &e)),
        }
    }

    /// Takes the right to be the only `command` at work on this stack, until the returned file is dropped.
    pub fn alone(&self, command: &str) -> Result<File, Failure> {
        let path = self.0.join(format!("{command}.lock"));
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|e| self.unusable(&path, &e))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(_) => Err(Failure::environment(format!(
                "another {command} is at work on the stack of {}; wait for its end and try again",
                self.0.display()
            ))),
        }
    }

    /// Whether some process owns this home now.
    pub fn is_owned(&self) -> bool {
        let Ok(lock) = File::open(self.0.join("lock")) else { return false };
        matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
    }

    fn unusable(&self, path: &Path, error: &io::Error) -> Failure {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull => "free some space",
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                "name a folder that can be written with --home DIR or FIREDRILL_HOME"
            }
            _ => ELSEWHERE,
        };
        Failure::environment(format!("cannot use {}: {error}; {hint}", path.display()))
    }
}

/// Creates a folder that only its owner can look into; one that is there already is closed to others, too.
fn create_private(dir: &Path) -> io::Result<()> {
    let mut options = fs::DirBuilder::new();
    options.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut options, 0o700);
    options.create(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(dir)?.permissions().mode();
        if mode & 0o077 != 0 {
            // A folder that belongs to somebody else, who lets us use it, stays as it is.
            let _ = fs::set_permissions(dir, fs::Permissions::from_mode(mode & !0o077));
        }
    }
    Ok(())
}

/// Writes a file of the home at once and whole: a reader sees the old one or the new one, and only its owner may read
/// it. When that fails the old one stays.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| file.write_all(text.as_bytes()));
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        // Half written, it only takes room that is short already.
        let _ = fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("run.json");
        for text in ["a long first text", "second"] {
            write_whole(&path, text).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("there"), text);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        let in_the_way = dir.path().join("folder");
        fs::create_dir(&in_the_way).expect("a folder");
        assert!(write_whole(&in_the_way, "text").is_err());
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).expect("there").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, ["folder", "run.json"], "nothing half made is left");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_looks_into_what_a_stack_keeps() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = Home::new(Some(dir.path().join("home")));
        fs::create_dir_all(home.logs()).expect("of an older version");
        fs::set_permissions(home.logs(), fs::Permissions::from_mode(0o755)).expect("open to all");
        let _owner = home.own().expect("ours");
        for dir in [home.data(), home.logs()] {
            let mode = fs::metadata(&dir).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode, 0o700, "{}", dir.display());
        }
    }

    #[test]
    fn a_home_has_one_owner_at_a_time() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = Home::new(Some(dir.path().join("home")));
        assert!(!home.is_owned());
        let owner = home.own().expect("the first owner");
        assert!(home.is_owned());
        let second = home.own().expect_err("there can be only one");
        assert_eq!(second.code, crate::failure::Code::Environment);
        drop(owner);
        assert!(!home.is_owned());
        home.own().expect("free again");
    }

    #[test]
    fn a_home_below_a_file_is_refused_with_its_path() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("a file");
        let failure = Home::new(Some(file.join("home"))).own().expect_err("a file is no folder");
        assert!(failure.message.contains("home"), "{failure}");
    }
}
