//! Unit tests of rules in Prometheus' own format get the same verdict from `slo test --promtool-file` as from promtool.

use std::{fs, path::Path, process::Output};

use crate::harness::{checkout, command, json, native, said};

const RULES: &str = r"groups:
  - name: record
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
  - name: alerts
    limit: 5
    rules:
      - alert: Down
        expr: job:up:sum == 0
        for: 2m
        keep_firing_for: 1m
        labels: { severity: page, region: '{{ $externalLabels.region }}' }
        annotations:
          summary: '{{ $labels.job }} is down: {{ $value }} up, see {{ $externalURL }}'
      - alert: Always
        expr: vector(1)
";

const TESTS: &str = r#"rule_files: [rules.yaml]
evaluation_interval: 1m
group_eval_order: [record, alerts]
tests:
  - name: a job goes and comes back
    interval: 30s
    external_labels: { region: eu }
    external_url: http://here
    input_series:
      - series: 'up{job="a", instance="1"}'
        values: '1x4 0x10 1x10'
      - series: 'up{job="a",instance="2"}'
        values: '1x3 _ stale 0x9 1 1x9'
      - series: 'requests_total{job="a"}'
        values: '0+10x24'
    alert_rule_test:
      - { eval_time: 4m, alertname: Down }
      - eval_time: 5m30s
        alertname: Down
        exp_alerts:
          - exp_labels: { job: a, severity: page, region: eu }
            exp_annotations: { summary: 'a is down: 0 up, see http://here' }
      - eval_time: 8m
        alertname: Down
        exp_alerts:
          - exp_labels: { job: a, severity: page, region: eu }
            exp_annotations: { summary: 'a is down: 0 up, see http://here' }
      - { eval_time: 9m, alertname: Down }
      - { eval_time: 1m, alertname: Always, exp_alerts: [{}] }
    promql_expr_test:
      - expr: job:up:sum
        eval_time: 3m
        exp_samples: [{ labels: 'job:up:sum{job="a"}', value: 0 }]
      - { expr: requests_total, eval_time: 4m, exp_samples: [{ labels: '{__name__="requests_total", job="a"}', value: 80 }] }
      - { expr: 'count(ALERTS{alertstate="firing"})', eval_time: 5m, exp_samples: [{ value: 2 }] }
      - { expr: 'sum(ALERTS_FOR_STATE{alertname="Down"})', eval_time: 5m, exp_samples: [{ labels: '{}', value: 180 }] }
      - { expr: time(), eval_time: 90s, exp_samples: [{ labels: '', value: 90 }] }
      - { expr: nothing_at_all, eval_time: 90s }
"#;

/// What is changed in the tests, and whether they still pass.
const CHANGES: [(&str, &str, bool); 41] = [
    ("", "", true),
    // What is expected of alerts.
    ("severity: page, region: eu", "severity: ticket, region: eu", false),
    ("severity: page, region: eu", "severity: page", false),
    ("severity: page, region: eu", "severity: page, region: eu, other: ''", false),
    ("summary: 'a is down", "summary: 'b is down", false),
    ("            exp_annotations: { summary: 'a is down: 0 up, see http://here' }\n", "", false),
    ("eval_time: 5m30s", "eval_time: 4m59s", false),
    ("eval_time: 9m, alertname: Down", "eval_time: 8m59s999ms, alertname: Down", false),
    ("eval_time: 4m, alertname: Down", "eval_time: 4m, alertname: NoSuchAlert", true),
    ("exp_alerts: [{}]", "exp_alerts: [{}, {}]", false),
    ("exp_alerts: [{}]", "exp_alerts: []", false),
    ("exp_alerts: [{}]", "exp_alerts: [~]", true),
    ("alertname: Always, ", "", false),
    // What is expected of expressions.
    ("value: 80", "value: 80.00000000000001", false),
    ("value: 80", "value: 8e1", true),
    ("value: 80", "value: .nan", false),
    ("value: 80", "value: '80'", false),
    ("expr: requests_total", "expr: 'requests_total + 0.1 + 0.2 - 0.3'", false),
    ("expr: requests_total", "expr: 'requests_total['", false),
    ("expr: requests_total", "expr: 'requests_total[1m]'", false),
    ("expr: time()", "expr: '\"text\"'", false),
    ("labels: 'job:up:sum{job=\"a\"}'", "labels: 'job:up:sum { job = \"a\", }'", true),
    ("labels: 'job:up:sum{job=\"a\"}'", "labels: '{job=\"a\"}'", false),
    ("labels: 'job:up:sum{job=\"a\"}'", "labels: 'job:up:sum{job}'", false),
    (
        "{ expr: nothing_at_all, eval_time: 90s }",
        "{ expr: vector(NaN), exp_samples: [{ value: .nan }] }",
        false,
    ),
    // Samples.
    ("'0+10x24'", "'0 10 20 30 40 50 60 70 80'", true),
    ("'0+10x24'", "'0 _x7 8e1x3'", true),
    ("'0+10x24'", "'0+10x'", false),
    ("'0+10x24'", "'0x24 many'", false),
    ("'up{job=\"a\",instance=\"2\"}'", "'up{job=\"a\", instance=\"1\"}'", true),
    // The file.
    ("external_url: http://here", "external_url: http://there", false),
    ("external_labels: { region: eu }", "external_labels: { region: us }", false),
    ("interval: 30s", "interval: 1m", false),
    ("group_eval_order: [record, alerts]", "group_eval_order: [alerts, record]", false),
    ("group_eval_order: [record, alerts]", "group_eval_order: [record, record]", false),
    ("rule_files: [rules.yaml]", "rule_files: ['r*.yaml']", true),
    ("rule_files: [rules.yaml]", "rule_files: [none.yaml]", false),
    ("    external_url", "    start_timestamp: 1000\n    external_url", false),
    ("evaluation_interval: 1m\n", "", true),
    ("external_url", "external_uri", false),
    ("    interval: 30s\n", "    interval: 30s\n    interval: 30s\n", false),
];

