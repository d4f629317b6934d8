//! Finds the damaged store files that parts have set aside, at a start or later: they say so in their logs, which few
//! people read.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// What the services and the backend append to the name of a damaged file.
const MARK: &str = ".corrupt-";

/// What SQLite keeps beside a file goes with it and is not told apart.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Knows the damaged files that have been told of.
#[derive(Debug)]
pub(super) struct SetAside {
    data: PathBuf,
    known: BTreeSet<PathBuf>,
}

impl SetAside {
    /// Those that lie in the data folder now are of earlier runs.
    pub(super) fn since_now(data: PathBuf) -> Self {
        let known = in_folder(&data);
        Self { data, known }
    }

    /// The files that were set aside since the last look.
    pub(super) fn news(&mut self) -> Vec<PathBuf> {
        let found = in_folder(&self.data);
        let news = found.difference(&self.known).cloned().collect();
        self.known = found;
        news
    }
}

fn in_folder(data: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    // A folder that cannot be read is told by the part that needs it.
    let _ = look(data, &mut found);
    found
}

fn look(folder: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            look(&entry.path(), found)?;
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let companion = COMPANIONS.iter().any(|end| name.ends_with(end));
        if !companion && name.contains(MARK) {
            found.insert(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_are_found_in_every_folder_and_others_are_not() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let telemetry = data.path().join("telemetry");
        fs::create_dir(&telemetry).expect("a folder");
        let damaged =
            [data.path().join("order-service.db.corrupt-17"), telemetry.join("segment-1.db.corrupt-17-1")];
        let others = ["order-service.db", "order-service.db.corrupt-17-wal", "telemetry/2.db"];
        for path in others.map(|name| data.path().join(name)).iter().chain(&damaged) {
            fs::write(path, "").expect("a file");
        }
        assert_eq!(in_folder(data.path()), BTreeSet::from(damaged));
    }

    #[test]
    fn a_file_is_news_once_and_those_of_earlier_runs_never() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let put = |name: &str| {
            let path = data.path().join(name);
            fs::write(&path, "").expect("a file");
            path
        };
        put("order-service.db.corrupt-1");
        let mut set_aside = SetAside::since_now(data.path().to_owned());
        assert!(set_aside.news().is_empty());
        let damaged = put("order-service.db.corrupt-2");
        assert_eq!(set_aside.news(), [damaged]);
        assert!(set_aside.news().is_empty());
    }
}
