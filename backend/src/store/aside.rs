//! Where damaged files are kept for a look: beside where they were, under a name that the other parts of a stack use, too.

use std::path::{Path, PathBuf};

use crate::time::now_ms;

/// A name that no file has yet: `NAME.corrupt-SECONDS`, with a number where there is one.
pub(crate) fn aside_of(path: &Path) -> PathBuf {
    let first = with_suffix(path, &format!(".corrupt-{}", now_ms() / 1000));
    let numbered = (1..).map(|n| with_suffix(&first, &format!("-{n}")));
    std::iter::once(first.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(first)
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_damaged_file_does_not_take_the_place_of_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        // A second may end between two of them.
        let kept: std::collections::BTreeSet<PathBuf> = (0..4)
            .map(|_| {
                let aside = aside_of(&path);
                std::fs::write(&aside, "").expect("written");
                aside
            })
            .collect();
        assert_eq!(kept.len(), 4);
        assert!(kept.iter().all(|path| path.to_string_lossy().contains("x.db.corrupt-")));
    }
}
