//! The built-in Alertmanager over real sockets: what is told, what is remembered, what is refused.

use std::path::Path;
use std::sync::{Arc, Mutex};

use backend::{Config, Screen};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::TestBackend;
use crate::hook::Hook;

/// Everything to the hook, at once; what is for nobody else to the screen.
fn configuration(hook: &Hook) -> String {
    format!(
        "
route:
  receiver: screen
  group_by: [service]
  group_wait: 0s
  group_interval: 100ms
  routes: [{{matchers: [to=hook], receiver: hook}}]
receivers:
  - name: screen
  - {{name: hook, webhook_configs: [{{url: '{}/hook'}}]}}
",
        hook.url
    )
}

/// A change of the configuration: this file, and lines that go here.
fn with(file: &Path, lines: &Arc<Mutex<Vec<String>>>) -> impl FnOnce(&mut Config) {
    let (file, lines) = (file.to_owned(), Arc::clone(lines));
    move |config| {
        config.alertmanager_file = Some(file);
        config.screen = Screen::new(move |line| lines.lock().expect("no panic").push(line.to_owned()));
    }
}

async fn send(backend: &TestBackend, path: &str, body: &Value) -> (StatusCode, String) {
    let answer =
        backend.post(format!("{}{path}", backend.alertmanager), "application/json", body.to_string()).await;
    (answer.status(), answer.text().await.expect("a body"))
}

async fn fire(backend: &TestBackend, alerts: Value) {
    let (status, text) = send(backend, "/api/v2/alerts", &alerts).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, ""));
}

fn silence(name: &str) -> Value {
    let at = |s: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(s)).to_string();
    json!({
        "matchers": [{"name": "alertname", "value": name, "isRegex": false}],
        "startsAt": at(0), "endsAt": at(3600), "createdBy": "me", "comment": "why",
    })
}

#[tokio::test]
async fn an_alert_reaches_its_receiver_and_a_restart_neither_repeats_it_nor_forgets_a_silence() {
    let hook = Hook::listen().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alertmanager.yaml");
    std::fs::write(&file, configuration(&hook)).expect("written");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let alert = |name: &str, to: &str| json!([{"labels": {"alertname": name, "to": to, "severity": "page"}, "annotations": {"summary": "It is wrong."}}]);

    let backend = TestBackend::with(with(&file, &lines)).await;
    let (status, text) = send(&backend, "/api/v2/silences", &silence("Silenced")).await;
    assert_eq!(status, 200, "{text}");
    fire(&backend, alert("Silenced", "hook")).await;
    fire(&backend, alert("A", "hook")).await;
    fire(&backend, alert("B", "screen")).await;
    backend.until("the hook is told", || async { !hook.told().is_empty() }).await;
    backend.until("the screen is told", || async { !lines.lock().expect("no panic").is_empty() }).await;
    let told = hook.told();
    assert_eq!(told[0].1["alerts"][0]["labels"]["alertname"], "A");
    assert_eq!(told[0].1["externalURL"], backend.alertmanager.as_str());
    assert_eq!(*lines.lock().expect("no panic"), ["Alert firing [page] B: It is wrong."]);
    let dir = backend.stop().await;

    let backend = TestBackend::on(dir, with(&file, &lines)).await;
    fire(&backend, alert("A", "hook")).await;
    fire(&backend, alert("Silenced", "hook")).await;
    // In the same group, so that it is told with the others or after them.
    fire(&backend, alert("C", "hook")).await;
    let last = || async {
        let told = hook.told();
        let names = |m: &Value| -> Vec<Value> {
            m["alerts"].as_array().into_iter().flatten().map(|a| a["labels"]["alertname"].clone()).collect()
        };
        told.iter().map(|(_, message)| names(message)).collect::<Vec<_>>()
    };
    backend
        .until("C is told", || async { last().await.iter().any(|names| names.contains(&json!("C"))) })
        .await;
    let told = last().await;
    assert_eq!(told.iter().filter(|names| **names == [json!("A")]).count(), 1, "{told:?}");
    assert!(!told.concat().contains(&json!("Silenced")), "{told:?}");
    let silences = backend.json(&backend.alertmanager, "/api/v2/silences", &[]).await;
    assert_eq!(silences[0]["comment"], "why");
    backend.stop().await;
}

#[tokio::test]
async fn another_configuration_is_read_when_asked_and_a_wrong_one_changes_nothing() {
    let hook = Hook::listen().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alertmanager.yaml");
    std::fs::write(&file, configuration(&hook)).expect("written");
    let backend = TestBackend::with(with(&file, &Arc::default())).await;
    let receivers = || async { backend.json(&backend.alertmanager, "/api/v2/receivers", &[]).await };
    let reload = || async {
        let answer = backend.client.post(format!("{}/-/reload", backend.alertmanager)).send().await;
        let answer = answer.expect("an answer");
        (answer.status(), answer.text().await.expect("a body"))
    };
    assert_eq!(receivers().await, json!([{"name": "screen"}, {"name": "hook"}]));

    std::fs::write(&file, "route: {receiver: a}\nreceivers: [{name: b}]\n").expect("written");
    let (status, told) = reload().await;
    assert_eq!(status, 500);
    assert!(told.contains(&format!("{}:1: route.receiver: ", file.display())), "{told}");
    assert_eq!(receivers().await.as_array().map(Vec::len), Some(2));

    std::fs::write(&file, "route: {receiver: b}\nreceivers: [{name: b}]\n").expect("written");
    assert_eq!(reload().await.0, 200);
    assert_eq!(receivers().await, json!([{"name": "b"}]));
    let status = backend.json(&backend.alertmanager, "/api/v2/status", &[]).await;
    assert_eq!(status["config"]["original"], "route: {receiver: b}\nreceivers: [{name: b}]\n");
}

#[tokio::test]
async fn a_page_of_another_site_can_change_nothing() {
    let backend = TestBackend::start().await;
    let url = format!("{}/api/v2/silences", backend.alertmanager);
    let from = |origin: &str| {
        let request =
            backend.client.post(&url).header("origin", origin).header("content-type", "application/json");
        request.body(silence("A").to_string()).send()
    };
    assert_eq!(from("https://example.com").await.expect("an answer").status(), 403);
    assert_eq!(from(&backend.alertmanager).await.expect("an answer").status(), 200);
    let silences = backend.json(&backend.alertmanager, "/api/v2/silences", &[]).await;
    assert_eq!(silences.as_array().map(Vec::len), Some(1));
    let read = backend.client.get(&url).header("origin", "https://example.com").send().await;
    assert_eq!(read.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_start_with_a_wrong_configuration_names_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alertmanager.yaml");
    std::fs::write(&file, "route:\n  receiver: a\n  group_wait: soon\nreceivers: [{name: a}]\n")
        .expect("written");
    let (listeners, _) = crate::harness::listeners().await;
    let config = Config {
        data_dir: folder.path().join("data"),
        alertmanager_file: Some(file.clone()),
        ..Config::default()
    };
    let error = backend::run(listeners, config, std::future::pending()).await.expect_err("wrong");
    let told = error.to_string();
    assert!(told.starts_with(&format!("{}:3: route.group_wait: ", file.display())), "{told}");
    assert!(error.is_environment());
    // What was opened before is closed: another one can have the folder.
    let (listeners, _) = crate::harness::listeners().await;
    let config = Config { data_dir: folder.path().join("data"), ..Config::default() };
    backend::run(listeners, config, std::future::ready(())).await.expect("an orderly end");
}
