//! A disk that fills while a stack runs is told on the terminal of `up`, in one line when it begins and one when it is
//! over; meanwhile users are served. A limit on the size of files stands for the full disk: the same writes fail.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use firedrill::{home::Home, run_file::RunFile};
use serde_json::json;

use crate::harness::{eventually, program};

/// Lets no file of a process grow beyond this; `unlimited` lets them grow again.
fn limit_files(pid: u32, most: &str) {
    let set = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--fsize={most}:")]).status();
    assert!(set.expect("prlimit of util-linux").success());
}

/// The lines of a file that contain a word.
fn lines_with(path: &Path, word: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("what up said");
    text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_disk_that_fills_is_told_when_it_begins_and_when_it_is_over() {
    let home = tempfile::tempdir().expect("a home");
    let said = home.path().join("said");
    // Writing beyond the limit is then an error, as on a full disk, and not a signal that ends the process.
    let mut up = {
        let script = format!("trap '' XFSZ; exec {} up --ports auto --no-load", program());
        let mut shell = tokio::process::Command::new("sh");
        shell.args(["-c", &script]).env("FIREDRILL_HOME", home.path());
        shell.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        shell.stderr(std::fs::File::create(&said).expect("a file")).spawn().expect("a shell")
    };
    let found = Home::new(Some(home.path().to_path_buf()));
    let run = eventually("the stack is up", || async { RunFile::find(&found).ok() }).await;
    let order = || async {
        let body = json!({"user_id": 1, "product_id": 1001, "quantity": 1});
        let url = format!("{}/orders", run.url("order-service").expect("an address"));
        reqwest::Client::new().post(url).json(&body).send().await.expect("an answer").status()
    };
    assert!(lines_with(&said, "telemetry").is_empty());

    limit_files(run.pids["backend"], "4096");
    let begun = eventually("the full disk is told", || async {
        // Every order brings spans that want to be written.
        assert_eq!(order().await, 201);
        lines_with(&said, "takes no data").pop()
    })
    .await;
    let store = home.path().join("data/telemetry");
    assert!(begun.contains(&store.display().to_string()) && begun.contains("free some space"), "{begun}");
    assert_eq!(order().await, 201);

    limit_files(run.pids["backend"], "unlimited");
    let over = eventually("its end is told", || async { lines_with(&said, "takes data again").pop() }).await;
    assert!(over.contains(&store.display().to_string()), "{over}");
    assert_eq!(lines_with(&said, "telemetry").len(), 2, "each is told once");

    crate::harness::signal(up.id().expect("it runs"), rustix::process::Signal::INT);
    assert!(up.wait().await.expect("its status").success());
}
