//! A real Prometheus and ours evaluate the same file of rules over the same samples, and tell the same of it.

use std::path::Path;

use backend::RuleFiles;
use serde_json::Value;

use crate::differential::prometheus::Prometheus;
use crate::harness::{TestBackend, now_ns, until};
use crate::remote::{series, write};

const RULES: &str = r#"
groups:
- name: recorded
  interval: 1s
  limit: 10
  labels: {team: t}
  rules:
  - {record: 'g:sum', expr: 'sum by (i)(given)'}
  - {record: 'g:twice', expr: 'g:sum*2', labels: {kind: twice}}
  - {record: 'g:empty', expr: 'nothing_at_all'}
  - {record: 'g:same', expr: 'given', labels: {i: same}}
- name: alerting
  interval: 1s
  rules:
  - alert: Firing
    expr: given > 1
    labels: {severity: page, value: '{{ $value }}'}
    annotations:
      summary: '{{ $labels.i }} is {{ $value | humanize }} at {{ $externalLabels.cluster }}'
      asked: '{{ with query "g:sum" }}{{ . | first | value }}{{ end }}'
  - {alert: Pending, expr: given, for: 1h, keep_firing_for: 5m}
  - {alert: Quiet, expr: 'given > 100', annotations: {a: b}}
- name: z
  interval: 30m
  rules:
  - {record: late, expr: 'time()'}
"#;

/// Asked of both, once all is evaluated.
const REQUESTS: &[&str] = &[
    "/api/v1/rules",
    "/api/v1/rules?type=alert",
    "/api/v1/rules?type=record",
    "/api/v1/rules?rule_name[]=Firing&rule_name[]=g:sum",
    "/api/v1/rules?rule_group[]=recorded",
    "/api/v1/rules?rule_group[]=none",
    "/api/v1/rules?file[]=none",
    "/api/v1/rules?exclude_alerts=true",
    "/api/v1/rules?exclude_alerts=true&type=alert&rule_name[]=Quiet",
    "/api/v1/rules?match[]={kind=\"twice\"}",
    "/api/v1/rules?match[]={team=\"t\"}&match[]={severity=~\"p.*\"}",
    "/api/v1/rules?match[]={team=\"t\",kind!=\"twice\"}",
    "/api/v1/rules?group_limit=1",
    "/api/v1/rules?group_limit=2&type=alert",
    "/api/v1/rules?group_limit=3",
    "/api/v1/rules?group_limit=1&group_next_token=none",
    "/api/v1/alerts",
    "/api/v1/alertmanagers",
    "/api/v1/query?query=sort(g:sum)",
    "/api/v1/query?query=g:twice",
    "/api/v1/query?query=ALERTS",
    "/api/v1/query?query=sum(g:same)",
];

/// Without what differs from one moment or process to the next.
fn plain(mut answer: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for name in ["evaluationTime", "lastEvaluation", "activeAt", "groupNextToken"] {
                    if let Some(field) = fields.get_mut(name) {
                        let zero = field.as_str().is_some_and(|text| text.starts_with("0001-"));
                        *field = Value::from(if zero { "never" } else { "differs" });
                    }
                }
                // A vector's time.
                if let Some(Value::Array(pair)) = fields.get_mut("value") {
                    pair[0] = Value::Null;
                }
                fields.values_mut().for_each(walk);
            }
            Value::Array(items) => {
                items.iter_mut().for_each(walk);
                // Alerts, and the rows of a vector, have no order in Prometheus.
                if items.iter().all(|i| i.get("activeAt").is_some() || i.get("metric").is_some()) {
                    items.sort_by_key(Value::to_string);
                }
            }
            _ => {}
        }
    }
    walk(&mut answer);
    answer
}

#[tokio::test]
async fn rules_are_evaluated_and_told_of_like_in_prometheus() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yaml");
    std::fs::write(&file, RULES).expect("written");
    let backend = TestBackend::with(|config| {
        config.rules = RuleFiles::read(vec![file.clone()]).expect("good rules");
        config.external_labels = [("cluster".to_owned(), "one".to_owned())].into();
    })
    .await;
    let client = &backend.client;
    let Some(prometheus) = Prometheus::with_config(client, &config(&file)).await else { return };
    let both = [prometheus.url.as_str(), backend.prometheus.as_str()];
    let now = (now_ns() / 1_000_000) as i64;
    let given = vec![
        series(&[("__name__", "given"), ("i", "1")], &[(now, 1.5)]),
        series(&[("__name__", "given"), ("i", "2")], &[(now, 0.5)]),
    ];
    for base in both {
        write(client, base, given.clone()).await;
    }
    for base in both {
        // The first evaluations come before what they are to find; and what waits for a restart's alerts waits for the second.
        until("all rules are evaluated", || async {
            let ask = |query: &'static str| async move {
                let url = format!("{base}/api/v1/query");
                let answer = client.get(url).query(&[("query", query)]).send().await.expect("an answer");
                let answer: Value = answer.json().await.expect("JSON");
                answer["data"]["result"].as_array().map_or(0, Vec::len)
            };
            let rules: Value = client
                .get(format!("{base}/api/v1/rules"))
                .send()
                .await
                .expect("an answer")
                .json()
                .await
                .expect("JSON");
            let fails = rules.to_string().contains("same labelset");
            ask("g:twice").await == 2 && ask("ALERTS").await == 3 && fails
        })
        .await;
    }
    let mut differ = Vec::new();
    for request in REQUESTS {
        let mut answers = Vec::new();
        for base in both {
            let answer = client.get(format!("{base}{request}")).send().await.expect("an answer");
            let status = answer.status();
            let body: Value = answer.json().await.expect("JSON");
            answers.push((status, plain(body)));
        }
        if answers[0] != answers[1] {
            differ.push(format!(
                "{request}\n    {} {}\n    {} {}",
                answers[0].0, answers[0].1, answers[1].0, answers[1].1
            ));
        }
    }
    assert!(differ.is_empty(), "{} answers differ:\n{}", differ.len(), differ.join("\n"));
    names_of_metrics(client, both).await;
    backend.stop().await;
}

fn config(rules: &Path) -> String {
    format!(
        "global: {{evaluation_interval: 1s, external_labels: {{cluster: one}}}}\nrule_files: [{}]\n",
        serde_json::to_string(&rules.display().to_string()).expect("JSON")
    )
}

/// What is counted of groups has Prometheus' names and labels.
async fn names_of_metrics(client: &reqwest::Client, both: [&str; 2]) {
    let mut pages = Vec::new();
    for base in both {
        let text = client.get(format!("{base}/metrics")).send().await.expect("an answer");
        pages.push(text.text().await.expect("text"));
    }
    let of_groups = |page: &str| -> Vec<String> {
        let lines =
            page.lines().filter(|line| line.starts_with("prometheus_rule_") && line.contains("rule_group="));
        // Theirs is there only once it has happened.
        let lines = lines.filter(|line| !line.contains("last_restore_duration"));
        lines.filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name.to_owned()).collect()
    };
    let (mut theirs, mut ours) = (of_groups(&pages[0]), of_groups(&pages[1]));
    theirs.sort();
    ours.sort();
    assert_eq!(theirs, ours);
}
