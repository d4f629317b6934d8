//! A drill, from its begin to its debrief, as people do it and as the investigator does it.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Stack, eventually, json as parsed, run, said, stderr};

/// What a command says that is refused, in its one line.
fn refused(output: &Output, code: i32, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} in {said:?}");
    }
}

async fn status(stack: &Stack) -> Value {
    parsed(&stack.run(&["drill", "status", "--json"]).await)
}

/// What a facilitator reads in the ledger of a run.
async fn revealed(stack: &Stack, run: &str) -> Value {
    parsed(&stack.run(&["load", "--reveal", run, "--json"]).await)
}

#[tokio::test]
async fn a_drill_is_paged_investigated_mitigated_answered_and_told() {
    let stack = Stack::quiet().await;
    let started =
        parsed(&stack.run_long(&["drill", "start", "canal", "--seed", "3", "--speed", "8", "--json"]).await);
    assert_eq!(started["phase"], "investigating", "{started}");
    let page = started["page"].as_str().expect("a page");
    let run = started["run"].as_str().expect("a run");
    let correlation = page.split_once("request was ").or(page.split_once(", was ")).expect("a request").1;
    let correlation = correlation.split_once(". ").map_or(correlation, |(id, _)| id).trim_end_matches('.');

    // Nothing of the truth is told by what participants can ask.
    let told = status(&stack).await.to_string();
    assert!(!told.contains("network") && !told.contains("delay"), "{told}");
    let sealed = revealed(&stack, run).await;
    assert_eq!((&sealed["sha256"], &sealed["intact"]), (&started["sealed"], &json!(true)), "{sealed}");
    let link = sealed["sealed"]["injections"][0]["victims"]["link"].as_str().expect("a link");
    let service = link.split_once('>').expect("two ends").1;
    let operation = if service == "user-service" { "GET /users/{id}" } else { "POST /products/batch" };

    // Two drills cannot go on at once, a hint costs, and what is no trace is no answer.
    refused(&stack.run(&["drill", "start", "commons"]).await, 1, &["a drill is going on", "drill stop"]);
    assert!(parsed(&stack.run(&["drill", "hint", "--json"]).await)["hint"].is_string());
    let right =
        ["drill", "answer", "--service", service, "--operation", operation, "--cause", "slow-network"];
    let unknown = "0123456789abcdef0123456789abcdef";
    refused(
        &stack.run(&[&right[..], &["--evidence", unknown]].concat()).await,
        2,
        &["there is no trace", unknown],
    );
    let wrong = ["drill", "answer", "--service", service, "--cause", "slow-disk", "--json"];
    let wrong = stack.run(&wrong).await;
    assert_eq!(
        (wrong.status.code(), parsed(&wrong)["tries_left"].clone()),
        (Some(1), json!(2)),
        "{}",
        said(&wrong)
    );

    // What is looked at and what is changed is noted.
    assert!(stack.run(&["trace", "--correlation", correlation]).await.status.success(), "{correlation}");
    let deployed = ["ops", "deploy", service, "--version", "beside", "--share", "1"];
    assert!(stack.run(&deployed).await.status.success());
    assert!(stack.run(&["drill", "note", "another way", "--as", "Ann"]).await.status.success());
    let answered = stack.run(&[&right[..], &["--evidence", correlation, "--json"]].concat()).await;
    let grade = parsed(&answered);
    assert_eq!(
        grade["correct"],
        json!({"service": true, "operation": true, "cause": true, "evidence": true}),
        "{grade}"
    );
    assert_eq!(
        (answered.status.code(), &grade["score"], &grade["phase"]),
        (Some(0), &json!(80), &json!("solved"))
    );
    refused(&stack.run(&right).await, 1, &["is over", "drill report"]);

    let folder = tempfile::tempdir().expect("a folder");
    let (page, text) = (folder.path().join("drill.html"), folder.path().join("drill.md"));
    let files = ["--html", page.to_str().expect("text"), "--markdown", text.to_str().expect("text")];
    let report = parsed(&stack.run(&[&["drill", "report", "--json"], &files[..]].concat()).await);
    assert!(report["ttd_s"].is_number() && report["ttl_s"].is_number(), "{report}");
    assert_eq!((&report["cause"], &report["score"]), (&json!("slow-network"), &json!(80)), "{report}");
    for command in report["commands"].as_array().expect("a list") {
        let words = shell_words(command.as_str().expect("text"));
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let shown = stack.run(&args).await;
        assert!(shown.status.success(), "{command}: {}", said(&shown));
    }
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("<svg") && page.contains("another way"), "{page}");
    let text = std::fs::read_to_string(text).expect("a text");
    assert!(text.contains("## Postmortem") && text.contains("ops deploy"), "{text}");

    eventually("the end of all of it", || async { (status(&stack).await["closed"] == true).then_some(()) })
        .await;
    let measured = revealed(&stack, run).await["measured"][0].clone();
    assert_eq!(measured["fault"], "slow-network", "{measured}");
}

