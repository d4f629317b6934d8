//! Every panel of every dashboard shows something, and a name that is wrong does not go unnoticed.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use firedrill::dashboards::{catalogue, folder::Folder, link::Link, lint};
use serde_json::Value;

use crate::harness::{Setup, Stack, checkout, eventually, json, native, run, said, signal};

/// A copy of the checkout's dashboards, and of what stands beside them.
fn copy(to: &Path) {
    let from = checkout().join("dashboards");
    let sources = "provisioning/datasources";
    fs::create_dir_all(to.join(sources)).expect("a folder");
    for folder in ["", sources] {
        for entry in fs::read_dir(from.join(folder)).expect("the dashboards").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), to.join(folder).join(entry.file_name())).expect("a copy");
            }
        }
    }
}

/// What `check --json` says, whatever its exit code.
async fn check(stack: &Stack, more: &[&str]) -> Value {
    json(&stack.run(&[&["dashboards", "check", "--json"], more].concat()).await)
}

/// The state of each panel, `file: title: state`.
fn states(report: &Value) -> BTreeSet<String> {
    let list = report["panel_list"].as_array().expect("a list").iter();
    let text = |panel: &Value, key: &str| panel[key].as_str().expect("text").to_owned();
    list.map(|p| format!("{}: {}: {}", text(p, "file"), text(p, "panel"), text(p, "state"))).collect()
}

/// The panels that fail or are empty, with their reasons.
fn bad(report: &Value) -> Vec<String> {
    let list = report["panel_list"].as_array().expect("a list").iter();
    let bad = list.filter(|panel| panel["state"] == "error" || panel["state"] == "empty");
    bad.map(Value::to_string).collect()
}

#[tokio::test]
async fn on_the_real_stack_every_panel_shows_something() {
    let Some(setup) = native::setup() else { return };
    // Twelve times as fast, so that the rules have recorded something in seconds and not in a minute.
    let stack = setup.arg("--rps").arg("30").arg("--speed").arg("12").start().await;
    let report = eventually("no panel fails or is empty", || async {
        let output = stack.run(&["dashboards", "check", "--json"]).await;
        output.status.success().then(|| json(&output))
    })
    .await;
    let counts = ["errors", "empty", "unsupported"].map(|key| report[key].as_u64());
    assert_eq!(counts, [Some(0); 3], "{:?}", bad(&report));
}

