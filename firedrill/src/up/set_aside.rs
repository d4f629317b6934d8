//! Tells which damaged store files a start has set aside: the parts say so in their logs, which few people read.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// What the services and the backend append to the name of a damaged file.
const MARKS: [&str; 2] = [".corrupt-", ".damaged"];

/// What SQLite keeps beside a file goes with it and is not told apart.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// The damaged files that lie in the data folder now.
pub(super) fn in_folder(data: &Path) -> BTreeSet<PathBuf> {
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
        if !companion && MARKS.iter().any(|mark| name.contains(mark)) {
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
        let damaged = [data.path().join("order-service.db.corrupt-17"), telemetry.join("1.db.damaged")];
        let others = ["order-service.db", "order-service.db.corrupt-17-wal", "telemetry/2.db"];
        for path in others.map(|name| data.path().join(name)).iter().chain(&damaged) {
            fs::write(path, "").expect("a file");
        }
        assert_eq!(in_folder(data.path()), BTreeSet::from(damaged));
    }
}
