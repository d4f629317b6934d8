//! The load generator's promises through the command line: a seed repeats its plan, planned errors are no failures,
//! a run that missed its thresholds says so by its exit code.

use rustix::process::Signal;

use crate::harness::{self, Stack, checkout, command, eventually, json, run, said, stderr};

/// Tests share their machine: how late the generator itself may be is not what they are about.
const PATIENT: [&str; 2] = ["--lag-budget", "30s"];

/// The path of a profile in the home: the steady one, but for how slow requests may be.
fn steady(stack: &Stack, p99_ms: &str) -> String {
    let steady = checkout().join("loadgen/profiles/steady.toml");
    let steady = std::fs::read_to_string(steady).expect("the profile");
    let lines = steady.lines().map(|line| match line.trim_start().starts_with("p99_ms") {
        true => format!("p99_ms = {p99_ms}\n"),
        false => format!("{line}\n"),
    });
    let path = stack.home.path().join("profile.toml");
    std::fs::write(&path, lines.collect::<String>()).expect("a profile");
    path.display().to_string()
}

#[tokio::test]
async fn a_seed_repeats_its_plan_and_nothing_unexpected_fails() {
    let stack = Stack::quiet().await;
    let profile = steady(&stack, "60000.0");
    let of = |seed: &'static str| {
        let (stack, profile) = (&stack, &profile);
        async move {
            let args = ["load", "--profile", profile, "--rps", "30", "--for", "4s", "--seed", seed, "--json"];
            let output = stack.run(&[&args[..], &PATIENT].concat()).await;
            assert!(output.status.success(), "{}", said(&output));
            json(&output)
        }
    };
    let (first, again, other) = tokio::join!(of("7"), of("7"), of("8"));
    assert_eq!(first["plan_digest"], again["plan_digest"]);
    assert_ne!(first["plan_digest"], other["plan_digest"]);
    for report in [&first, &again, &other] {
        assert_eq!(report["failed"], 0, "{report}");
        let count = |key: &str| report[key].as_u64().unwrap_or_else(|| panic!("{key} in {report}"));
        assert_eq!(count("scheduled"), count("fired") + count("shed"), "{report}");
        for percentile in ["p50", "p90", "p99", "p999", "max"] {
            assert!(report["response_ms"][percentile].is_number(), "{percentile} in {report}");
        }
        assert!(report["lag_ms"]["p99"].is_number(), "{report}");
    }
}

#[tokio::test]
async fn a_run_writes_its_report_as_a_page_and_as_a_table() {
    let stack = Stack::quiet().await;
    let (html, csv) = (stack.home.path().join("run.html"), stack.home.path().join("run.csv"));
    let (html_arg, csv_arg) = (html.display().to_string(), csv.display().to_string());
    let profile = steady(&stack, "60000.0");
    let args =
        ["load", "--profile", &profile, "--rps", "20", "--for", "2s", "--html", &html_arg, "--csv", &csv_arg];
    let output = stack.run(&[&args[..], &PATIENT].concat()).await;
    assert!(output.status.success(), "{}", said(&output));
    let page = std::fs::read_to_string(html).expect("the page");
    assert!(page.contains(stack.url("console")), "the page links to the console's traces");
    let table = std::fs::read_to_string(csv).expect("the table");
    assert!(table.lines().next().is_some_and(|head| head.starts_with("journey,step,")), "{table}");
    assert!(table.lines().skip(1).any(|row| row.contains(",POST,/orders,order-service,201,")), "{table}");
}

#[tokio::test]
async fn a_failed_threshold_has_an_exit_code_of_its_own() {
    let stack = Stack::quiet().await;
    let profile = steady(&stack, "0.001");
    let args = ["load", "--profile", &profile, "--rps", "10", "--for", "2s"];
    let output = stack.run(&[&args[..], &PATIENT].concat()).await;
    assert_eq!(output.status.code(), Some(99), "{}", said(&output));
}

#[tokio::test]
async fn a_generator_that_is_late_itself_says_that_its_figures_are_void() {
    let stack = Stack::quiet().await;
    let output = stack.run(&["load", "--rps", "10", "--for", "2s", "--lag-budget", "1ns"]).await;
    assert_eq!(output.status.code(), Some(98), "{}", said(&output));
}

#[tokio::test]
async fn the_profiles_are_listed_for_people_and_for_programs() {
    let home = tempfile::tempdir().expect("a home");
    let listed = json(&run(home.path(), &["load", "--list-profiles", "--json"]).await);
    let text = said(&run(home.path(), &["load", "--list-profiles"]).await);
    let profiles = listed["profiles"].as_array().expect("a list");
    assert!(profiles.iter().any(|profile| profile["name"] == "steady"), "{listed}");
    for profile in profiles {
        for key in ["name", "about"] {
            let word = profile[key].as_str().expect("text");
            assert!(!word.is_empty() && text.contains(word), "{word:?} in {text}");
        }
    }
}

#[tokio::test]
async fn a_mistyped_profile_names_the_nearest() {
    let home = tempfile::tempdir().expect("a home");
    for command in ["load", "up"] {
        let output = run(home.path(), &[command, "--profile", "stedy"]).await;
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("steady"), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_said_before_anything_is_sent() {
    let stack = Stack::quiet().await;
    let output = stack.run(&["load", "--for", "1s", "--html", "/no/such/folder/report.html"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(stderr(&output).contains("/no/such/folder/report.html"), "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "nothing was sent");
}

/// What users of a run saw, as Prometheus has it; and how many senders it scrapes.
async fn seen(stack: &Stack) -> (f64, usize) {
    let counted =
        r#"sum(http_client_request_duration_seconds_count{service="loadgen",peer="order-service"})"#;
    let answer = stack.query().prometheus.instant(counted, None).await.expect("an answer");
    let counted = answer.data.into_samples().iter().map(|sample| sample.point.value).sum();
    let targets = stack.http.get(format!("{}/api/v1/targets", stack.url("prometheus"))).send().await;
    let targets: serde_json::Value = targets.expect("an answer").json().await.expect("JSON");
    let active = targets["data"]["activeTargets"].as_array().expect("targets");
    (counted, active.iter().filter(|target| target["labels"]["job"] == "loadgen").count())
}

#[tokio::test]
async fn what_the_users_of_a_run_see_is_scraped_for_as_long_as_it_sends() {
    let stack = Stack::quiet().await;
    for signal in [Signal::INT, Signal::KILL] {
        let mut load = command(stack.home.path());
        let load = load.args(["load", "--rps", "20", "--for", "10m"]).args(PATIENT).spawn();
        let mut load = load.expect("it starts");
        eventually("users' requests", || async {
            let (counted, senders) = seen(&stack).await;
            (counted > 0.0 && senders == 1).then_some(())
        })
        .await;
        harness::signal(load.id().expect("it runs"), signal);
        load.wait().await.expect("it ends");
        eventually("nobody sends", || async { (seen(&stack).await.1 == 0).then_some(()) }).await;
    }
}
