//! What becomes of an alert on the embedded stack: it is printed, listed, silenced, by the tools of Alertmanager.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

use crate::harness::{PATIENCE, Stack, checkout, command, eventually, native, said, signal, stderr};

/// Alertmanager's own tool against a stack.
struct Amtool<'s> {
    program: PathBuf,
    stack: &'s Stack,
}

impl Amtool<'_> {
    /// What it prints, having succeeded.
    async fn says(&self, args: &[&str]) -> String {
        let at = format!("--alertmanager.url={}", self.stack.url("alertmanager"));
        let args: Vec<&str> = args.iter().copied().chain([at.as_str()]).collect();
        let output = native::run(&self.program, &args).await;
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

#[tokio::test]
async fn an_alert_is_printed_and_amtool_lists_and_silences_it() {
    let Some(program) = native::program("amtool") else { return };
    let mut stack = Stack::quiet().await;
    let mut lines = stack.lines();
    let amtool = Amtool { program, stack: &stack };

    let labels = ["alertname=Broken", "severity=page", "slo=orders", "service=any"];
    let notes = ["--annotation=summary=It is broken.", "--annotation=runbook_url=http://runbooks/Broken"];
    amtool.says(&[&["alert", "add"][..], &labels, &notes].concat()).await;
    let printed = async {
        loop {
            let line = lines.next_line().await.expect("readable").expect("up goes on");
            if line.contains("Broken") {
                return line;
            }
        }
    };
    let printed = timeout(PATIENCE, printed).await.expect("it is printed in time");
    assert_eq!(
        printed.trim(),
        "Alert firing [page] Broken, slo orders: It is broken.; see http://runbooks/Broken"
    );
    let listed = amtool.says(&["alert", "query", "alertname=Broken", "--output=extended"]).await;
    assert!(listed.contains("slo=\"orders\"") && listed.contains("active"), "{listed}");

    let id = amtool.says(&["silence", "add", "alertname=~Bro.*", "--author=me", "--comment=known"]).await;
    assert!(amtool.says(&["silence", "query", "--quiet"]).await.contains(&id));
    assert!(!amtool.says(&["alert", "query"]).await.contains("Broken"), "what is silenced is not asked for");
    assert!(amtool.says(&["alert", "query", "--silenced"]).await.contains("Broken"));
    amtool.says(&["silence", "expire", &id]).await;
    assert!(amtool.says(&["alert", "query"]).await.contains("Broken"));
    assert!(amtool.says(&["silence", "query", "--expired", "--within=1h", "--quiet"]).await.contains(&id));

    assert!(amtool.says(&["config", "show"]).await.contains("inhibit_rules"));
    assert_eq!(amtool.says(&["config", "routes", "test", "severity=page"]).await, "pager");
    assert!(amtool.says(&["config", "routes", "show"]).await.contains("severity=\"page\""));
    assert!(amtool.says(&["cluster", "show"]).await.contains("disabled"));
}

#[tokio::test]
async fn an_alert_of_ones_own_rules_is_printed_by_the_backend_alone() {
    let home = tempfile::tempdir().expect("a home");
    let file = home.path().join("rules.yaml");
    let rules = "groups: [{name: own, rules: [{alert: Always, expr: vector(7), labels: {severity: page}, annotations: {summary: 'it is {{ $value }}'}}]}]";
    std::fs::write(&file, rules).expect("written");
    let mut backend = command(home.path());
    backend.args(["backend", "--ports", "auto", "--rules", file.to_str().expect("UTF-8")]);
    let mut backend = backend.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(backend.stdout.take().expect("piped")).lines();
    let printed = async {
        loop {
            let line = lines.next_line().await.expect("readable").expect("it goes on");
            if line.contains("Always") {
                return line;
            }
        }
    };
    let printed = timeout(PATIENCE, printed).await.expect("it is printed in time");
    assert_eq!(printed, "Alert firing [page] Always: it is 7");
    signal(backend.id().expect("it runs"), Signal::INT);
    assert!(backend.wait().await.expect("it ends").success());
}

#[tokio::test]
async fn the_alertmanager_of_the_stack_is_scraped_and_looked_after() {
    let stack = Stack::quiet().await;
    eventually("its metrics", || async {
        let found = stack.query().prometheus.instant("alertmanager_receivers", None).await.ok()?;
        format!("{found:?}").contains("alertmanager_receivers").then_some(())
    })
    .await;
    let known =
        reqwest::get(format!("{}/api/v1/alertmanagers", stack.url("prometheus"))).await.expect("an answer");
    let known: serde_json::Value = known.json().await.expect("JSON");
    let own = serde_json::json!([{"url": format!("{}/api/v2/alerts", stack.url("alertmanager"))}]);
    assert_eq!(known["data"]["activeAlertmanagers"], own, "it is told of what the rules find");
    let doctor = stack.run(&["doctor"]).await;
    let text = said(&doctor);
    let line = text.lines().find(|line| line.contains("Alertmanager API"));
    assert!(line.is_some_and(|line| line.starts_with("ok")), "{text}");
}

#[tokio::test]
async fn amtool_takes_what_the_built_in_one_takes() {
    let Some(amtool) = native::program("amtool") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let own = std::fs::read_to_string(checkout().join("stack/alertmanager/alertmanager.yaml")).expect("text");
    let whole = "
global: {resolve_timeout: 1m}
route:
  receiver: screen
  group_by: [service]
  routes:
    - matchers: [severity=\"page\", 'team=~\"a|b\"', '\"a b\"!=c', classic=two words]
      receiver: hook
      group_by: ['...']
      group_wait: 0s
      group_interval: 10s
      repeat_interval: 1h30m
      continue: true
    - matchers: ['{x!=\"y\"}']
      group_by: []
inhibit_rules:
  - name: gone
    source_matchers: [alertname=\"Gone\"]
    target_matchers: [alertname!=\"Gone\"]
    equal: [service]
receivers:
  - name: screen
  - name: hook
    webhook_configs:
      - {url: 'http://127.0.0.1:1/a', send_resolved: false, max_alerts: 2, timeout: 3s}
";
    for (name, text) in [("own.yaml", own.as_str()), ("whole.yaml", whole)] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        backend::check_alertmanager_file(&file).expect("ours takes it");
        accepted(&amtool, &file).await;
    }
}

async fn accepted(amtool: &Path, file: &Path) {
    let output = native::run(amtool, &["check-config".as_ref(), file.as_os_str()]).await;
    assert!(output.status.success(), "{}: {}", file.display(), stderr(&output));
}