#[tokio::test]
async fn every_panel_shows_something_and_a_broken_name_is_named() {
    let stack = Setup::default().arg("--rps").arg("30").arg("--speed").arg("12").start().await;
    // What a collector would make of spans: the embedded backend makes it itself.
    let of_spans: BTreeSet<String> = [
        "Who calls whom, and how much? (req/s)",
        "Requests by edge (req/s)",
        "Failed requests by edge (% of the edge)",
        "What lies between caller and called? Mean difference (s)",
    ]
    .map(|panel| format!("dependencies.json: {panel}: data"))
    .into();
    let report = eventually("no panel fails or is empty", || async {
        let output = stack.run(&["dashboards", "check", "--json"]).await;
        let report = json(&output);
        (output.status.success() && of_spans.is_subset(&states(&report))).then_some(report)
    })
    .await;
    for (key, least) in [("dashboards", 8), ("panels", 76), ("targets", 115), ("with_data", 75)] {
        assert!(report[key].as_u64().is_some_and(|n| n >= least), "{key}: {report}");
    }
    assert_eq!((&report["errors"], &report["empty"]), (&0.into(), &0.into()), "{:?}", bad(&report));
    let refused = report["panel_list"].as_array().into_iter().flatten();
    let refused: Vec<&Value> =
        refused.filter(|p| p.to_string().contains("is not supported yet by")).collect();
    assert!(refused.is_empty(), "the embedded backend understands every query: {refused:?}");

    let broken = tempfile::tempdir().expect("a folder");
    copy(broken.path());
    let file = broken.path().join("orders.json");
    let text = fs::read_to_string(&file).expect("a dashboard");
    let wrong = text.replacen("orders_total{", "ordres_total{", 1);
    assert_ne!(text, wrong, "the dashboard asks for orders_total");
    fs::write(&file, wrong).expect("written");
    let dir = broken.path().to_str().expect("a path");

    let output = stack.run(&["dashboards", "check", "--json", "--dir", dir]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let report = json(&output);
    let found = bad(&report);
    assert!(
        found.len() == 1 && found[0].contains("ordres_total") && found[0].contains("orders.json"),
        "{found:?}"
    );
    let panel = states(&report).into_iter().find(|s| s.ends_with(": error")).expect("a panel with an error");

    let output = stack.run(&["dashboards", "lint", "--json", "--dir", dir]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let findings = json(&output)["findings"].clone();
    let named = format!("orders.json: {}: error", findings[0]["panel"].as_str().expect("a panel"));
    assert_eq!((&findings[0]["rule"], named), (&"metrics".into(), panel), "{findings}");
}

#[tokio::test]
async fn panels_that_are_empty_while_all_is_well_fill_when_a_service_hangs() {
    let stack = Setup::default().arg("--rps").arg("30").arg("--speed").arg("60").start().await;
    let pid = stack.pids()["product-service"];
    signal(pid, rustix::process::Signal::STOP);
    let wanted: BTreeSet<String> = [
        "red-overview.json: Failing requests by service (req/s): data",
        "red-overview.json: What do the services say about it? (error lines): data",
        "orders.json: Which step of an order fails? (calls/s): data",
        "dependencies.json: Calls without a usable answer (calls/s): data",
        "red-overview.json: Which alerts fire, and since when?: data",
        "slo.json: Which alerts have fired, and when?: data",
        "slo.json: Which alerts fire, and since when?: data",
    ]
    .map(str::to_owned)
    .into();
    eventually("the panels about failures show some", || async {
        let report = check(&stack, &["--window", "2m"]).await;
        wanted.is_subset(&states(&report)).then_some(())
    })
    .await;
    signal(pid, rustix::process::Signal::CONT);
}

#[tokio::test]
async fn without_a_stack_the_check_says_so_and_the_lint_needs_none() {
    let home = tempfile::tempdir().expect("a home");
    let output = run(home.path(), &["dashboards", "check"]).await;
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("nothing is up"), "{}", said(&output));
    let output = run(home.path(), &["dashboards", "lint"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = run(home.path(), &["dashboards", "lint", "--dir", "docs"]).await;
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("there is no dashboard (*.json) in docs"), "{}", said(&output));
}

#[tokio::test]
async fn a_hanging_backend_is_named_and_does_not_hang_the_check() {
    let stack = Stack::quiet().await;
    let pid = stack.pids()["backend"];
    signal(pid, rustix::process::Signal::STOP);
    let output = tokio::time::timeout(Duration::from_secs(40), stack.run(&["dashboards", "check"])).await;
    signal(pid, rustix::process::Signal::CONT);
    let output = output.expect("the check ends");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(
        said(&output).contains("hangs") && said(&output).contains("instant query up"),
        "{}",
        said(&output)
    );
}

#[test]
fn links_and_data_sources_of_the_dashboards_and_the_provisioning_resolve() {
    let folder = Folder::open(Some(&checkout().join("dashboards"))).expect("the dashboards");
    assert!(folder.files.len() >= 8 && folder.data_sources.len() >= 3, "{:?}", folder.data_sources);
    let findings = lint::lint(&folder, catalogue::catalogue());
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, [""; 0]);
    // What the data sources refer to is provisioned, too.
    let sources = checkout().join("dashboards/provisioning/datasources");
    let (mut referred, mut links) = (0, 0);
    for entry in fs::read_dir(sources).expect("the provisioning").flatten() {
        let text = fs::read_to_string(entry.path()).expect("text");
        for line in text.lines().filter_map(|line| line.split_once("datasourceUid:")) {
            let uid = line.1.trim().trim_matches(['"', '\'', '}', ' ']).to_owned();
            assert!(folder.data_sources.contains(&uid), "{uid} is not among {:?}", folder.data_sources);
            referred += 1;
        }
        for link in text.lines().filter(|line| line.trim().starts_with("url:")).flat_map(Link::all) {
            assert_eq!(link.missing(&folder), [""; 0], "{link:?}");
            links += 1;
        }
    }
    assert!(referred >= 3, "exemplars, traces and logs lead to each other");
    assert!(links >= 1, "a correlation id leads to its lines");
}

#[test]
fn every_alert_names_a_dashboard_that_shows_its_service() {
    let folder = Folder::open(Some(&checkout().join("dashboards"))).expect("the dashboards");
    let asks_for_a_service = |uid: &str| {
        let file =
            folder.files.iter().find(|file| file.dashboard.uid.as_deref() == Some(uid)).expect("there");
        file.dashboard.templating.list.iter().any(|variable| variable.name == "service")
    };
    let (mut alerts, mut named) = (0, 0);
    for entry in fs::read_dir(checkout().join("slo/rules")).expect("the rules").flatten() {
        let text = fs::read_to_string(entry.path()).expect("text");
        alerts += text.lines().filter(|line| line.trim().starts_with("- alert:")).count();
        for url in text.lines().filter_map(|line| line.trim().strip_prefix("dashboard_url:")) {
            let url = url.trim().trim_matches('\'');
            assert!(url.starts_with("http://127.0.0.1:3000/d/"), "{url}");
            let [link] = &Link::all(url)[..] else { panic!("{url} is one link") };
            assert_eq!(link.missing(&folder), [""; 0], "{url}");
            let service = link.get("var-service").is_some_and(|service| !service.is_empty());
            assert_eq!(service, link.dashboard().is_some_and(asks_for_a_service), "{url}");
            named += 1;
        }
    }
    assert_eq!(named, alerts);
    assert!(alerts >= 100, "there are alerts");
}

#[tokio::test]
async fn the_list_of_metrics_is_what_the_processes_expose() {
    let stack = Setup::default().arg("--rps").arg("30").start().await;
    let catalogue = catalogue::catalogue();
    for part in ["user-service", "product-service", "order-service", "loadgen", "prometheus"] {
        let ask = stack.http.get(format!("{}/metrics", stack.url(part)));
        let answer = ask.header("accept", "application/openmetrics-text").send().await.expect("an answer");
        let text = answer.text().await.expect("text");
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let mut seen = 0;
        for (family, kind) in types {
            // In OpenMetrics a family's name lacks the suffix of its samples.
            let name = match kind {
                "counter" if !family.ends_with("_total") => format!("{family}_total"),
                "info" => format!("{family}_info"),
                "histogram" => format!("{family}_bucket"),
                _ => family.to_owned(),
            };
            let listed =
                catalogue.get(&name).unwrap_or_else(|| panic!("{part} exposes {name}, which is not listed"));
            let wanted = match kind {
                "counter" | "histogram" => catalogue::Kind::Counter,
                "info" => catalogue::Kind::Info,
                "summary" => catalogue::Kind::Summary,
                _ => catalogue::Kind::Gauge,
            };
            assert_eq!(listed.kind, wanted, "{name}");
            seen += 1;
        }
        assert!(seen > 10, "{part} exposes its metrics");
    }
}

#[test]
fn what_the_rules_record_is_on_the_list_of_metrics() {
    let mut seen = 0;
    for entry in fs::read_dir(checkout().join("slo/rules")).expect("the rules").flatten() {
        let text = fs::read_to_string(entry.path()).expect("text");
        for name in
            text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("record:"))
        {
            assert!(catalogue::catalogue().get(name.trim()).is_some(), "{name} is recorded and not listed");
            seen += 1;
        }
    }
    assert!(seen > 0, "something is recorded");
}
