//! `stack/native/build` where it cannot build: it says what is missing, and leaves nothing that is half built.

use std::{
    collections::BTreeSet,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Output, Stdio},
};

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::process::Command;

use crate::harness::{PATIENCE, checkout, eventually, native::or_skip, said, stderr};

/// What the script needs beside Go.
const TOOLS: [&str; 17] = [
    "awk", "bash", "cat", "chmod", "cksum", "dirname", "env", "head", "mkdir", "mktemp", "mv", "rm", "sed",
    "sh", "sort", "tail", "tr",
];

/// A place to build in, and a `PATH` that holds the tools and of Go nothing but what a test puts there.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("path");
        std::fs::create_dir(&path).expect("a folder");
        for tool in TOOLS {
            let found = on_path(tool).unwrap_or_else(|| panic!("{tool} is needed on PATH"));
            symlink(found, path.join(tool)).expect("a link");
        }
        Self { folder }
    }

    /// Puts a Go there, or what passes for one.
    fn with_go(self, script: &str) -> Self {
        // Another process writes it: a file that this one has open for writing, in whatever thread, cannot be run.
        let written = std::process::Command::new("sh")
            .args(["-c", "printf '#!/bin/sh\n%s\n' \"$1\" > path/go && chmod 755 path/go", "sh", script])
            .current_dir(self.folder.path())
            .status();
        assert!(written.is_ok_and(|status| status.success()), "{script}");
        self
    }

    fn build(&self, program: &str) -> Command {
        let mut command = Command::new(checkout().join("stack/native/build"));
        command.arg(program).env("PATH", self.folder.path().join("path"));
        command.env("FIREDRILL_BACKENDS", self.backends()).kill_on_drop(true);
        command
    }

    async fn run(&self, program: &str) -> Output {
        end(&mut self.build(program)).await
    }

    fn backends(&self) -> PathBuf {
        self.folder.path().join("backends")
    }

    /// Every file where programs are built.
    fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.backends()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => drop(found.insert(entry.path())),
                }
            }
        }
        found
    }

    /// The files that a program is, once it is built.
    fn built(&self, program: &str) -> BTreeSet<PathBuf> {
        ["bin", "pins"].map(|folder| self.backends().join(folder).join(program)).into()
    }

    fn refused(&self, output: &Output, code: i32, words: &[&str]) {
        assert_eq!(output.status.code(), Some(code), "{}", said(output));
        let told = stderr(output);
        let last = told.lines().last().unwrap_or_default();
        for word in words {
            assert!(last.contains(word), "{word:?} in {}", said(output));
        }
        assert_eq!(self.files(), BTreeSet::new(), "nothing is left");
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

async fn end(command: &mut Command) -> Output {
    tokio::time::timeout(PATIENCE, command.output()).await.expect("the script ends").expect("it runs")
}

/// A Go of the right version whose builds do this.
fn go_that(builds: &str) -> String {
    format!("case $1 in env) echo go99.1.0 ;; build) {builds} ;; esac")
}

/// In the words of a shell: the file after `-o`.
const OUTPUT: &str = r#"while [ "$1" != -o ]; do shift; done; echo half >"$2"; chmod 755 "$2""#;

#[tokio::test]
async fn without_go_it_says_so() {
    let place = Place::new();
    place.refused(&place.run("alertmanager").await, 3, &["Go is not there", "https://go.dev/dl"]);
}

#[tokio::test]
async fn a_go_that_is_too_old_is_named_with_what_is_needed() {
    let place = Place::new().with_go("echo go1.12.3");
    place.refused(&place.run("alertmanager").await, 3, &["Go 1.12.3 is too old", "or newer is needed"]);
    let place = place.with_go("exit 1");
    place.refused(&place.run("alertmanager").await, 3, &["does not say its version", "path/go"]);
}

#[tokio::test]
async fn an_unknown_program_is_named_with_those_that_there_are() {
    let place = Place::new();
    place.refused(&place.run("grafana").await, 2, &["\"grafana\"", "alertmanager", "otelcol", "logcli"]);
}

#[tokio::test]
async fn without_the_network_it_says_so_and_leaves_nothing() {
    let go = on_path("go");
    let Some(go) = or_skip("go", "an installer of Go, see https://go.dev/dl", go) else { return };
    let place = Place::new();
    symlink(go, place.folder.path().join("path/go")).expect("a link");
    let modules = place.folder.path().join("no-modules");
    let mut build = place.build("alertmanager");
    build.env("GOPROXY", "off").env("GOMODCACHE", &modules).env("GOCACHE", place.folder.path().join("cache"));
    let output = end(&mut build).await;
    place.refused(&output, 3, &["alertmanager", "was not built", "Without the network", "run this again"]);
    assert!(stderr(&output).contains("GOPROXY=off"), "Go's own reason is shown: {}", said(&output));
}

#[tokio::test]
async fn a_build_that_fails_leaves_nothing_half_built_and_keeps_what_was_there() {
    let place = Place::new().with_go(&go_that(&format!("{OUTPUT}; echo 'no space left' >&2; exit 1")));
    let output = place.run("amtool").await;
    place.refused(&output, 3, &["amtool", "was not built", "what was built before is kept"]);
    assert!(stderr(&output).contains("no space left"), "{}", said(&output));

    // What a person has from before stays in its place.
    let old = place.backends().join("bin/amtool");
    std::fs::create_dir_all(old.parent().expect("a folder")).expect("a folder");
    std::fs::write(&old, "of an older version").expect("written");
    assert_eq!(place.run("amtool").await.status.code(), Some(3));
    assert_eq!(place.files(), BTreeSet::from([old.clone()]));
    assert_eq!(std::fs::read_to_string(old).expect("it is there"), "of an older version");
}

#[tokio::test]
async fn a_folder_to_build_into_may_be_relative() {
    let place = Place::new().with_go(&go_that(OUTPUT));
    let mut build = place.build("amtool");
    let output = end(build.env("FIREDRILL_BACKENDS", "backends").current_dir(place.folder.path())).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(place.files(), place.built("amtool"));
}

#[tokio::test]
async fn an_interrupted_build_leaves_nothing_and_the_next_one_goes_on() {
    // It opens a pipe that nobody writes to: that does not end by itself.
    let place = Place::new().with_go(&go_that(&format!("{OUTPUT}; exec cat \"$PIPE\"")));
    let pipe = place.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    let mut build = place.build("amtool");
    build
        .env("PIPE", &pipe)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut build = build.spawn().expect("it starts");
    eventually("the build is under way", || async { (!place.files().is_empty()).then_some(()) }).await;
    // As Ctrl-C does: to all of the group in the foreground.
    let group = i32::try_from(build.id().expect("it runs")).ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process_group(group.expect("a pid"), Signal::INT).expect("sent");
    let status = tokio::time::timeout(PATIENCE, build.wait()).await.expect("it ends").expect("its status");
    assert_eq!(status.code(), Some(130));
    assert_eq!(place.files(), BTreeSet::new(), "nothing is left");

    let place = place.with_go(&go_that(OUTPUT));
    let output = place.run("amtool").await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(place.files(), place.built("amtool"));
    let output = place.with_go("exit 1").run("amtool").await;
    assert!(said(&output).contains("there") && output.status.success(), "not built twice: {}", said(&output));
}
