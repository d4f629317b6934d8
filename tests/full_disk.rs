//! A disk that fills while a stack runs is told on the terminal of `up`, in one line when it begins and one when it is
//! over; meanwhile users are served. A limit on the size of files stands for the full disk: the same writes fail.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use firedrill::{home::Home, run_file::RunFile};
use serde_json::json;

use tokio::process::Child;

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

/// A stack in which writing beyond a limit is an error, as on a full disk, and not a signal that ends the process. What it
/// says goes to the file `said` in its home.
async fn start(home: &Path) -> (Child, RunFile) {
    let script = format!("trap '' XFSZ; exec {} up --ports auto --no-load", program());
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", &script]).env("FIREDRILL_HOME", home);
    shell.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let said = std::fs::File::create(home.join("said")).expect("a file");
    let up = shell.stderr(said).spawn().expect("a shell");
    let found = Home::new(Some(home.to_path_buf()));
    (up, eventually("the stack is up", || async { RunFile::find(&found).ok() }).await)
}

/// Places an order, and gives the status of the answer.
async fn place(run: &RunFile) -> reqwest::StatusCode {
    let body = json!({"user_id": 1, "product_id": 1001, "quantity": 1});
    let url = format!("{}/orders", run.url("order-service").expect("an address"));
    reqwest::Client::new().post(url).json(&body).send().await.expect("an answer").status()
}

#[tokio::test]
async fn services_whose_disk_was_full_take_orders_again() {
    let home = tempfile::tempdir().expect("a home");
    let (_up, run) = start(home.path()).await;
    assert_eq!(place(&run).await, 201);
    let services = ["user-service", "product-service", "order-service"].map(|name| run.pids[name]);
    services.iter().for_each(|pid| limit_files(*pid, "4096"));
    for _ in 0..20 {
        let status = place(&run).await;
        assert!(status.is_server_error(), "nothing can be written, and the answer is {status}");
    }
    let ready = || async {
        let url = format!("{}/ready", run.url("order-service").expect("an address"));
        let answer = reqwest::get(url).await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    // A probe that takes too long on a loaded machine says that in place of the reason.
    eventually("it is not ready, and says why", || async {
        let (status, told) = ready().await;
        assert_eq!(status, 503, "{told}");
        told.contains("database cannot be written").then_some(())
    })
    .await;
    services.iter().for_each(|pid| limit_files(*pid, "unlimited"));
    // Without any order: who is not ready is sent none.
    eventually("it is ready by itself", || async { (ready().await.0 == 200).then_some(()) }).await;
    // The breakers of order-service have to close first; after that, every connection of each pool has to do its work.
    eventually("ten orders in a row are taken", || async {
        for _ in 0..10 {
            if place(&run).await != 201 {
                return None;
            }
        }
        Some(())
    })
    .await;
    let orders = futures_util::future::join_all((0..40).map(|_| place(&run))).await;
    assert_eq!(orders.iter().filter(|status| **status != 201).count(), 0, "{orders:?}");
}

#[tokio::test]
async fn a_disk_that_fills_is_told_when_it_begins_and_when_it_is_over() {
    let home = tempfile::tempdir().expect("a home");
    let said = home.path().join("said");
    let (mut up, run) = start(home.path()).await;
    let order = || place(&run);
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
