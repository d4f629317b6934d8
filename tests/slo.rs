//! Rules are what the objectives ask for, Prometheus takes them, and alerts keep their contracts.

use std::{fs, path::Path, process::Output};

use crate::harness::{checkout, command, json, native, said};

/// A command in the checkout, with the built programs within reach.
async fn slo(args: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a home");
    let mut command = command(home.path());
    if let Some(folder) = std::env::var_os("FIREDRILL_BACKENDS") {
        command.env("FIREDRILL_BACKENDS", checkout().join(folder));
    }
    command.arg("slo").args(args).current_dir(checkout()).output().await.expect("the command runs")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[tokio::test]
async fn the_rules_in_the_folder_are_what_the_objectives_ask_for() {
    let output = slo(&["generate", "--check", "--json"]).await;
    let report = json(&output);
    assert!(output.status.success(), "{report}");
    assert_eq!((&report["findings"], &report["drift"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert!(report["objectives"].as_u64().is_some_and(|n| n >= 25), "{report}");
}

#[tokio::test]
async fn a_changed_rule_is_told_and_nothing_is_written() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(slo(&["generate", "--out", path(dir.path())]).await.status.success());
    let file = dir.path().join("outbox.yaml");
    let text = fs::read_to_string(&file).expect("written");
    fs::write(&file, text.replace("14.4", "144")).expect("changed");
    let output = slo(&["generate", "--check", "--out", path(dir.path())]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("outbox.yaml is not what the specs say"), "{}", said(&output));
    assert!(fs::read_to_string(&file).expect("there").contains("144"), "a check writes nothing");
}

#[tokio::test]
async fn mistakes_in_specs_and_contracts_are_one_line_with_their_place() {
    let dir = tempfile::tempdir().expect("a folder");
    for folder in ["specs", "contracts"] {
        fs::create_dir(dir.path().join(folder)).expect("a folder");
    }
    let specs = fs::read_to_string(checkout().join("slo/specs/inbox.yaml")).expect("a spec");
    let contract = "slos = [\"inbox-latency\"]\n[[contract]]\nname = \"n\"\nphases = [{ for = \"5s\" }]\n";
    let out = dir.path().join("rules");
    for (spec, contract, args, words) in [
        (
            specs.replace("target: 0.99\n", "target: 99\n"),
            contract,
            vec!["generate", "--out", path(&out)],
            vec!["inbox.yaml:", "spec.objectives[0].target"],
        ),
        (
            specs.replace("_seconds_count{", "_second_count{"),
            contract,
            vec!["generate", "--out", path(&out)],
            vec!["nothing exposes", "did you mean http_server_request_duration_seconds_count"],
        ),
        (specs.clone(), contract, vec!["test"], vec!["contracts", "a.toml:3", "whole minutes"]),
    ] {
        fs::write(dir.path().join("specs/inbox.yaml"), spec).expect("written");
        fs::write(dir.path().join("contracts/a.toml"), contract).expect("written");
        let output = slo(&[&args[..], &["--dir", path(dir.path())]].concat()).await;
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        for word in words {
            assert!(said(&output).contains(word), "{word}: {}", said(&output));
        }
        assert!(!out.exists(), "nothing is written");
    }
    let fast = slo(&["generate", "--speed", "61", "--out", path(&out)]).await;
    assert_eq!(fast.status.code(), Some(2), "{}", said(&fast));
}

#[tokio::test]
async fn prometheus_takes_the_rules_at_every_speed() {
    let Some(promtool) = native::program("promtool") else { return };
    for speed in ["1", "12", "60"] {
        let dir = tempfile::tempdir().expect("a folder");
        let output = slo(&["generate", "--speed", speed, "--out", path(dir.path())]).await;
        assert!(output.status.success(), "{}", said(&output));
        let files = fs::read_dir(dir.path()).expect("rules").flatten().map(|entry| entry.path());
        let mut args = vec!["check".to_owned(), "rules".into(), "--lint=all".into(), "--lint-fatal".into()];
        args.extend(files.map(|file| path(&file).to_owned()));
        let checked = native::run(&promtool, &args).await;
        assert!(checked.status.success(), "{}", said(&checked));
    }
}

#[tokio::test]
async fn alerts_keep_their_contracts_and_broken_rules_do_not() {
    // The short ones of them: all take longer, and are a command of their own.
    let output = slo(&["test", "--skip-slow", "--only", "wakes nobody", "--json"]).await;
    let report = json(&output);
    assert!(output.status.success(), "{report}");
    assert!(report["contracts"].as_u64().is_some_and(|n| n >= 3), "{report}");
    assert_eq!((&report["passed"], &report["score"]), (&report["contracts"], &serde_json::json!(1.0)));

    let output = slo(&["mutate", "--slo", "order-correctness", "--only", "factor 14.4", "--json"]).await;
    let report = json(&output);
    assert_eq!(report["mutants"], 4, "{report}");
    assert!(report["killed"].as_u64().is_some_and(|n| n >= 2), "{report}");
}
