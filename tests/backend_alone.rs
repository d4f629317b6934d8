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

    let alone = run_file.urls.clone();
    assert_eq!(
        alone.get("console"),
        Some(&None),
        "what is not there is null, as in the file of a whole stack"
    );
    assert!(alone.get("alertmanager").is_some_and(Option::is_some), "{alone:?}");

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
async fn a_list_of_targets_that_makes_no_sense_is_refused_with_its_line() {
    let home = tempfile::tempdir().expect("a home");
    let made = home.path().join("made");
    let file = home.path().join("targets.json");
    let path = file.display().to_string();
    let args = ["backend", "--ports", "auto", "--scrape", &path];
    let output = run(&made, &args).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(stderr(&output).contains(&format!("{path}: there is no such file")), "{}", said(&output));
    for (text, place, what) in [
        ("", ":1: ", "EOF"),
        ("[\n{\"targets\": [\"127.0.0.1:1\"]},\n{\"targets\" 7}]", ":3: ", "expected `:`"),
        ("[{\"targets\":\n[\"http://127.0.0.1:1/metrics\"]}]", ":2: ", "is not host:port"),
    ] {
        std::fs::write(&file, text).expect("written");
        let output = run(&made, &args).await;
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let error = stderr(&output);
        assert!(error.contains(&format!("{path}{place}")) && error.contains(what), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert!(!made.exists(), "a start that was refused makes no home");
}

#[tokio::test]
async fn what_to_do_with_alerts_is_refused_with_its_line_where_it_is_wrong() {
    let home = tempfile::tempdir().expect("a home");
    let made = home.path().join("made");
    let file = home.path().join("alertmanager.yaml");
    let path = file.display().to_string();
    for (text, place, what) in [
        (
            "route: {receiver: a}\nreceivers:\n  - {name: a, slack_configs: []}\n",
            ":3: receivers[0].slack_configs: ",
            "known",
        ),
        ("route:\n  receiver: b\nreceivers: [{name: a}]\n", ":2: route.receiver: ", "no receiver"),
        ("route: [\n", ":", "not YAML"),
    ] {
        std::fs::write(&file, text).expect("written");
        let output = run(&made, &["backend", "--ports", "auto", "--alertmanager-file", &path]).await;
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let error = stderr(&output);
        assert!(error.contains(&format!("{path}{place}")) && error.contains(what), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert!(!made.exists(), "a start that was refused makes no home");
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
