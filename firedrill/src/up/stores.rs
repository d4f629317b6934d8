//! Notices when the stores of a running stack are deleted under it. Whoever has a file open goes on writing to what nobody can
//! find any more, so no part fails at once; here it is told in one line. It knows which stores there are, not what is in them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The stores in a data folder.
#[derive(Debug)]
pub(super) struct Stores {
    data: PathBuf,
    there: BTreeSet<PathBuf>,
    /// What was not there at the last look.
    missing: BTreeSet<PathBuf>,
    is_told: bool,
}

impl Stores {
    /// Those that are in the folder now.
    pub(super) fn of(data: PathBuf) -> Self {
        let entries = fs::read_dir(&data).into_iter().flatten().flatten();
        let there = entries.map(|entry| entry.path()).filter(|path| is_store(path)).collect();
        Self { data, there, missing: BTreeSet::new(), is_told: false }
    }

    /// Looks again; says once that stores were deleted.
    pub(super) fn look(&mut self) -> Option<String> {
        let missing: BTreeSet<PathBuf> = self.there.iter().filter(|path| !path.exists()).cloned().collect();
        // A damaged file is moved away before another takes its place: gone is what is missing twice in a row.
        let gone: Vec<String> = missing.intersection(&self.missing).map(|path| name(path)).collect();
        self.missing = missing;
        if gone.is_empty() || std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        let data = self.data.display();
        let what = match self.data.exists() {
            true => format!("{} in {data} was", gone.join(", ")),
            false => format!("{data} was"),
        };
        Some(format!(
            "{what} deleted while the stack runs: what was stored there is lost, and what comes now will be; stop the stack with Ctrl-C and start it again"
        ))
    }
}

/// Databases and the folders of the backends; not what was set aside, nor what a database keeps beside itself.
fn is_store(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|ending| ending == "db")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a home");
        let data = home.path().join("data");
        fs::create_dir_all(data.join("telemetry")).expect("a folder");
        for file in ["order-service.db", "order-service.db-wal", "user-service.db"] {
            fs::write(data.join(file), "").expect("a file");
        }
        (home, data)
    }

    #[test]
    fn a_deleted_folder_is_told_once_with_what_to_do() {
        let (_home, data) = data();
        let mut stores = Stores::of(data.clone());
        assert_eq!(stores.look(), None);
        fs::remove_dir_all(&data).expect("deleted");
        assert_eq!(stores.look(), None, "it may be back in a moment");
        let told = stores.look().expect("news");
        assert!(told.starts_with(&format!("{} was deleted", data.display())), "{told}");
        assert!(told.contains("start it again") && told.lines().count() == 1, "{told}");
        assert_eq!(stores.look(), None);
    }

    #[test]
    fn deleted_stores_are_named_and_what_comes_and_goes_by_itself_is_none() {
        let (_home, data) = data();
        let mut stores = Stores::of(data.clone());
        fs::remove_file(data.join("order-service.db-wal")).expect("deleted");
        fs::rename(data.join("user-service.db"), data.join("user-service.db.corrupt-17")).expect("renamed");
        assert_eq!(stores.look(), None);
        fs::write(data.join("user-service.db"), "").expect("a new one");
        assert_eq!(stores.look(), None);
        fs::remove_file(data.join("order-service.db")).expect("deleted");
        fs::remove_dir(data.join("telemetry")).expect("deleted");
        stores.look();
        let told = stores.look().expect("news");
        assert!(
            told.starts_with(&format!("order-service.db, telemetry in {} was", data.display())),
            "{told}"
        );
    }
}
