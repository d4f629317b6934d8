//! Whoever asks what is wrong is told the service and the cause, from telemetry alone; and is told when nothing is.

use std::{process::Output, time::Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Setup, Stack, eventually, json as parsed, said, signal};

/// The exit code when there is too little to compare with.
const TOO_QUIET: i32 = 3;

/// A stack with shoppers that has a history to compare with.
async fn with_a_history() -> Stack {
    let stack = Setup::default().start().await;
    eventually("a calm quarter of a minute", || async {
        let output = stack.run(&["investigate", "--since", "5s", "--baseline", "15s", "--json"]).await;
        let enough = output.status.code() != Some(TOO_QUIET);
        (enough && stack_age(&stack) >= 20).then_some(())
    })
    .await;
    stack
}

/// How many seconds ago the stack was ready.
fn stack_age(stack: &Stack) -> i64 {
    let started: jiff::Timestamp = stack.run.started_at.parse().expect("a time");
    jiff::Timestamp::now().duration_since(started).as_secs()
}

/// Asks what has been wrong since a moment, until the service that is named is this one and so is the cause.
async fn told(stack: &Stack, since: Instant, service: &str, cause: &str) -> Value {
    eventually(&format!("{cause} of {service}"), || async {
        let since = format!("{}s", since.elapsed().as_secs().max(5));
        let output = stack.run(&["investigate", "--since", &since, "--baseline", "15s", "--json"]).await;
        let answer = parsed(&output);
        let right = answer["service"] == service && answer["cause"] == cause;
        assert!(!right || output.status.code() == Some(1), "{}", said(&output));
        right.then_some(answer)
    })
    .await
}

#[tokio::test]
async fn a_service_that_hangs_is_named_with_evidence() {
    let stack = with_a_history().await;
    let pid = stack.pids()["product-service"];
    signal(pid, Signal::STOP);
    let answer = told(&stack, Instant::now(), "product-service", "process-stopped").await;
    assert_eq!(answer["operation"], Value::Null, "the whole of it: {answer}");
    let evidence = answer["evidence"].as_array().expect("a list");
    let query = evidence.iter().find(|piece| piece["kind"] == "promql").expect("a query");
    let query = query["text"].as_str().expect("text");
    let shown = stack.run(&["query", query, "--json"]).await;
    assert!(parsed(&shown)["data"]["result"][0]["value"].is_array(), "{query}: {}", said(&shown));

    // Simpler ways answer in the same form.
    let naive = eventually("the answer of who only counts errors", || async {
        let asked = ["investigate", "--since", "10s", "--baseline", "30s", "--by", "most-errors", "--json"];
        let output = stack.run(&asked).await;
        (output.status.code() != Some(TOO_QUIET)).then(|| parsed(&output))
    })
    .await;
    for key in ["service", "operation", "cause", "evidence"] {
        assert!(naive.get(key).is_some(), "{key} in {naive}");
    }
    signal(pid, Signal::CONT);
}

#[tokio::test]
async fn a_service_that_was_killed_is_named() {
    let stack = with_a_history().await;
    signal(stack.pids()["user-service"], Signal::KILL);
    told(&stack, Instant::now(), "user-service", "process-killed").await;
}

#[tokio::test]
async fn who_asks_without_need_is_told_that_nothing_is_wrong() {
    let stack = Stack::quiet().await;
    // What was counted before anybody first looked is not known to be new.
    eventually("several scrapes of everything", || async {
        let asked = ["query", "count(count_over_time(up[1m]) > 2) == count(up)", "--json"];
        let answer = parsed(&stack.run(&asked).await);
        answer["data"]["result"][0]["value"].is_array().then_some(())
    })
    .await;
    for number in 0..25 {
        let order = json!({"user_id": 1, "product_id": 101, "quantity": 1});
        assert_eq!(stack.order(&order, &format!("calm-{number}")).await.status(), 201);
    }
    let output: Output = eventually("a past", || async {
        let output = stack.run(&["investigate", "--since", "5s", "--baseline", "1m"]).await;
        (output.status.code() != Some(TOO_QUIET)).then_some(output)
    })
    .await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("Nothing is wrong."), "{}", said(&output));
}

#[tokio::test]
async fn nothing_to_compare_with_is_said_and_not_guessed_over() {
    let stack = Stack::quiet().await;
    let output = stack.run(&["investigate", "--json"]).await;
    assert_eq!(output.status.code(), Some(TOO_QUIET), "{}", said(&output));
    let error = parsed(&output)["error"].as_str().expect("an error").to_owned();
    assert!(error.contains("only 0 requests") && error.contains("send traffic"), "{error}");
    let output = stack.run(&["investigate", "--since", "1s"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("5s to 24h"), "{}", said(&output));
}
