//! What is really done to a stack makes the alerts that it should, they reach who they are for, and the stack has its own rules
//! again afterwards.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::harness::{Setup, Stack, checkout, eventually, json as parsed, native, said};

/// Long enough for calls to time out, with a bound that says nothing of how busy the machine is: when a page comes is a matter of
/// contracts.
const CASE: &str = "[[case]]\nname = \"product-service hangs\"\nstop = \"product-service\"\nfor = \"15m\"\nwithin = \"3h\"\npages = [\"ProductServiceUnavailable\"]\nmay = [\"*\"]\n";

/// A folder with the objectives and one case.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["specs", "live"] {
        fs::create_dir(dir.path().join(name)).expect("a folder");
    }
    for entry in fs::read_dir(checkout().join("slo/specs")).expect("the specs").flatten() {
        fs::copy(entry.path(), dir.path().join("specs").join(entry.file_name())).expect("a copy");
    }
    fs::write(dir.path().join("live/a.toml"), CASE).expect("written");
    dir
}

/// The files that the stack's rules and routes are read from, with their texts.
fn laid_out(stack: &Stack) -> BTreeSet<(String, String)> {
    let below = stack.home.path().join("configuration/stack");
    let folders = [below.join("prometheus/rules"), below.join("alertmanager")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("laid out").flatten());
    entries
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("text");
            (entry.path().display().to_string(), text)
        })
        .collect()
}

async fn a_service_that_hangs_pages(setup: Setup) {
    let stack = setup.arg("--rps").arg("30").arg("--speed").arg("12").start().await;
    let (dir, before) = (folder(), laid_out(&stack));
    let path = dir.path().to_str().expect("a path in UTF-8");
    let output = stack.run_long(&["slo", "live", "--speed", "60", "--dir", path, "--json"]).await;
    let report = parsed(&output);
    assert!(output.status.success(), "{report} {}", said(&output));
    for (key, expected) in [("cases", 1), ("fired_as_expected", 1), ("false_alerts", 0)] {
        assert_eq!(report[key], expected, "{key}: {report}");
    }
    let alerts = report["matrix"][0]["alerts"].as_array().expect("a list");
    let page = |alert: &&Value| {
        alert["labels"]["alertname"] == "ProductServiceUnavailable" && alert["labels"]["severity"] == "page"
    };
    let first = alerts.iter().find(page).unwrap_or_else(|| panic!("{report}"));
    assert_eq!(first["labels"]["service"], "product-service", "{first}");
    assert!(first["told_s"]["pager"].as_f64() >= first["fires_s"].as_f64(), "told when it fires: {first}");
    assert!(first["over_s"].as_f64() > first["fires_s"].as_f64(), "{first}");

    assert_eq!(laid_out(&stack), before, "the stack has its own rules again");
    eventually("they are evaluated again", || async {
        let url = format!("{}/api/v1/rules", stack.url("prometheus"));
        let rules: Value = stack.http.get(url).send().await.ok()?.json().await.ok()?;
        let groups = rules["data"]["groups"].as_array()?;
        groups
            .iter()
            .all(|group| group["interval"] == json!(5) || group["interval"] == json!(5.0))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_service_that_hangs_pages_on_the_embedded_stack() {
    a_service_that_hangs_pages(Setup::default()).await;
}

#[tokio::test]
async fn a_service_that_hangs_pages_on_the_real_stack() {
    let Some(setup) = native::setup() else { return };
    a_service_that_hangs_pages(setup).await;
}

#[tokio::test]
async fn a_stack_without_traffic_and_a_mistake_in_a_case_are_told_before_anything_is_done() {
    let stack = Stack::quiet().await;
    let before = laid_out(&stack);
    let output = stack.run(&["slo", "live"]).await;
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("--no-load"), "{}", said(&output));
    let dir = folder();
    fs::write(dir.path().join("live/a.toml"), CASE.replace("15m", "15s")).expect("written");
    let output = stack.run(&["slo", "live", "--dir", dir.path().to_str().expect("a path")]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("a.toml:2: case \"product-service hangs\": for: "), "{}", said(&output));
    assert_eq!(laid_out(&stack), before);
}