/// The words of a command of a debrief, as the shell splits them.
fn shell_words(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (nth, part) in command.split('\'').enumerate() {
        match nth % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// Whether the answers are right is for `drill verify` to say, on a machine that does nothing else: here it is that they are given
/// from telemetry, graded and measured.
#[tokio::test]
async fn the_investigator_does_whole_drills_and_is_graded() {
    let stack = Stack::quiet().await;
    for (id, fault) in [("canal", "slow-network"), ("commons", "control")] {
        let output = stack.run_long(&["drill", "run", id, "--seed", "1", "--auto", "--json"]).await;
        let told = parsed(&output);
        let correct = &told["correct"];
        let whole = ["service", "operation", "cause"].iter().all(|part| correct[part] == true);
        assert_eq!(output.status.code(), Some(i32::from(!whole)), "{}", said(&output));
        assert!(told["answer"].is_object() && told["score"].is_u64(), "{told}");
        assert_eq!((&told["intact"], &told["dose_proven"]), (&json!(true), &json!(true)), "{told}");
        assert!(told["ttd_s"].is_number() && told["simple_ways_right"].is_array(), "{told}");
        let sealed = revealed(&stack, "last").await;
        assert_eq!(sealed["sealed"]["injections"][0]["fault"], fault, "{sealed}");
    }
}

/// Where there is no terminal, nobody is waited for.
#[tokio::test]
async fn a_newcomer_is_led_through_a_drill_with_real_queries() {
    let stack = Stack::quiet().await;
    let output = stack.run_long(&["drill", "start", "--tutorial", "--json"]).await;
    let grade = parsed(&output);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!((&grade["whole"], &grade["phase"]), (&json!(true), &json!("solved")), "{grade}");
    for words in [
        " query ",
        " trace ",
        "What is to be seen",
        "ops rollback",
        " drill answer ",
        "points",
        "drill report",
    ] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    let report = parsed(&stack.run(&["drill", "report", "--json"]).await);
    assert_eq!(report["outcome"], "Solved: service, operation and cause were found.", "{report}");
    assert!(report["ttl_s"].is_number(), "{report}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_a_line() {
    let home = tempfile::tempdir().expect("a home");
    for (args, code, words) in [
        (&["drill", "start", "harbor"][..], 2, &["no scenario", "did you mean `harbour`?"][..]),
        (&["drill", "start", "harbour"], 3, &["nothing is up", "firedrill up"]),
        (&["drill", "start", "--speed", "100"], 2, &["from 1 to 8"]),
        (&["drill", "status"], 1, &["there was no drill", "drill start"]),
        (&["drill", "hint"], 1, &["there was no drill"]),
        (&["drill", "answer", "--cause", "pool-exhausted"], 2, &["did you mean `pool-exhaustion`?"]),
        (&["drill", "answer", "--cause", "nothing"], 1, &["there was no drill"]),
        (&["drill", "report"], 1, &["there was no drill"]),
        (&["drill", "run", "harbour"], 2, &["--auto"]),
        (&["drill", "start", "harbour", "--tutorial"], 2, &["--tutorial"]),
        (&["drill", "start", "--tutorial"], 3, &["nothing is up", "firedrill up"]),
    ] {
        refused(&run(home.path(), args).await, code, words);
    }
    let listed = parsed(&run(home.path(), &["drill", "list", "--json"]).await);
    let other = parsed(&run(home.path(), &["drill", "list", "--seed", "2", "--json"]).await);
    let ids = |listed: &Value| -> Vec<String> {
        let drills = listed["drills"].as_array().expect("a list");
        drills.iter().map(|drill| drill["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_ne!(ids(&listed), ids(&other), "the seed shuffles them");
    let causes = parsed(&run(home.path(), &["drill", "answer", "--causes", "--json"]).await);
    assert!(causes["causes"].as_array().is_some_and(|causes| causes.len() >= 40), "{causes}");
}

#[tokio::test]
async fn before_the_page_there_is_nothing_to_answer_and_a_stopped_drill_leaves_nothing() {
    let stack = Stack::quiet().await;
    let begun = stack.run(&["drill", "start", "harbour", "--no-wait", "--facilitator", "--json"]).await;
    let started = parsed(&begun);
    assert_eq!(started["phase"], "calm", "{started}");
    let truth = &started["truth"];
    assert_eq!((&truth["service"], &truth["cause"]), (&json!("order-service"), &json!("pool-exhaustion")));
    assert!(
        said(&begun).contains("For the facilitator alone") && truth["begins_after_s"].is_f64(),
        "{started}"
    );
    assert!(status(&stack).await["truth"].is_null(), "nobody else is told");
    refused(&stack.run(&["drill", "answer", "--cause", "nothing"]).await, 1, &["wait for the page"]);
    refused(&stack.run(&["drill", "hint"]).await, 1, &["wait for the page"]);
    refused(&stack.run(&["drill", "report"]).await, 1, &["the drill goes on"]);
    assert!(stack.run(&["drill", "stop"]).await.status.success());
    let ended = eventually("its end", || async {
        let status = status(&stack).await;
        (status["closed"] == true).then_some(status)
    })
    .await;
    assert_eq!(ended["phase"], "stopped");
    let history = parsed(&stack.run(&["ops", "history", "order-service", "--json"]).await);
    assert_eq!(history["history"], json!([]), "nothing was done before the onset");
}

#[tokio::test]
async fn a_drill_whose_stack_goes_down_does_not_count() {
    let stack = Stack::quiet().await;
    let started = parsed(&stack.run(&["drill", "start", "commons", "--no-wait", "--json"]).await);
    assert_eq!(started["phase"], "calm", "{started}");
    let home = stack.kill().await;
    let ended = eventually("a drill that is over", || async {
        let status = parsed(&run(home.path(), &["drill", "status", "--json"]).await);
        (status["closed"] == true).then_some(status)
    })
    .await;
    assert_eq!(ended["phase"], "void", "{ended}");
}
