//! Loki's own program, `logcli`, pointed at both: it prints the same.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::Both;
use super::lines::push;
use crate::differential::programs;
use crate::harness::{TestBackend, now_ns, until};

/// `logcli` against an address, with the environment's own settings out of the way.
fn logcli(program: &Path, addr: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().arg(format!("--addr={addr}")).args(["--quiet", "--timezone=UTC"]).kill_on_drop(true);
    command
}

fn rfc3339(seconds: u64) -> String {
    jiff::Timestamp::from_second(i64::try_from(seconds).expect("a time")).expect("a time").to_string()
}

async fn printed(program: &Path, addr: &str, args: &[String]) -> (bool, Vec<String>) {
    let asked = logcli(program, addr).args(args).output();
    let output =
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("in time").expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // Streams and series have no order.
    lines.sort();
    (output.status.success(), lines)
}

#[tokio::test]
async fn logcli_prints_the_same_of_both() {
    let Some(program) = programs::find("logcli") else { return };
    let Some(both) = Both::start().await else { return };
    let (from, to) = (rfc3339(both.start_s - 60), rfc3339(both.start_s + 660));
    let span = [format!("--from={from}"), format!("--to={to}")];
    let (from, to) = (span[0].as_str(), span[1].as_str());
    let at = format!("--now={}", rfc3339(both.start_s + 600));
    let mut differences = Vec::new();
    for args in [
        vec!["query", r#"{app="worker"} | logfmt | queue="q1""#, from, to, "--limit=500"],
        vec!["query", r#"{app="api"} | json | status>=500"#, from, to, "--limit=20", "--output=jsonl"],
        vec!["query", r#"{app=~".+"}"#, from, to, "--limit=200", "--batch=50", "--output=raw", "--forward"],
        vec!["query", r#"sum by (app) (rate({app=~".+"}[1m]))"#, from, to, "--step=60s"],
        vec!["query", r#"{app="api"} | json |"#, from, to],
        vec!["instant-query", r#"sum by (app) (count_over_time({app=~".+"}[10m]))"#, &at],
        vec!["labels", from, to],
        vec!["labels", "app", from, to],
        vec!["series", r#"{env="prod"}"#, from, to],
        vec!["series", r#"{env="prod"}"#, from, to, "--analyze-labels"],
    ] {
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let real = printed(&program, &both.loki.url, &args).await;
        let ours = printed(&program, &both.backend.loki, &args).await;
        if real != ours {
            differences.push(format!("{args:?}\n  Loki: {real:?}\n  ours: {ours:?}"));
        }
    }
    assert!(differences.is_empty(), "{} answers differ:\n{}", differences.len(), differences.join("\n"));
    both.backend.stop().await;
}

#[tokio::test]
async fn logcli_follows_what_comes_in() {
    let Some(program) = programs::find("logcli") else { return };
    let backend = TestBackend::start().await;
    follow(&program, &backend, &backend.loki).await;
    backend.stop().await;
}

async fn follow(program: &Path, backend: &TestBackend, addr: &str) {
    let send = async |line: &str, app: &str| {
        let body = json!({"streams": [{"stream": {"app": app}, "values": [[now_ns().to_string(), line]]}]});
        let url = format!("{addr}/loki/api/v1/push");
        assert_eq!(backend.post(url, "application/json", body.to_string()).await.status(), 204);
    };
    // What is older than the hour that is looked back is not shown.
    let old = push(now_ns() / 1_000_000_000 - 7200).to_string();
    let url = format!("{addr}/loki/api/v1/push");
    assert_eq!(backend.post(url, "application/json", old).await.status(), 204);
    send("before GET", "tail").await;
    until("the first line is readable", || async {
        let query = [("query", r#"{app="tail"}"#)];
        let found = backend.json(addr, "/loki/api/v1/query_range", &query).await;
        found["data"]["result"].as_array().is_some_and(|streams| !streams.is_empty())
    })
    .await;
    let mut child = logcli(program, addr)
        .args(["query", r#"{app=~"tail|api"} |= "GET""#, "--tail", "--output=raw"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = async || {
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await.expect("in time");
        line.expect("readable").expect("a line").trim().to_owned()
    };
    assert_eq!(next().await, "before GET");
    for i in 0..3 {
        send("POST is not asked for", "tail").await;
        send("GET of another", "other").await;
        send(&format!("{i} GET"), "tail").await;
        assert_eq!(next().await, format!("{i} GET"));
    }
    child.kill().await.expect("it ends");
}
