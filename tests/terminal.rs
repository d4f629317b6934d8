//! Charts and lines that are followed in the terminal, and what a failure leaves for the program that reads the output.

use std::{path::Path, process::Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
    time::timeout,
};

use crate::harness::{
    PATIENCE, Stack, command, eventually, json as parsed, native, run, said, signal, stderr,
};

/// A command that goes on, and the lines it prints.
struct Followed {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Followed {
    fn start(home: &Path, args: &[&str]) -> Self {
        let mut command = command(home);
        let mut child =
            command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    /// The next line; none when the output ends.
    async fn next(&mut self) -> Option<String> {
        timeout(PATIENCE, self.lines.next_line()).await.expect("a line in time").expect("readable")
    }

    /// The first line that holds the words.
    async fn line_with(&mut self, words: &str) -> String {
        let found = async {
            loop {
                let line = self.next().await.unwrap_or_else(|| panic!("the output ended before {words:?}"));
                if line.contains(words) {
                    return line;
                }
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("in vain: {words:?}"))
    }

    /// Interrupts it as Ctrl-C does; gives the rest of what it printed, and its exit code.
    async fn interrupt(mut self) -> (Vec<String>, Option<i32>) {
        signal(self.child.id().expect("it runs"), Signal::INT);
        let mut rest = Vec::new();
        while let Some(line) = self.next().await {
            rest.push(line);
        }
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").expect("its status");
        (rest, status.code())
    }
}

fn keyboard() -> Value {
    json!({"user_id": 1, "product_id": 101, "quantity": 1})
}

/// Everything that is followed, on whichever stack.
async fn follows(stack: &Stack) {
    let logs = "{service_name=\"order-service\"} |= \"order confirmed\"";
    assert_eq!(stack.order(&keyboard(), "before").await.status(), 201);
    eventually("the first line", || async {
        stack.run(&["logs", logs]).await.stdout.windows(5).any(|word| word == b"order").then_some(())
    })
    .await;
    let mut people = Followed::start(stack.home.path(), &["logs", logs, "--follow"]);
    let mut programs =
        Followed::start(stack.home.path(), &["logs", logs, "--follow", "--json", "--since", "5m"]);
    people.line_with("order confirmed").await;
    programs.line_with("before").await;
    assert_eq!(stack.order(&keyboard(), "while-it-follows").await.status(), 201);
    let line = people.line_with("order confirmed").await;
    assert!(line.contains("order-service") && line.contains("INFO"), "{line}");
    let object: Value = serde_json::from_str(&programs.line_with("while-it-follows").await).expect("JSON");
    assert_eq!(object["labels"]["service_name"], "order-service");
    assert_eq!(object["metadata"]["correlation_id"], "while-it-follows");
    assert!(object["timestamp"].as_str().is_some_and(|t| t.len() == 19), "{object}");
    for followed in [people, programs] {
        let (rest, code) = followed.interrupt().await;
        assert_eq!((rest.len(), code), (0, Some(0)), "each line once: {rest:?}");
    }

    let mut values =
        Followed::start(stack.home.path(), &["query", "sum(orders_total)", "--follow", "--json"]);
    for _ in 0..2 {
        let line = values.next().await.expect("a line");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(answer["status"], "success");
    }
    let (rest, code) = values.interrupt().await;
    assert!(rest.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "whole lines: {rest:?}");
    assert_eq!(code, Some(0));

    let counted = "sum(count_over_time({service_name=\"order-service\"} |= \"order confirmed\" [5m]))";
    let chart = stack.run(&["logs", counted, "--since", "5m"]).await;
    let text = String::from_utf8_lossy(&chart.stdout).into_owned();
    assert!(text.contains("last 2 ") && text.contains('└'), "{text} {}", stderr(&chart));
    let answer = parsed(&stack.run(&["logs", counted, "--since", "5m", "--json"]).await);
    assert_eq!(answer["data"]["resultType"], "matrix");
    let mut counts = Followed::start(stack.home.path(), &["logs", counted, "--follow"]);
    counts.line_with("└").await;
    counts.line_with("└").await;
    assert_eq!(counts.interrupt().await.1, Some(0));

    let mut charts = Followed::start(stack.home.path(), &["query", "sum(up)", "--since", "1m", "-f"]);
    charts.line_with("└").await;
    charts.line_with("└").await;
    assert_eq!(charts.interrupt().await.1, Some(0));
}

#[tokio::test]
async fn what_comes_is_followed_until_ctrl_c() {
    follows(&Stack::quiet().await).await;
}

#[tokio::test]
async fn what_comes_is_followed_on_the_native_stack_too() {
    let Some(setup) = native::setup() else { return };
    follows(&setup.arg("--no-load").start().await).await;
}

#[tokio::test]
async fn a_query_over_time_is_drawn() {
    let stack = Stack::quiet().await;
    let chart = eventually("values of all three services", || async {
        let output = stack.run(&["query", "up{job=~\".+-service\"}", "--since", "1m"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (text.matches("last 1 ").count() == 3).then_some(text)
    })
    .await;
    assert!(chart.contains("up{") && chart.contains('┤') && chart.contains('└'), "{chart}");
    let dots = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
    assert!(chart.contains(dots), "{chart}");
    let answer = parsed(&stack.run(&["query", "up", "--since", "1m", "--json"]).await);
    assert_eq!(answer["data"]["resultType"], "matrix");
    let many = stack.run(&["query", "{__name__=~\"process_.+\"}", "--since", "1m"]).await;
    let text = String::from_utf8_lossy(&many.stdout).into_owned();
    assert!(text.lines().next().is_some_and(|head| head.ends_with("series")), "{text}");
}

#[tokio::test]
async fn following_goes_on_when_the_backend_comes_back_and_ends_with_the_stack() {
    let stack = Stack::quiet().await;
    let mut lines = Followed::start(
        stack.home.path(),
        &["logs", "{service_name=\"order-service\"}", "--follow", "--json"],
    );
    assert_eq!(stack.order(&keyboard(), "before-the-crash").await.status(), 201);
    lines.line_with("before-the-crash").await;
    let killed = stack.pids()["backend"];
    signal(killed, Signal::KILL);
    eventually("another backend", || async {
        (stack.pids()["backend"] != killed && stack.run(&["query", "up"]).await.status.success())
            .then_some(())
    })
    .await;
    assert_eq!(stack.order(&keyboard(), "after-the-crash").await.status(), 201);
    lines.line_with("after-the-crash").await;
    stack.interrupt().await;
    let mut last = None;
    while let Some(line) = lines.next().await {
        last = Some(line);
    }
    let end: Value = serde_json::from_str(&last.expect("a last line")).expect("JSON");
    assert!(end["error"].as_str().is_some_and(|error| error.contains("the stack was stopped")), "{end}");
    let status = timeout(PATIENCE, lines.child.wait()).await.expect("it ends").expect("its status");
    assert_eq!(status.code(), Some(3));
}

#[tokio::test]
async fn a_reader_that_leaves_ends_what_follows() {
    let stack = Stack::quiet().await;
    for args in
        [&["logs", "{service_name=\"order-service\"}", "--follow"] as &[&str], &["query", "up", "--follow"]]
    {
        let Followed { mut child, lines } = Followed::start(stack.home.path(), args);
        drop(lines);
        let status = timeout(PATIENCE, child.wait()).await.expect("it ends").expect("its status");
        assert_eq!(status.code(), Some(0), "{args:?}");
    }
}

#[tokio::test]
async fn a_failure_is_a_json_object_too_with_the_same_exit_code() {
    let (home, stack) = (tempfile::tempdir().expect("a home"), Stack::quiet().await);
    let id = "0af7651916cd43dd8448eb211c80319c";
    let nothing_is_up: [&[&str]; 7] = [
        &["query", "up"],
        &["query", "up", "--follow"],
        &["logs", "{a=\"b\"}"],
        &["logs", "{a=\"b\"}", "--follow"],
        &["trace", id],
        &["audit"],
        &["load", "--for", "1s"],
    ];
    let on_the_stack: [(&[&str], i32, &str); 8] = [
        (&["query", "sum("], 1, "bad_data"),
        (&["query", "sum(", "--since", "5m"], 1, "bad_data"),
        (&["query", "sum(", "--follow"], 1, "bad_data"),
        (&["logs", "{a="], 1, "parse error"),
        (&["logs", "{a=", "--follow"], 1, "parse error"),
        (&["trace", id], 1, "there is no trace"),
        (&["trace", "x"], 2, "\"x\""),
        (&["up", "--for", "1s", "--ports", "auto"], 3, "already"),
    ];
    let wrong_words: [(&[&str], &str); 3] = [
        (&["query"], "required arguments were not provided"),
        (&["quary", "up"], "query"),
        (&["logs", "{a=\"b\"}", "--since", "soon"], "expected a time"),
    ];
    let missing = nothing_is_up.map(|args| (home.path(), args, 3, "nothing is up"));
    let asked = on_the_stack.map(|(args, code, words)| (stack.home.path(), args, code, words));
    let wrong = wrong_words.map(|(args, words)| (home.path(), args, 2, words));
    for (home, args, code, words) in missing.into_iter().chain(asked).chain(wrong) {
        let plain = run(home, args).await;
        let with_json = run(home, &[args, &["--json"]].concat()).await;
        assert_eq!(plain.status.code(), Some(code), "{args:?}: {}", said(&plain));
        assert!(plain.stdout.is_empty(), "{args:?}: {}", said(&plain));
        assert_eq!(with_json.status.code(), Some(code), "{args:?}: {}", said(&with_json));
        let answer = parsed(&with_json);
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{args:?}: {answer}"));
        assert!(error.contains(words), "{args:?}: {error}");
        assert!(!stderr(&with_json).is_empty(), "people are told as before: {args:?}");
    }
    let help = run(home.path(), &["query", "--help", "--json"]).await;
    assert_eq!(help.status.code(), Some(0));
    assert!(
        String::from_utf8_lossy(&help.stdout).lines().all(|line| !line.starts_with('{')),
        "{}",
        said(&help)
    );
}
