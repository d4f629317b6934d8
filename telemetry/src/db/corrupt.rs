//! Damaged files: found at the start, renamed out of the way with a time stamp, never deleted. The name is that under which
//! every part of the stack keeps what is damaged, so that all of it is found by one pattern.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::OpenError;

/// The name under which a damaged file is kept, which no file has yet: `NAME.corrupt-SECONDS`, with a number where there is one.
#[must_use]
pub fn aside(path: &Path) -> PathBuf {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut target = with_suffix(path, &format!(".corrupt-{seconds}"));
    let mut attempt = 1;
    while target.exists() {
        target = with_suffix(path, &format!(".corrupt-{seconds}-{attempt}"));
        attempt += 1;
    }
    target
}

/// Renames the file and its `-wal` and `-shm` companions to `NAME.corrupt-SECONDS…` and says so in one line.
pub(super) fn set_aside(path: &Path, reason: &str) -> Result<PathBuf, OpenError> {
    let target = aside(path);
    let fail = |cause| OpenError::CannotSetAside { path: path.to_owned(), cause };
    std::fs::rename(path, &target).map_err(fail)?;
    for companion in ["-wal", "-shm"] {
        let from = with_suffix(path, companion);
        if from.exists() {
            std::fs::rename(&from, with_suffix(&target, companion)).map_err(fail)?;
        }
    }
    tracing::warn!(
        db.path = %path.display(),
        db.set_aside = %target.display(),
        reason,
        "damaged database set aside, starting with an empty one"
    );
    Ok(target)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_damaged_file_does_not_overwrite_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        std::fs::write(&path, "one").unwrap();
        let first = set_aside(&path, "test").unwrap();
        std::fs::write(&path, "two").unwrap();
        let second = set_aside(&path, "test").unwrap();
        assert_ne!(first, second);
        assert_eq!(std::fs::read_to_string(first).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(second).unwrap(), "two");
    }
}
