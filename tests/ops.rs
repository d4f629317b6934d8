//! What an operator reads and changes while the stack runs.

use firedrill::run_file::RunFile;
use serde_json::{Value, json};

use crate::harness::{Setup, Stack, eventually, json as parsed, stderr};

async fn pool_size(stack: &Stack) -> Option<String> {
    let text = stack.http.get(format!("{}/metrics", stack.url("order-service"))).send().await.ok()?;
    let text = text.text().await.ok()?;
    let line = text.lines().find(|line| line.starts_with("db_client_connections_max{"))?;
    line.rsplit(' ').next().map(str::to_owned)
}

#[tokio::test]
async fn a_setting_is_read_changed_taken_back_and_listed() {
    let stack = Stack::quiet().await;
    assert_eq!(pool_size(&stack).await.as_deref(), Some("8"));

    let output = stack.run(&["ops", "get", "order-service", "--json"]).await;
    let shown = parsed(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!((&shown["service"], &shown["revision"]), (&json!("order-service"), &json!(0)));
    assert_eq!(shown["settings"]["db.pool.max_connections"]["value"], 8);
    assert_eq!(shown["version"], env!("CARGO_PKG_VERSION"));

    let output = stack.run(&["ops", "set", "order-service", "db.pool.max_connections=4", "--json"]).await;
    assert_eq!(parsed(&output)["revision"], 1, "{}", stderr(&output));
    assert_eq!(pool_size(&stack).await.as_deref(), Some("4"));

    let output = stack.run(&["ops", "get", "order-service", "db.pool"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("4 connections  (1 to 64, default 8)"), "{text}");

    let output = stack.run(&["ops", "rollback", "order-service", "--json"]).await;
    assert_eq!(parsed(&output)["settings"]["db.pool.max_connections"]["value"], 8);
    let history = parsed(&stack.run(&["ops", "history", "order-service", "--json"]).await);
    let changes: Vec<&Value> =
        history["history"].as_array().expect("a list").iter().map(|r| &r["changes"]).collect();
    assert_eq!(changes[0]["db.pool.max_connections"], json!({"from": 8, "to": 4}));
    assert_eq!(changes[1]["db.pool.max_connections"], json!({"from": 4, "to": 8}));
    let text = stack.run(&["ops", "history", "order-service"]).await;
    assert!(String::from_utf8_lossy(&text.stdout).contains("db.pool.max_connections 8 -> 4"));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_one_line_with_the_nearest_right_word() {
    let stack = Stack::quiet().await;
    for (args, code, words) in [
        (&["get", "odrer-service"][..], 2, "did you mean `order-service`?"),
        (&["get", "order-service", "db.pol"], 2, "there is no setting \"db.pol\""),
        (&["set", "order-service", "db.pool.max_conections=4"], 2, "did you mean `db.pool.max_connections`?"),
        (
            &["set", "order-service", "db.pool.max_connections=0"],
            2,
            "a whole number from 1 to 64 (connections)",
        ),
        (&["set", "order-service", "orders.lookup=all"], 2, "one of batch, each"),
        (&["rollback", "order-service", "--to", "7"], 2, "revision"),
    ] {
        let output = stack.run(&[&["ops"], args].concat()).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{args:?}: {said}");
    }
    let home = tempfile::tempdir().expect("a home");
    let output = crate::harness::run(home.path(), &["ops", "get", "order-service"]).await;
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("nothing is up"), "{}", stderr(&output));
}

#[tokio::test]
async fn another_level_of_log_lines_silences_them_and_nothing_else() {
    let stack = Stack::quiet().await;
    let order = json!({"user_id": 1, "product_id": 101, "quantity": 1});
    let lines = async |correlation: &str| {
        // The one of the request alone: what delivers the order's event may come to it when lines are written again.
        let query =
            format!("{{service_name=\"order-service\"}} |= \"request\" | correlation_id=\"{correlation}\"");
        let answer = parsed(&stack.run(&["logs", &query, "--json"]).await);
        answer["data"]["result"].as_array().map_or(0, Vec::len)
    };
    let set = stack.run(&["ops", "set", "order-service", "log.level=error"]).await;
    assert!(set.status.success(), "{}", stderr(&set));
    assert_eq!(stack.order(&order, "silent").await.status(), 201);
    let back = stack.run(&["ops", "rollback", "order-service"]).await;
    assert!(back.status.success(), "{}", stderr(&back));
    assert_eq!(stack.order(&order, "heard").await.status(), 201);
    eventually("lines again", || async { (lines("heard").await > 0).then_some(()) }).await;
    eventually("the trace of the silent order", || async {
        let output = stack.run(&["trace", "--correlation", "silent"]).await;
        String::from_utf8_lossy(&output.stdout).contains("POST /orders").then_some(())
    })
    .await;
    assert_eq!(lines("silent").await, 0, "its lines would have come before those of the next");
}

#[tokio::test]
async fn settings_that_cannot_be_read_end_the_start_in_one_line_and_damaged_ones_are_set_aside() {
    let home = tempfile::tempdir().expect("a home");
    let path = home.path().join("data/order-service.settings.json");
    std::fs::create_dir_all(&path).expect("a folder in the way");
    let output = crate::harness::run(home.path(), &["up", "--ports", "auto", "--for", "2s"]).await;
    let said = stderr(&output);
    assert_eq!((output.status.code(), said.lines().count()), (Some(3), 1), "{said}");
    assert!(said.contains(&path.display().to_string()) && said.contains("--home"), "{said}");

    std::fs::remove_dir(&path).expect("empty");
    std::fs::write(&path, "{\"version\"").expect("damaged");
    let stack = Setup::default().arg("--no-load").home(home).start().await;
    assert_eq!(pool_size(&stack).await.as_deref(), Some("8"));
    let stopped = stack.interrupt().await;
    assert!(stopped.out.contains("order-service.settings.json.corrupt-"), "up says so: {}", stopped.out);
}

#[tokio::test]
async fn only_the_token_opens_the_settings_and_never_the_public_port() {
    let stack = Stack::quiet().await;
    for service in ["user-service", "product-service", "order-service"] {
        let base = &stack.run.admin_urls[service];
        let url = format!("{base}/settings");
        let answer = stack.http.get(&url).send().await.expect("an answer");
        assert_eq!(answer.status(), 401);
        let wrong = stack.http.get(&url).bearer_auth("guess").send().await.expect("an answer");
        assert_eq!(wrong.status(), 401);
        let right = stack.http.get(&url).bearer_auth(&stack.run.admin_token).send().await.expect("an answer");
        let shown: Value = right.json().await.expect("settings");
        assert_eq!(shown["service"], service);
        let public = format!("{}/settings", stack.url(service));
        let public =
            stack.http.get(public).bearer_auth(&stack.run.admin_token).send().await.expect("an answer");
        assert_eq!(public.status(), 404);
    }
}

#[tokio::test]
async fn settings_survive_a_crash_of_the_service_and_a_restart_of_the_stack() {
    let stack = Stack::quiet().await;
    let set = stack.run(&["ops", "set", "order-service", "db.pool.max_connections=3"]).await;
    assert!(set.status.success(), "{}", stderr(&set));
    let file = stack.home.path().join("data/order-service.settings.json");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("kept").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let pid = stack.pids()["order-service"];
    crate::harness::signal(pid, rustix::process::Signal::KILL);
    eventually("it runs again", || async { (stack.pids().get("order-service")? != &pid).then_some(()) })
        .await;
    eventually("its pool", || async { (pool_size(&stack).await? == "3").then_some(()) }).await;
    let home = stack.interrupt().await.home;
    let stack = Setup::default().arg("--no-load").home(home).start().await;
    assert_eq!(pool_size(&stack).await.as_deref(), Some("3"));
    let run =
        RunFile::find(&firedrill::home::Home::new(Some(stack.home.path().to_path_buf()))).expect("it is up");
    assert_eq!(run.admin_urls.len(), 3);
}
