//! The log's files: their names, in order, and setting aside what cannot be read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::aside_of;

/// The folder within the data directory.
pub(super) const FOLDER: &str = "samples";

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Chunks,
    Recent,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Chunks => "chunks-",
            Self::Recent => "recent-",
        }
    }

    /// The path of the file of that number.
    pub(super) fn path(self, folder: &Path, number: u64) -> PathBuf {
        folder.join(format!("{}{number:010}.log", self.prefix()))
    }

    /// The files there are, by number.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn list(self, folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let number = name.strip_prefix(self.prefix()).and_then(|n| n.strip_suffix(".log"));
            if let Some(number) = number.and_then(|n| n.parse().ok()) {
                found.push((number, path));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The path under which a file is made before it gets its name.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Puts the bytes from `at` into a file of their own beside it, and cuts the file there.
///
/// # Errors
/// Either could not be done; the file may be as it was.
pub(super) fn set_tail_aside(path: &Path, bytes: &[u8], at: usize) -> io::Result<PathBuf> {
    let aside = aside_of(path);
    fs::write(&aside, bytes.get(at..).unwrap_or_default())?;
    cut(path, at)?;
    Ok(aside)
}

/// Cuts a file at `at`; one of which nothing is left is deleted.
///
/// # Errors
/// It could not be written.
pub(super) fn cut(path: &Path, at: usize) -> io::Result<()> {
    if at == 0 {
        return fs::remove_file(path);
    }
    fs::OpenOptions::new().write(true).open(path)?.set_len(at as u64)
}
