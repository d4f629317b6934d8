//! Faults on a running stack: what cannot be had is refused in one line before anything is done, and what was done is sealed and
//! told afterwards.

use firedrill::dashboards::{folder::Folder, walk};
use loadgen::faults::{self, Question, Shown};
use serde_json::json;

use crate::harness::{Stack, checkout, json as parsed, run, said, stderr};

/// What a command says that is refused, in its one line.
fn refused(output: &std::process::Output, code: i32, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} in {said:?}");
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_before_a_stack_is_looked_for() {
    let home = tempfile::tempdir().expect("a home");
    for (args, words) in [
        (&["--fault", "slow-netwrk@1s+1s"][..], &["no fault", "did you mean `slow-network`?"][..]),
        (&["--fault", "slow-network@1s+1s,delay_ms=9000"], &["delay_ms=9000 is out of range"]),
        (&["--fault", "slow-network@1s+1s,delay=100"], &["no parameter", "did you mean `delay_ms`?"]),
        (&["--fault", "slow-network@50s+50s"], &["would end after", "--for"]),
        (
            &["--fault", "connection-resets@1s+9s", "--fault", "connection-resets@5s+9s"],
            &["overlap", "loadgen>order-service"],
        ),
        (&["--chaos", "--for", "1s"], &["too short"]),
        (&["--verify-faults"], &["which faults?", "--all"]),
    ] {
        let output = run(home.path(), &[&["load"], args].concat()).await;
        refused(&output, 2, words);
    }
    let left = std::fs::read_dir(home.path()).expect("the home").count();
    assert_eq!(left, 0, "nothing is sealed that is refused");
}

#[tokio::test]
async fn a_fault_needs_a_stack_that_is_up() {
    let home = tempfile::tempdir().expect("a home");
    for args in [&["--fault", "slow-network@1s+1s"][..], &["--verify-faults", "--all"]] {
        let output = run(home.path(), &[&["load"], args].concat()).await;
        refused(&output, 3, &["nothing is up", "firedrill up"]);
    }
}

#[tokio::test]
async fn the_catalogue_is_listed_and_an_unknown_run_is_not_revealed() {
    let home = tempfile::tempdir().expect("a home");
    let listed = parsed(&run(home.path(), &["load", "--list-faults", "--json"]).await);
    let names: Vec<_> =
        listed["faults"].as_array().expect("a list").iter().map(|f| f["name"].clone()).collect();
    assert!(names.contains(&json!("slow-network")) && names.contains(&json!("control")), "{names:?}");
    refused(&run(home.path(), &["load", "--reveal", "00ab"]).await, 2, &["no ledger", "there is none yet"]);
}

#[tokio::test]
async fn a_run_is_sealed_before_and_revealed_after() {
    let stack = Stack::quiet().await;
    let args =
        ["load", "--fault", "control@500ms+500ms", "--for", "2s", "--rps", "20", "--lag-budget", "30s"];
    let output = stack.run(&args).await;
    let text = stderr(&output);
    let sealed =
        text.lines().find(|line| line.contains("sealed as")).unwrap_or_else(|| panic!("{}", said(&output)));
    let (run, seal) = sealed.trim_start_matches("run ").split_once(", sealed as ").expect("run and seal");
    assert!(!text.contains("control"), "what it was is not told: {text}");

    let revealed = parsed(&stack.run(&["load", "--reveal", run, "--json"]).await);
    assert_eq!((&revealed["sha256"], &revealed["intact"]), (&json!(seal), &json!(true)), "{revealed}");
    assert_eq!(revealed["sealed"]["injections"][0]["fault"], "control");
    assert_eq!(revealed["measured"][0]["fault"], "control", "{revealed}");
    let told = stack.run(&["load", "--reveal", "last"]).await;
    assert!(String::from_utf8_lossy(&told.stdout).contains("control"), "{}", said(&told));
}

/// What only traces show, and what shows nothing at all.
const WITHOUT_A_PANEL: [&str; 2] = ["clock-skew", "control"];

#[test]
fn each_fault_has_a_panel_that_shows_it() {
    let folder = Folder::open(Some(&checkout().join("dashboards"))).expect("the dashboards");
    for fault in faults::all().expect("a catalogue") {
        let Some(panel) = &fault.panel else {
            assert!(WITHOUT_A_PANEL.contains(&fault.name.as_str()), "{}", fault.name);
            continue;
        };
        let Question::Panel(Shown { dashboard, title, .. }) = &panel.question else {
            panic!("{}", fault.name)
        };
        let uid = Some(dashboard.as_str());
        let file = folder.files.iter().find(|file| file.dashboard.uid.as_deref() == uid);
        let file = file.unwrap_or_else(|| panic!("{}: there is no dashboard {dashboard}", fault.name));
        let found = walk::asking(&file.dashboard).iter().any(|placed| placed.panel.name() == *title);
        assert!(found, "{}: {dashboard} has no panel {title:?}", fault.name);
    }
}
