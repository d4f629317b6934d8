//! What is wrong is said in one line that tells what, where and what to do; nothing is started by halves.

use std::{net::TcpListener, path::Path, process::Output};

use telemetry::{
    db::{Database, Settings, Statement, query},
    statement,
};

use crate::harness::{Setup, Stack, alive, run, stderr, working_in};

/// One line on standard error with all of `words`, the exit code for a lacking environment, and no child left.
fn refused(output: &Output, home: &Path, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} in {said:?}");
    }
    assert!(!home.join("run.json").exists());
    assert!(working_in(home).is_empty(), "no process of this home is left");
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_holder() {
    // Another stack could hold the standard ports too; then it is the one that is named.
    let held = TcpListener::bind("127.0.0.1:16686");
    let home = tempfile::tempdir().expect("a home");
    let output = run(home.path(), &["up", "--for", "1s"]).await;
    refused(&output, home.path(), &["port ", "is taken", "--ports auto"]);
    drop(held);
    let left = std::fs::read_dir(home.path()).expect("the home").count();
    assert_eq!(left, 0, "a start that was refused makes no home");
}

#[tokio::test]
async fn a_home_that_cannot_be_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("a-file");
    std::fs::write(&file, "").expect("a file");
    let home = file.join("home");
    let output = run(&home, &["up", "--ports", "auto", "--for", "1s"]).await;
    refused(&output, &home, &["a-file", "--home"]);
}

#[tokio::test]
async fn a_full_disk_is_said_in_one_line_and_nothing_is_left_running() {
    let home = tempfile::tempdir().expect("a home");
    // No file may grow beyond 16 blocks: the first larger one meets the same wall as on a full disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 16; exec {} up --ports auto --for 2s --no-load",
        crate::harness::program()
    );
    let mut limited = tokio::process::Command::new("sh");
    limited.args(["-c", &script]).env("FIREDRILL_HOME", home.path()).stdin(std::process::Stdio::null());
    let output = limited.output().await.expect("a shell");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&home.path().display().to_string()), "where: {said}");
    assert!(said.contains("full") && said.contains("--home"), "what to do: {said}");
    assert!(!said.contains("DATABASE_PATH"), "up sets that itself: {said}");
    assert!(!home.path().join("run.json").exists());
    assert!(working_in(home.path()).is_empty(), "no process of this home is left");
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_ends_the_start_in_one_line() {
    let home = tempfile::tempdir().expect("a home");
    std::fs::create_dir_all(home.path().join("data/product-service.db")).expect("a folder in the way");
    let output = run(home.path(), &["up", "--ports", "auto", "--for", "2s"]).await;
    refused(&output, home.path(), &["product-service", "data/product-service.db"]);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_in_one_line_with_what_to_do() {
    static OTHERS: Statement = statement!("CREATE", "users", "CREATE TABLE users (cats TEXT)");
    let home = tempfile::tempdir().expect("a home");
    std::fs::create_dir(home.path().join("data")).expect("a folder");
    let path = home.path().join("data/user-service.db");
    let foreign = Database::open(Settings::new(&path), &telemetry::Metrics::new("foreign", "1")).await;
    let foreign = foreign.expect("a file");
    foreign.execute(query(&OTHERS)).await.expect("made");
    foreign.close().await;
    let output = run(home.path(), &["up", "--ports", "auto", "--for", "2s"]).await;
    let path = path.display().to_string();
    refused(&output, home.path(), &["user-service", &path, "another program's", "move it away", "--home"]);
    assert_eq!(stderr(&output).matches("users").count(), 1, "once: {}", stderr(&output));
}

#[tokio::test]
async fn a_corrupt_store_is_set_aside_and_the_stack_starts() {
    let stack = Stack::quiet().await;
    let stopped = stack.interrupt().await;
    let data = stopped.home.path().join("data");
    let database = data.join("order-service.db");
    let garbage = vec![0xA5_u8; 64 * 1024];
    for entry in std::fs::read_dir(&data).expect("the data").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("order-service.db-") {
            std::fs::remove_file(entry.path()).expect("removed");
        }
    }
    std::fs::write(&database, &garbage).expect("damaged");

    let stack = Setup::default().arg("--no-load").home(stopped.home).start().await;
    let order = serde_json::json!({"user_id": 1, "product_id": 101, "quantity": 1});
    assert_eq!(stack.order(&order, "after-the-damage").await.status(), 201);
    let kept = std::fs::read_dir(stack.home.path().join("data"))
        .expect("the data")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("order-service.db."))
        .any(|entry| std::fs::read(entry.path()).is_ok_and(|bytes| bytes == garbage));
    assert!(kept, "the damaged file is kept under another name");
    let log = std::fs::read_to_string(stack.home.path().join("logs/order-service.log")).expect("its log");
    assert!(log.contains("set aside"), "{log}");
    let stopped = stack.interrupt().await;
    assert!(stopped.out.contains("set aside as"), "up says so too: {}", stopped.out);
}

