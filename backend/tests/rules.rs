//! Rules on a running backend: files that change, alerts that receivers hear of, and what a restart keeps.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use backend::RuleFiles;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::harness::{TestBackend, now_ns, until};
use crate::remote::{series, write};

fn now_ms() -> i64 {
    (now_ns() / 1_000_000) as i64
}

fn rule_file(folder: &Path, rules: &str) -> PathBuf {
    let file = folder.join("rules.yaml");
    // In place of the old one, whole: a reader sees the one or the other.
    let new = folder.join("rules.yaml.new");
    std::fs::write(&new, format!("groups: [{{name: g, interval: 200ms, rules: [{rules}]}}]"))
        .expect("written");
    std::fs::rename(&new, &file).expect("renamed");
    file
}

async fn with_rules(folder: &TempDir, rules: &str) -> TestBackend {
    let file = rule_file(folder.path(), rules);
    TestBackend::with(|config| config.rules = RuleFiles::read(vec![file]).expect("good rules")).await
}

/// What an instant query answers.
async fn ask(backend: &TestBackend, query: &str) -> Vec<Value> {
    let answer = backend.json(&backend.prometheus, "/api/v1/query", &[("query", query)]).await;
    answer["data"]["result"].as_array().cloned().unwrap_or_default()
}

async fn rules(backend: &TestBackend) -> Vec<Value> {
    let answer = backend.json(&backend.prometheus, "/api/v1/rules", &[]).await;
    answer["data"]["groups"][0]["rules"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_file_that_changes_is_read_again_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = with_rules(&folder, "{record: a, expr: vector(1)}, {record: b, expr: vector(2)}").await;
    until("both are recorded", || async { ask(&backend, "a + on () b").await.len() == 1 }).await;

    rule_file(folder.path(), "{record: a, expr: vector(1)}, {record: c, expr: vector(3)}");
    until("the new one is recorded and the old one has ended", || async {
        ask(&backend, "c").await.len() == 1 && ask(&backend, "b").await.is_empty()
    })
    .await;
    let gaps = ask(&backend, "a").await;
    assert_eq!(gaps.len(), 1, "what stays goes on");

    rule_file(folder.path(), "{record: d, expr: 'sum('}");
    let answer = backend.post(format!("{}/-/reload", backend.prometheus), "text/plain", "").await;
    assert_eq!(answer.status(), 500);
    let said = answer.text().await.expect("text");
    assert!(said.contains("rules.yaml:1: ") && said.contains("could not parse expression"), "{said}");
    assert_eq!(backend.metric("prometheus_config_last_reload_successful").await, 0.0);
    assert_eq!(rules(&backend).await.len(), 2);

    rule_file(folder.path(), "{record: d, expr: vector(4)}");
    let answer = backend.post(format!("{}/-/reload", backend.prometheus), "text/plain", "").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(backend.metric("prometheus_config_last_reload_successful").await, 1.0);
    assert_eq!(rules(&backend).await.len(), 1);
    backend.stop().await;
}

#[tokio::test]
async fn what_fails_is_told_of_the_rule_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules_text =
        "{record: good, expr: vector(1)}, {record: bad, expr: 'good / on () given', labels: {a: b}}";
    let backend = with_rules(&folder, rules_text).await;
    let two = ["1", "2"].map(|i| series(&[("__name__", "given"), ("i", i)], &[(now_ms(), 1.0)]));
    write(&backend.client, &backend.prometheus, two.into()).await;
    until("it fails", || async { rules(&backend).await.iter().any(|rule| rule["health"] == "err") }).await;
    let found = rules(&backend).await;
    assert_eq!((&found[0]["health"], &found[1]["health"]), (&json!("ok"), &json!("err")));
    assert!(
        found[1]["lastError"].as_str().is_some_and(|e| e.contains("found duplicate series")),
        "{found:?}"
    );
    let page = backend.get(&backend.prometheus, "/metrics").await.text().await.expect("text");
    let line =
        page.lines().find(|l| l.starts_with("prometheus_rule_evaluation_failures_total{")).expect("a count");
    assert!(line.contains("rules.yaml;g") && !line.ends_with(" 0"), "{line}");
    backend.stop().await;
}

