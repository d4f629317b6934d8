//! Alerting rules on a running stack: loaded, evaluated, told of by the API, and known again after a restart.

use std::process::Stdio;

use firedrill::{home::Home, run_file::RunFile};
use serde_json::Value;

use crate::harness::{Setup, checkout, command, eventually, run, said, signal, stderr};

async fn get(url: &str, path: &str) -> Value {
    let answer = reqwest::get(format!("{url}{path}")).await.expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn the_embedded_stack_evaluates_the_rules_of_the_real_one() {
    // Twelve times as fast: whoever evaluates once a minute has not done so for a minute.
    let stack = Setup::default().arg("--no-load").arg("--speed").arg("12").start().await;
    let url = stack.url("prometheus").to_owned();
    let rules = eventually("all rules are evaluated", || async {
        let rules = get(&url, "/api/v1/rules").await;
        let groups = rules["data"]["groups"].as_array().cloned().unwrap_or_default();
        assert!(groups.iter().all(|group| group["interval"].as_f64() == Some(5.0)), "{groups:?}");
        let rules: Vec<Value> =
            groups.iter().filter_map(|group| group["rules"].as_array()).flatten().cloned().collect();
        (!rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok")).then_some(rules)
    })
    .await;
    let called = |name: &str| rules.iter().filter(|rule| rule["name"] == name).count();
    let slos = slo::files::specs(Some(&checkout().join("slo"))).expect("good specs");
    assert_eq!(called("slo:objective:ratio"), slos.len());
    for slo in &slos {
        assert_eq!(called(&slo.alert), 4, "{}", slo.name);
    }
    // Nothing is wrong with a stack that has only just started; that all scrapes are in time is for another machine.
    let fires = "ALERTS{alertstate=\"firing\",alertname!=\"ScrapesFail\"}";
    let output = stack.run(&["query", fires, "--json"]).await;
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["data"]["result"], serde_json::json!([]), "{}", stderr(&output));
}

#[tokio::test]
async fn an_alert_of_ones_own_rules_fires_and_a_restart_knows_it() {
    let home = tempfile::tempdir().expect("a home");
    let file = home.path().join("rules.yaml");
    let rules = "groups: [{name: own, rules: [{alert: Always, expr: vector(7), labels: {severity: page}, annotations: {summary: 'it is {{ $value }}'}}, {alert: Held, expr: vector(1), for: 1h}]}]";
    std::fs::write(&file, rules).expect("written");
    let args = ["backend", "--ports", "auto", "--rules", file.to_str().expect("UTF-8")];
    let mut since: Option<String> = None;
    for _ in 0..2 {
        let mut backend = command(home.path());
        backend.args(args).stdout(Stdio::null()).stderr(Stdio::null());
        let mut backend = backend.spawn().expect("it starts");
        let pid = backend.id().expect("it runs");
        let run_file = eventually("run.json", || async {
            RunFile::find(&Home::new(Some(home.path().to_path_buf()))).ok()
        })
        .await;
        let url = run_file.url("prometheus").expect("an address").to_owned();
        let alert = eventually("it fires", || async {
            let alerts = get(&url, "/api/v1/alerts").await;
            let alerts = alerts["data"]["alerts"].as_array().cloned().unwrap_or_default();
            alerts.into_iter().find(|a| a["state"] == "firing")
        })
        .await;
        assert_eq!(
            (alert["labels"]["alertname"].as_str(), alert["annotations"]["summary"].as_str()),
            (Some("Always"), Some("it is 7"))
        );
        // Since when the other one is pending is written down, and what was before a restart is known after it.
        let first = "min_over_time(ALERTS_FOR_STATE{alertname=\"Held\"}[1h])";
        let began = eventually("since when", || async {
            let output = run(home.path(), &["query", first, "--json"]).await;
            let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
            answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
        })
        .await;
        assert_eq!(since.get_or_insert_with(|| began.clone()), &began);
        signal(pid, rustix::process::Signal::INT);
        assert!(backend.wait().await.expect("it ends").success());
    }
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused_with_their_line() {
    let home = tempfile::tempdir().expect("a home");
    let file = home.path().join("rules.yaml");
    std::fs::write(&file, "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'sum('}\n").expect("written");
    let path = file.display().to_string();
    let output = run(&home.path().join("made"), &["backend", "--ports", "auto", "--rules", &path]).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(stderr(&output).contains(&format!("--rules {path}:4: ")), "{}", stderr(&output));
}