#[tokio::test]
async fn a_command_without_a_stack_says_how_to_start_one() {
    let home = tempfile::tempdir().expect("a home");
    let commands: [&[&str]; 5] = [
        &["query", "up"],
        &["logs", "{service_name=\"order-service\"}"],
        &["trace", "0af7651916cd43dd8448eb211c80319c"],
        &["audit"],
        &["load", "--for", "1s"],
    ];
    for args in commands {
        let output = run(home.path(), args).await;
        refused(&output, home.path(), &["nothing is up", "firedrill up"]);
    }
}

#[tokio::test]
async fn mistyped_words_name_the_nearest_right_one() {
    let home = tempfile::tempdir().expect("a home");
    for (args, right) in [
        (&["uo"] as &[&str], "up"),
        (&["up", "--seeed", "1"], "--seed"),
        (&["up", "--ports", "atuo"], "auto"),
        (&["audit", "--request", "5"], "--requests"),
    ] {
        let output = run(home.path(), args).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(right), "{args:?}: {}", stderr(&output));
    }
    for args in [["up", "--for", "soon"], ["up", "--rps", "-1"], ["audit", "--requests", "0"]] {
        let output = run(home.path(), &args).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = stderr(&output);
        assert!(said.contains(&format!("'{}'", args[2])), "{args:?}: {said}");
    }
}

#[tokio::test]
async fn bad_questions_are_answered_in_the_words_of_the_api() {
    let stack = Stack::quiet().await;
    let output = stack.run(&["query", "sum(rate("]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("bad_data"), "{}", stderr(&output));
    let output = stack.run(&["logs", "{service_name="]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("parse error"), "{}", stderr(&output));
    let output = stack.run(&["trace", "not-an-id"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("not-an-id"), "{}", stderr(&output));
    let output = stack.run(&["trace", "0af7651916cd43dd8448eb211c80319c"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("there is no trace"), "{}", stderr(&output));
    let output = stack.run(&["trace", "--correlation", "nobody"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nobody"), "{}", stderr(&output));
}

#[tokio::test]
async fn malformed_telemetry_is_refused_and_counted_and_stops_nothing() {
    let stack = Stack::quiet().await;
    let post = |url: String, body: Vec<u8>, content_type: &'static str| {
        stack.http.post(url).header("content-type", content_type).body(body).send()
    };
    let otlp = stack.url("otlp_http").to_owned();
    for path in ["/v1/traces", "/v1/logs"] {
        let answer = post(format!("{otlp}{path}"), vec![0xff; 100], "application/x-protobuf")
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 400, "{path}");
        let answer = post(format!("{otlp}{path}"), b"{\"resourceSpans\": 7".to_vec(), "application/json")
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 400, "{path}");
    }
    let push = format!("{}/loki/api/v1/push", stack.url("loki"));
    assert_eq!(
        post(push, b"{\"streams\": 1}".to_vec(), "application/json").await.expect("an answer").status(),
        400
    );
    let metrics = stack.http.get(format!("{}/metrics", stack.url("prometheus"))).send().await;
    let metrics = metrics.expect("an answer").text().await.expect("text");
    for counted in ["{signal=\"spans\"} 2", "{signal=\"logs\"} 3"] {
        let line = format!("backend_bad_requests_total{counted}");
        assert!(metrics.lines().any(|metric| metric == line), "{line} in {metrics}");
    }
    let order = serde_json::json!({"user_id": 1, "product_id": 101, "quantity": 1});
    assert_eq!(stack.order(&order, "afterwards").await.status(), 201);
    assert!(stack.run(&["audit", "--requests", "5"]).await.status.success());
}

#[tokio::test]
async fn what_changes_state_wants_the_token() {
    let stack = Setup::default().arg("--rps").arg("5").start().await;
    let pause = format!("{}/pause", stack.url("loadgen"));
    for token in [None, Some("wrong")] {
        let mut request = stack.http.post(&pause).json(&serde_json::json!({"lease_s": 1}));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        assert_eq!(request.send().await.expect("an answer").status(), 401);
    }
    // The token stands in no process's arguments.
    for pid in stack.pids().into_values().filter(|pid| alive(*pid)) {
        let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!arguments.contains(&stack.run.admin_token));
    }
}

#[tokio::test]
async fn a_child_that_is_started_by_hand_says_what_it_lacks() {
    let home = tempfile::tempdir().expect("a home");
    // Its lifeline is closed at once, and its settings are missing: it must end, not hang.
    let output = run(home.path(), &["run", "backend"]).await;
    refused(&output, home.path(), &["BACKEND_DATA_DIR is not set", "`firedrill up` sets it"]);
}