/// An Alertmanager that remembers what it is told, and answers as it is set to.
#[derive(Clone, Default)]
struct Receiver {
    told: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    async fn start() -> (Self, String) {
        let receiver = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let take = |State(receiver): State<Self>, body: axum::Json<Vec<Value>>| async move {
            receiver.told.lock().expect("no panic").extend(body.0);
        };
        let router = Router::new().route("/api/v2/alerts", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    fn told(&self) -> Vec<Value> {
        self.told.lock().expect("no panic").clone()
    }
}

#[tokio::test]
async fn receivers_hear_of_an_alert_and_of_its_end_although_another_does_not_answer() {
    let (receiver, url) = Receiver::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = rule_file(
        folder.path(),
        "{alert: High, expr: given > 1, labels: {severity: page}, annotations: {summary: '{{ $labels.i }}'}}",
    );
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        format!("http://{}", listener.local_addr().expect("bound"))
    };
    let managers = vec![nobody.clone(), url.clone()];
    let backend = TestBackend::with(|config| {
        config.rules = RuleFiles::read(vec![file]).expect("good rules");
        config.alertmanagers = managers;
        config.external_labels =
            [("cluster", "one"), ("severity", "none")].map(|(n, v)| (n.into(), v.into())).into();
    })
    .await;
    let known = backend.json(&backend.prometheus, "/api/v1/alertmanagers", &[]).await;
    assert_eq!(known["data"]["activeAlertmanagers"][1]["url"], format!("{url}/api/v2/alerts"));

    let given = |v: f64| vec![series(&[("__name__", "given"), ("i", "1")], &[(now_ms(), v)])];
    write(&backend.client, &backend.prometheus, given(2.0)).await;
    until("it is told", || async { !receiver.told().is_empty() }).await;
    let told = receiver.told()[0].clone();
    assert_eq!(told["labels"], json!({"alertname": "High", "i": "1", "severity": "page", "cluster": "one"}));
    assert_eq!(told["annotations"], json!({"summary": "1"}));
    let time = |field: &Value| field.as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
    let lasts = time(&told["endsAt"]).duration_since(time(&told["startsAt"]));
    assert_eq!(lasts.as_secs(), 240, "four times the minute after which it is told again: {told}");
    let link = told["generatorURL"].as_str().expect("a link");
    assert!(
        link.starts_with(&backend.prometheus) && link.ends_with("/graph?g0.expr=given+%3E+1&g0.tab=1"),
        "{link}"
    );

    write(&backend.client, &backend.prometheus, given(0.0)).await;
    until("its end is told", || async { receiver.told().len() > 1 }).await;
    let over = receiver.told().pop().expect("told");
    assert!(time(&over["endsAt"]) <= jiff::Timestamp::now(), "{over}");
    assert_eq!(over["startsAt"], told["startsAt"]);
    let count = |name: &str, url: &str| {
        let line = format!("prometheus_notifications_{name}{{alertmanager=\"{url}/api/v2/alerts\"}}");
        let backend = &backend;
        async move { backend.metric(&line).await }
    };
    until("what nobody takes is counted", || async { count("dropped_total", &nobody).await >= 2.0 }).await;
    assert!(count("sent_total", &url).await >= 2.0);
    backend.stop().await;
}

#[tokio::test]
async fn since_when_an_alert_is_active_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = rule_file(folder.path(), "{alert: Held, expr: given, for: 1h, labels: {team: t}}");
    // What one that ran until a minute ago has written down: the alert was active for 29 minutes.
    let minute = 60_000;
    let (last, began) = (now_ms() - minute, now_ms() - 30 * minute);
    let labels = [("__name__", "ALERTS_FOR_STATE"), ("alertname", "Held"), ("team", "t")];
    let before = series(&labels, &[(last, (began / 1000) as f64)]);
    let backend = TestBackend::start().await;
    let given = series(&[("__name__", "given")], &[(now_ms(), 2.0)]);
    write(&backend.client, &backend.prometheus, vec![before, given]).await;
    let dir = backend.stop().await;

    let backend =
        TestBackend::on(dir, |config| config.rules = RuleFiles::read(vec![file]).expect("good rules")).await;
    until("it is taken over", || async {
        let alerts = backend.json(&backend.prometheus, "/api/v1/alerts", &[]).await;
        let since =
            alerts["data"]["alerts"][0]["activeAt"].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok());
        // The time away does not count: it is as if the alert were active for 29 minutes.
        since.is_some_and(|at| now_ms() - at.as_millisecond() > 28 * minute)
    })
    .await;
    until("it is written down again", || async {
        let found = ask(&backend, "time() - ALERTS_FOR_STATE{team=\"t\"} < 29.9 * 60").await;
        found.len() == 1 && ask(&backend, "ALERTS{alertstate=\"pending\",team=\"t\"}").await.len() == 1
    })
    .await;
    backend.stop().await;
}
