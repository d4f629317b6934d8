//! A home that cannot be written is one line that names it and the way out. Nothing is started, and nothing of the home
//! is touched.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::{PATIENCE, command_of, program, stderr, working_in};

/// Who may not write what root has: `nobody`.
const NOBODY: u32 = 65534;

const UP: [&str; 5] = ["up", "--ports", "auto", "--for", "1s"];
const BACKEND: [&str; 3] = ["backend", "--ports", "auto"];

fn root() -> bool {
    rustix::process::geteuid().is_root()
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its permissions");
}

/// The program, and the folder of the copy that others may run where they may not reach the one that was built.
fn reachable_program() -> (PathBuf, Option<TempDir>) {
    let built = Path::new(program());
    let open = |path: &Path| fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o001 != 0);
    if !root() || built.ancestors().all(open) {
        return (built.to_owned(), None);
    }
    let dir = tempfile::tempdir().expect("a folder");
    chmod(dir.path(), 0o755);
    let copy = dir.path().join("firedrill");
    fs::copy(built, &copy).expect("a copy");
    (copy, Some(dir))
}

/// Runs a command as somebody who is not root.
async fn run_unprivileged(program: &Path, home: &Path, args: &[&str]) -> Output {
    let mut command = command_of(program, home);
    command.args(args).current_dir("/");
    if root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    ended(command).await
}

async fn ended(mut command: Command) -> Output {
    tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("it runs")
}

fn tree(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
            found.insert(entry.path());
        }
    }
    found
}

fn refused(output: &Output, home: &Path, line: &str) {
    assert_eq!(stderr(output), line);
    assert_eq!(output.status.code(), Some(3), "{line}");
    assert!(working_in(home).is_empty(), "no process of this home is left");
}

#[tokio::test]
async fn a_folder_without_permission_is_named_and_left_alone() {
    let (program, _copy) = reachable_program();
    let dir = tempfile::tempdir().expect("a folder");
    chmod(dir.path(), 0o555);
    for (home, cannot) in [(dir.path().join("home"), "home"), (dir.path().to_owned(), "data")] {
        for args in [&UP[..], &BACKEND[..]] {
            let output = run_unprivileged(&program, &home, args).await;
            let line = format!(
                "firedrill: cannot use {}: Permission denied (os error 13); name a folder that can be written with --home DIR or FIREDRILL_HOME",
                dir.path().join(cannot).display()
            );
            refused(&output, &home, &line);
            assert!(output.stdout.is_empty(), "{args:?}");
            assert_eq!(tree(dir.path()), BTreeSet::new(), "{args:?}");
        }
    }
    chmod(dir.path(), 0o755);
}

#[tokio::test]
async fn data_without_permission_in_a_home_that_has_it_ends_the_start() {
    let (program, _copy) = reachable_program();
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    fs::create_dir_all(&data).expect("a folder");
    chmod(dir.path(), 0o777);
    chmod(&data, 0o555);
    let output = run_unprivileged(&program, dir.path(), &UP).await;
    let line = format!(
        "firedrill: backend: the data directory {} is read-only; make it writable or name another folder with --home DIR or \
         FIREDRILL_HOME",
        data.join("telemetry").display()
    );
    refused(&output, dir.path(), &line);
    assert!(output.stdout.is_empty());
    assert_eq!(tree(&data), BTreeSet::new());
    assert!(!dir.path().join("run.json").exists());
    chmod(&data, 0o755);
}

/// Runs a command with a read-only file system at `$1`, which holds a home that was in use before, and prints what is
/// there afterwards.
const ON_READ_ONLY: &str = r#"
    at=$1; shift
    mount -t tmpfs -o size=1m none "$at" && mkdir -p "$at/used/data" "$at/used/logs" && : > "$at/used/lock" &&
    mount -o remount,ro "$at" || exit 77
    "$@"; code=$?
    cd "$at" && find . | sort
    exit $code
"#;

/// A command in a mount name space of its own; without being root, in a user name space as well.
async fn on_read_only(at: &Path, home: &Path, args: &[&str]) -> std::io::Result<Output> {
    let mut command = command_of(Path::new("unshare"), home);
    command.arg(if root() { "-m" } else { "-rm" }).args(["sh", "-c", ON_READ_ONLY, "sh"]).arg(at).args(args);
    tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends")
}

#[tokio::test]
async fn a_read_only_file_system_is_named_and_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let lacking = match on_read_only(dir.path(), dir.path(), &["true"]).await {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("{}; {}", output.status, stderr(&output))),
        Err(error) => Some(format!("unshare: {error}")),
    };
    if let Some(lacking) = lacking {
        // Not by the macro, whose output the test runner keeps to itself when a test passes.
        let line =
            format!("\nSKIPPED a_read_only_file_system_is_named_and_left_alone: no such mount: {lacking}\n");
        std::io::stderr().write_all(line.as_bytes()).expect("standard error");
        return;
    }
    for (home, cannot) in [("fresh", "fresh"), ("used", "used/lock")] {
        for args in [&UP[..], &BACKEND[..]] {
            let home = dir.path().join(home);
            let args = [&[program()], args].concat();
            let output = on_read_only(dir.path(), &home, &args).await.expect("as before");
            let line = format!(
                "firedrill: cannot use {}: Read-only file system (os error 30); name a folder that can be written with --home DIR or FIREDRILL_HOME",
                dir.path().join(cannot).display()
            );
            refused(&output, &home, &line);
            let left = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(left, ".\n./used\n./used/data\n./used/lock\n./used/logs\n", "{args:?}");
        }
    }
}
