//! Nothing is left behind: neither by Ctrl-C nor by SIGKILL of the parent. A second start works; a second one beside
//! the first is told so.

use std::process::Stdio;

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, mknodat, open},
    process::Signal,
};

use crate::harness::{Setup, Stack, alive, command, eventually, json, run, said, signal, stderr, working_in};

#[tokio::test]
async fn ctrl_c_stops_every_process_and_removes_the_run_file() {
    let stack = Setup::default().arg("--json").start().await;
    let pids = stack.pids();
    assert_eq!(pids.len(), 6, "{pids:?}");
    let stopped = stack.interrupt().await;
    assert!(stopped.status.success(), "{}", stopped.status);
    for (name, pid) in pids {
        assert!(!alive(pid), "{name} is still there");
    }
    assert!(!stopped.home.path().join("run.json").exists());
    let summary: serde_json::Value =
        serde_json::from_str(stopped.out.lines().last().unwrap_or_default()).expect("JSON last");
    for key in
        ["ready_ms", "first_trace_ms", "requests", "failed", "spans", "log_lines", "series", "rss_mb", "urls"]
    {
        assert!(summary.get(key).is_some(), "{key} in {summary}");
    }
    assert!(summary["rss_mb"]["total"].as_f64() > Some(1.0), "{summary}");
}

#[tokio::test]
async fn children_end_when_their_parent_is_killed() {
    let stack = Stack::quiet().await;
    let pids = stack.pids();
    signal(stack.up_pid(), Signal::KILL);
    for (name, pid) in pids {
        eventually(&format!("{name} ends"), || async move { (!alive(pid)).then_some(()) }).await;
    }
    let output = stack.run(&["query", "up"]).await;
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("nothing is up"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_part_that_hangs_is_named_and_a_second_ctrl_c_ends_it_at_once() {
    let mut stack = Stack::quiet().await;
    let (up, pids) = (stack.up_pid(), stack.pids());
    let mut said = stack.errors();
    signal(pids["backend"], Signal::STOP);
    signal(up, Signal::INT);
    // The services wait for a backend that takes nothing, and in the end the backend itself is waited for.
    let mut told = Vec::new();
    while !told.last().is_some_and(|line: &String| line.starts_with("Waiting for ")) {
        told.push(said.next_line().await.expect("readable").expect("up goes on"));
    }
    assert!(told[0].starts_with("Stopping."), "{told:?}");
    signal(up, Signal::INT);
    let stopped = stack.ended().await;
    assert_eq!(stopped.status.code(), Some(1), "{}", stopped.status);
    while let Some(line) = said.next_line().await.expect("readable") {
        told.push(line);
    }
    assert!(told.last().is_some_and(|line| line.contains("killed")), "{told:?}");
    assert!(
        !told.iter().any(|line| line.starts_with("Waiting for backend")),
        "it was not waited for: {told:?}"
    );
    assert!(!stopped.home.path().join("run.json").exists());
    assert_eq!(working_in(stopped.home.path()), Vec::<u32>::new());
}

#[tokio::test]
async fn a_start_that_is_interrupted_is_said_and_is_no_success() {
    let home = tempfile::tempdir().expect("a home");
    // The backend reads what it has before it is ready: a pipe into which nothing is written keeps it at that.
    let samples = home.path().join("data/telemetry/samples");
    std::fs::create_dir_all(&samples).expect("a folder");
    let pipe = samples.join("recent-0000000001.log");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let mut up = command(home.path());
    up.args(["up", "--ports", "auto", "--no-load", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let up = up.spawn().expect("it starts");
    let pid = up.id().expect("it runs");
    // It can be opened like this as soon as somebody reads from it.
    let _held = eventually("the backend reads", || async {
        open(&pipe, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()).ok()
    })
    .await;
    assert!(!home.path().join("run.json").exists(), "it is still starting");
    signal(pid, Signal::INT);
    let output = up.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(stderr(&output).contains("asked to stop before everything was ready"), "{}", said(&output));
    assert_eq!(working_in(home.path()), Vec::<u32>::new());
}

/// As a service manager ends a unit: everything that runs in it is asked at the same time.
#[tokio::test]
async fn asked_to_end_with_all_its_children_it_starts_none_of_them_again() {
    let stack = Stack::quiet().await;
    let (up, pids) = (stack.up_pid(), stack.pids());
    for pid in std::iter::once(up).chain(pids.into_values()) {
        signal(pid, Signal::TERM);
    }
    let stopped = stack.ended().await;
    assert!(stopped.status.success(), "{}", stopped.status);
    assert!(!stopped.err.contains("runs again"), "{}", stopped.err);
    assert_eq!(working_in(stopped.home.path()), Vec::<u32>::new());
}

#[tokio::test]
async fn a_stack_starts_again_in_its_home_with_what_it_had() {
    let stack = Stack::quiet().await;
    let body = serde_json::json!({"user_id": 1, "product_id": 101, "quantity": 1});
    let placed: serde_json::Value = stack.order(&body, "first-life").await.json().await.expect("an order");
    let stopped = stack.interrupt().await;
    assert!(stopped.status.success());

    let stack = Setup::default().arg("--no-load").home(stopped.home).start().await;
    let url = format!("{}/orders/{}", stack.url("order-service"), placed["id"]);
    let found: serde_json::Value =
        stack.http.get(url).send().await.expect("an answer").json().await.expect("an order");
    assert_eq!(found["id"], placed["id"]);
    let output = stack.run(&["trace", "--correlation", "first-life"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
}

#[tokio::test]
async fn a_second_up_in_the_same_home_is_told_so_and_leaves_the_first_alone() {
    let stack = Stack::quiet().await;
    let output = stack.run(&["up", "--ports", "auto", "--for", "1s"]).await;
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("already running"), "{}", stderr(&output));
    let health =
        stack.http.get(format!("{}/health", stack.url("order-service"))).send().await.expect("an answer");
    assert!(health.status().is_success());
    assert!(stack.run(&["query", "up"]).await.status.success());
}

#[tokio::test]
async fn up_ends_by_itself_after_the_given_time() {
    let home = tempfile::tempdir().expect("a home");
    let output = run(home.path(), &["up", "--ports", "auto", "--for", "3s", "--rps", "20", "--json"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let summary = json(&output);
    assert!(summary["requests"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["failed"], 0, "{summary}");
    assert!(summary["spans"].as_u64() > Some(0), "{summary}");
    assert!(summary["first_trace_ms"].is_u64(), "{summary}");
}
