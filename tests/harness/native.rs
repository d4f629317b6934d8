//! The programs of the real stack, for the tests that need them.
//!
//! They are there after `stack/native/build`. A person may well not have them: then a test says so and passes. Where
//! `FIREDRILL_REQUIRE_BACKENDS=1` is set, it fails, so that nothing is ever skipped unseen in continuous integration.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use firedrill::native::PROGRAMS;
use tokio::process::Command;

use super::{PATIENCE, Setup, checkout};

/// A program, or nothing after a loud line about the test that is skipped.
///
/// It is looked for where `stack/native/build` puts it, because that version is the pinned one, and then on `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [backends().join("bin")].into_iter().chain(std::env::split_paths(&path));
    or_skip(name, &format!("stack/native/build {name}"), find(name, folders))
}

/// A stack of the real programs, still to be started, or nothing after a loud line as above.
pub fn setup() -> Option<Setup> {
    // Each of them is looked for, so that each that is missing is named.
    let all_there = PROGRAMS.map(|name| program(name).is_some()) == [true; PROGRAMS.len()];
    let backends = backends();
    let setup = Setup::default().arg("--stack").arg("native");
    all_there.then(|| setup.env("FIREDRILL_BACKENDS", backends.to_str().expect("a path in UTF-8")))
}

/// The folder in which `stack/native/build` puts what it builds.
fn backends() -> PathBuf {
    let folder = std::env::var_os("FIREDRILL_BACKENDS").map_or_else(|| ".backends".into(), PathBuf::from);
    checkout().join(folder)
}

/// What is needed and was found, or nothing after a loud line about the test that is skipped.
pub fn or_skip<T>(name: &str, remedy: &str, found: Option<T>) -> Option<T> {
    let required = std::env::var_os("FIREDRILL_REQUIRE_BACKENDS").is_some_and(|value| value == "1");
    if found.is_none() {
        let line = skipped(name, remedy, required);
        // Past the capture of the test harness, which shows nothing of a test that passes.
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), format!("\n{line}\n").as_bytes());
    }
    found
}

fn find(name: &str, mut folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
}

/// The line about a test that is skipped; a failure with the same words where nothing may be.
fn skipped(name: &str, remedy: &str, required: bool) -> String {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED: {test} needs {name}, which is not there: run {remedy}");
    assert!(!required, "{line}");
    line
}

/// A native program in a folder of its own, with nothing of the developer's environment that its configuration reads.
pub fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a native program to its end, in a folder of its own.
pub async fn run<A: AsRef<OsStr>>(program: &Path, args: &[A]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command(program, folder.path()).args(args).output();
    tokio::time::timeout(PATIENCE, output).await.expect("the program ends").expect("the program runs")
}

#[test]
fn a_program_that_is_built_wins_over_one_on_the_path() {
    let (built, path) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let search = || find("loki", [built.path().to_owned(), path.path().to_owned()].into_iter());
    assert_eq!(search(), None);
    std::fs::write(path.path().join("loki"), "").expect("written");
    assert_eq!(search(), Some(path.path().join("loki")));
    std::fs::write(built.path().join("loki"), "").expect("written");
    assert_eq!(search(), Some(built.path().join("loki")));
}

#[test]
fn a_missing_program_is_skipped_unless_it_is_required() {
    let line = skipped("no-such-program", "the remedy", false);
    assert!(line.starts_with("SKIPPED: "), "{line}");
    assert!(line.ends_with("needs no-such-program, which is not there: run the remedy"), "{line}");
    std::panic::catch_unwind(|| skipped("no-such-program", "the remedy", true)).expect_err("a failure");
}