/// What is changed in the rules, and whether the tests still pass.
const RULE_CHANGES: [(&str, &str, bool); 8] = [
    ("for: 2m", "for: 1m", false),
    ("for: 2m", "for: 2 minutes", false),
    ("keep_firing_for: 1m", "keep_firing_for: 2m", false),
    ("== 0", "> bool 0", false),
    ("expr: sum by (job) (up)", "expr: sum by (job) (up", false),
    ("expr: sum by (job) (up)", "expr: up\n        labels: { instance: one }", false),
    ("limit: 5", "limit: 5\n    interval: 7m", true),
    ("expr: vector(1)", "expr: vector(1)\n        unknown: true", false),
];

async fn ours(file: &Path, more: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a home");
    let file = file.to_str().expect("a path in UTF-8");
    let mut command = command(home.path());
    command.args(["slo", "test", "--promtool-file", file]).args(more);
    command.output().await.expect("the command runs")
}

/// Writes the file and its rules into a folder of its own, and asks both.
async fn both(promtool: &Path, rules: &str, tests: &str) -> (bool, bool, String) {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("rules.yaml"), rules).expect("written");
    let file = dir.path().join("t_test.yml");
    fs::write(&file, tests).expect("written");
    let theirs =
        native::run(promtool, &["test".to_owned(), "rules".into(), file.display().to_string()]).await;
    let ours = ours(&file, &[]).await;
    assert!(matches!(ours.status.code(), Some(0 | 1)), "{}", said(&ours));
    (theirs.status.success(), ours.status.success(), format!("{}\n{}", said(&theirs), said(&ours)))
}

#[tokio::test]
async fn files_that_pass_and_files_that_fail_in_each_way_get_the_verdict_of_promtool() {
    let Some(promtool) = native::program("promtool") else { return };
    let tests = CHANGES.iter().map(|(from, to, passes)| {
        assert!(TESTS.contains(from), "{from}");
        (*to, RULES.to_owned(), TESTS.replacen(from, to, 1), *passes)
    });
    let rules = RULE_CHANGES.iter().map(|(from, to, passes)| {
        assert!(RULES.contains(from), "{from}");
        (*to, RULES.replacen(from, to, 1), TESTS.to_owned(), *passes)
    });
    for (what, rules, tests, passes) in tests.chain(rules) {
        let (theirs, ours, said) = both(&promtool, &rules, &tests).await;
        assert_eq!((theirs, ours), (passes, passes), "promtool and ours with {what:?}: {said}");
    }
    // Nothing is expected, so nothing is missed.
    assert_eq!(both(&promtool, RULES, "").await.0, ours(Path::new("/dev/null"), &[]).await.status.success());
    // The last bit of a number, where a file lets it be.
    let fuzzy = |fuzzy: bool| {
        let near = TESTS.replacen("value: 80", "value: 80.00000000000001", 1);
        format!("fuzzy_compare: {fuzzy}\n{near}")
    };
    for (near, passes) in [(true, true), (false, false)] {
        let (theirs, ours, said) = both(&promtool, RULES, &fuzzy(near)).await;
        assert_eq!((theirs, ours), (passes, passes), "{said}");
    }
}

#[tokio::test]
async fn the_unit_tests_of_the_generated_rules_pass_here_too() {
    let file = checkout().join("slo/unit-tests/order-placement_test.yaml");
    let output = ours(&file, &["--json"]).await;
    let report = json(&output);
    assert!(output.status.success(), "{report}");
    assert!(report["tests"].as_u64().is_some_and(|tests| tests >= 3), "{report}");
    assert_eq!((&report["passed"], &report["failed"]), (&report["tests"], &serde_json::json!([])));
    if let Some(promtool) = native::program("promtool") {
        let args = ["test".to_owned(), "rules".into(), file.display().to_string()];
        assert!(native::run(&promtool, &args).await.status.success());
    }
}

#[tokio::test]
async fn what_was_expected_and_what_came_stand_below_each_other() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("rules.yaml"), RULES).expect("written");
    let (file, other) = (dir.path().join("wrong.yml"), dir.path().join("mistaken.yml"));
    fs::write(
        &file,
        TESTS.replacen("severity: page", "severity: ticket", 1).replacen("value: 80", "value: 81", 1),
    )
    .expect("written");
    fs::write(&other, TESTS.replacen("0+10x24", "0+10x", 1)).expect("written");
    let output = ours(&file, &["--promtool-file", other.to_str().expect("a path")]).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for words in [
        "wrong.yml:5: a job goes and comes back",
        "! Down at 5m30s (line 18)",
        r#"expected {job="a", region="eu", severity="ticket"} summary="a is down: 0 up, see http://here""#,
        r#"came     {job="a", region="eu", severity="page"} summary="a is down: 0 up, see http://here""#,
        r#"came     requests_total{job="a"} 80"#,
        "mistaken.yml:",
        "\"0+10x\" is no sample",
        "0 of 1 tests passed, in 2 files",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let nowhere = ours(&dir.path().join("nowhere.yml"), &[]).await;
    assert_eq!(nowhere.status.code(), Some(3), "{}", said(&nowhere));
    let both = ours(&file, &["--engine", "promtool"]).await;
    assert_eq!(both.status.code(), Some(2), "{}", said(&both));
}
