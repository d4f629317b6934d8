//! The backend without services, for any program that speaks OTLP.

use std::process::Stdio;

use firedrill::{home::Home, run_file::RunFile};
use serde_json::json;

use crate::harness::{alive, command, eventually, run, said, signal, stderr};

#[tokio::test]
async fn a_span_sent_by_anybody_is_read_back_by_the_commands() {
    let home = tempfile::tempdir().expect("a home");
    let mut backend = command(home.path());
    backend.args(["backend", "--ports", "auto"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut backend = backend.spawn().expect("it starts");
    let pid = backend.id().expect("it runs");
    let run_file =
        eventually("run.json", || async { RunFile::find(&Home::new(Some(home.path().to_path_buf()))).ok() })
            .await;

    let span = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "a-stranger"}}]},
        "scopeSpans": [{"spans": [{
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "a strange span", "kind": 2,
            "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000010000000",
        }]}],
    }]});
    let url = format!("{}/v1/traces", run_file.url("otlp_http").expect("an address"));
    let answer = reqwest::Client::new().post(url).json(&span).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    eventually("the span", || async {
        let output = run(home.path(), &["trace", "0af7651916cd43dd8448eb211c80319c"]).await;
        String::from_utf8_lossy(&output.stdout).contains("a strange span").then_some(())
    })
    .await;

    let output = run(home.path(), &["audit"]).await;
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    signal(pid, rustix::process::Signal::INT);
    assert!(backend.wait().await.expect("it ends").success());
    assert!(!alive(pid) && !home.path().join("run.json").exists());
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_told_before_anybody_is_told_to_send() {
    let home = tempfile::tempdir().expect("a home");
    std::fs::create_dir(home.path().join("data")).expect("made");
    std::fs::write(home.path().join("data/telemetry"), "in the way").expect("written");
    let output = run(home.path(), &["backend", "--ports", "auto"]).await;
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(stderr(&output).contains("data/telemetry"), "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "{}", said(&output));
    assert!(!home.path().join("run.json").exists());
}
