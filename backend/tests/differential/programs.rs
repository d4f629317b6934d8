//! Finds the real programs. They lie in `$FIREDRILL_BACKENDS/bin` (`.backends` of the checkout when unset) or on `PATH`.
//! A test whose program is missing says so loudly and ends; with `FIREDRILL_REQUIRE_BACKENDS=1` it fails.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};

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
