//! A process that crashes is started again on its port, and `up` says so.

use rustix::process::Signal;

use crate::harness::{Setup, eventually, signal};

#[tokio::test]
async fn a_killed_service_is_started_again_on_the_same_port() {
    let stack = Setup::default().arg("--no-load").start().await;
    let before = stack.pids()["product-service"];
    signal(before, Signal::KILL);
    let after = eventually("another process", || async {
        let pid = stack.pids()["product-service"];
        (pid != before).then_some(pid)
    })
    .await;
    assert!(crate::harness::alive(after));
    let health =
        stack.http.get(format!("{}/health", stack.url("product-service"))).send().await.expect("an answer");
    assert!(health.status().is_success());
    let stopped = stack.interrupt().await;
    assert!(stopped.out.contains("product-service ended (signal: 9"), "{}", stopped.out);
    assert!(stopped.out.contains("product-service runs again"), "{}", stopped.out);
    assert!(!crate::harness::alive(after), "the second life ends with the stack too");
}

#[tokio::test]
async fn a_database_that_is_set_aside_at_a_restart_is_told_on_the_terminal() {
    let stack = Setup::default().arg("--no-load").start().await;
    let before = stack.pids()["order-service"];
    signal(before, Signal::STOP);
    let data = stack.home.path().join("data");
    std::fs::write(data.join("order-service.db"), [0xA5; 64 * 1024]).expect("damaged");
    // The write-ahead log holds every page of a young database: with it there would be no damage.
    std::fs::write(data.join("order-service.db-wal"), "").expect("emptied");
    signal(before, Signal::KILL);
    eventually("another process", || async { (stack.pids()["order-service"] != before).then_some(()) }).await;
    let stopped = stack.interrupt().await;
    let told: Vec<_> = stopped.out.lines().filter(|line| line.contains("set aside as")).collect();
    assert_eq!(told.len(), 1, "{}", stopped.out);
    assert!(told[0].contains("order-service.db"), "{}", told[0]);
}

#[tokio::test]
async fn telemetry_survives_a_crash_of_its_backend() {
    let stack = Setup::default().arg("--no-load").start().await;
    let order = serde_json::json!({"user_id": 1, "product_id": 1001, "quantity": 1});
    assert_eq!(stack.order(&order, "before-the-crash").await.status(), 201);
    let found = |id: &'static str| {
        let stack = &stack;
        move || async move { stack.run(&["trace", "--correlation", id]).await.status.success().then_some(()) }
    };
    eventually("the first trace", found("before-the-crash")).await;
    let before = stack.pids()["backend"];
    signal(before, Signal::KILL);
    eventually("another backend", || async { (stack.pids()["backend"] != before).then_some(()) }).await;
    assert_eq!(stack.order(&order, "after-the-crash").await.status(), 201);
    eventually("the first trace is kept", found("before-the-crash")).await;
    eventually("the second trace", found("after-the-crash")).await;
}
