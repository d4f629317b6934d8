//! Finds the real programs. They lie in `$FIREDRILL_BACKENDS/bin` (`.backends` of the checkout when unset) or on `PATH`.
//! A test whose program is missing says so loudly and ends; with `FIREDRILL_REQUIRE_BACKENDS=1` it fails.

use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use reqwest::Client;
use tokio::process::{Child, Command};

use crate::harness::until;

/// A real program in a folder of its own. Dropped, it is killed, and its folder goes after it.
pub(crate) struct Running {
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Starts it, without a word of its own.
    pub(crate) fn start(command: &mut Command, folder: tempfile::TempDir) -> Self {
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { _process: silent.kill_on_drop(true).spawn().expect("it starts"), _folder: folder }
    }
}

/// Waits until a `GET` is answered with 200.
pub(crate) async fn ready(client: &Client, url: &str) {
    until(url, || async { client.get(url).send().await.is_ok_and(|answer| answer.status() == 200) }).await;
}

/// Addresses on which nobody listens, by chance: where the system gives ports from, a connection of another test could
/// take one before the program does.
pub(crate) fn free<const N: usize>() -> [SocketAddr; N] {
    let mut held: Vec<TcpListener> = Vec::new();
    while held.len() < N {
        let by_chance = RandomState::new().hash_one(held.len()) % 17_000;
        let port = 15_000 + u16::try_from(by_chance).expect("below 17,000");
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    }
    std::array::from_fn(|i| held[i].local_addr().expect("bound"))
}

/// Where a program is, or `None` after the line that says what is skipped.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let found = folders().map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let line = format!("SKIPPED: {test} needs {name}, which is not there: run stack/native/build {name}");
        assert!(env::var_os("FIREDRILL_REQUIRE_BACKENDS").is_none_or(|v| v != "1"), "{line}");
        // Past the capture of the test harness, which shows nothing of a test that passes.
        let _ = writeln!(std::io::stderr().lock(), "\n{line}");
    }
    found
}

fn folders() -> impl Iterator<Item = PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let built = env::var_os("FIREDRILL_BACKENDS").map_or_else(|| ".backends".into(), PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(checkout.join(built).join("bin")).chain(env::split_paths(&path).collect::<Vec<_>>())
}
