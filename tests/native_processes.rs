//! The real stack's processes: restarted when they end, and none of them left when the stack has gone, whichever way.

use std::{path::Path, process::Stdio};

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::harness::{PATIENCE, Setup, Stack, alive, command, eventually, native, signal, working_in};

const PROGRAMS_OF_A_STACK: [&str; 5] = ["alertmanager", "prometheus", "loki", "jaeger", "otelcol"];

/// The process that keeps a program for `up`.
fn keeper(program: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{program}/stat")).expect("it runs");
    let (_, rest) = stat.rsplit_once(") ").expect("the form of that file");
    rest.split(' ').nth(1).and_then(|parent| parent.parse().ok()).expect("its parent")
}

/// Kills a process and waits until `part` runs again, as another one.
async fn restarted(stack: &Stack, part: &str, kill: impl Fn(u32) -> u32) -> u32 {
    let before = stack.pids()[part];
    signal(kill(before), Signal::KILL);
    let after = eventually(&format!("{part} runs again"), || async {
        let now = stack.pids()[part];
        (now != before).then_some(now)
    })
    .await;
    assert!(!alive(before), "the {part} of before is gone");
    after
}

/// How nice a process is to others: 0 unless it was told to be.
fn niceness(pid: u32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, rest) = stat.rsplit_once(") ").expect("the form of that file");
    rest.split(' ').nth(16).and_then(|nice| nice.parse().ok()).expect("its niceness")
}

async fn nothing_is_left(home: &Path) {
    let left = || async { working_in(home).is_empty().then_some(()) };
    eventually("no process of this home is left", left).await;
}

#[tokio::test]
async fn a_killed_program_or_keeper_is_replaced_and_ctrl_c_leaves_nothing() {
    let Some(setup) = native::setup() else { return };
    let stack = setup.arg("--no-load").start().await;
    let order = serde_json::json!({"user_id": 1, "product_id": 1001, "quantity": 1});
    let pids = stack.pids();
    let service = niceness(pids["order-service"]);
    for program in PROGRAMS_OF_A_STACK {
        assert!(niceness(pids[program]) > service, "{program} gives way to the services");
    }

    restarted(&stack, "jaeger", |program| program).await;
    // The keeper's program is an orphan then, which nobody asked to end and which holds the port of the next one.
    let jaeger = restarted(&stack, "jaeger", keeper).await;
    restarted(&stack, "prometheus", keeper).await;

    assert_eq!(stack.order(&order, "after-the-kills").await.status(), 201);
    eventually("the new Jaeger holds the order's trace", || async {
        let services = stack.query().jaeger.services().await.ok()?;
        services.contains(&"order-service".to_owned()).then_some(())
    })
    .await;
    assert_eq!(stack.pids()["jaeger"], jaeger, "it has not ended again");

    let stopped = stack.interrupt().await;
    assert!(stopped.status.success(), "{}", stopped.status);
    for told in ["jaeger ended (signal: 9 (SIGKILL))", "jaeger runs again (pid "] {
        assert_eq!(
            stopped.out.matches(told).count(),
            2,
            "{told:?} for program and keeper in {}",
            stopped.out
        );
    }
    assert_eq!(working_in(stopped.home.path()), [0; 0], "at its end, not some time later");
}

#[tokio::test]
async fn a_kill_of_up_leaves_nothing_and_its_home_starts_again() {
    let Some(setup) = native::setup() else { return };
    let stack = setup.arg("--no-load").start().await;
    let order = serde_json::json!({"user_id": 1, "product_id": 1001, "quantity": 1});
    assert_eq!(stack.order(&order, "first-life").await.status(), 201);
    // Loki has it, and writes it down before it says so: the next start is to find it.
    let line = |stack: &Stack| {
        let query = stack.query();
        async move {
            let logql =
                r#"{service_name="order-service"} | correlation_id="first-life" |= "order confirmed""#;
            let window = query::Window::last(std::time::Duration::from_secs(3600));
            let lines =
                query.loki.query_range(logql, window, 10, query::loki::Direction::Forward).await.ok()?;
            (!lines.is_empty()).then_some(())
        }
    };
    eventually("the order's line", || line(&stack)).await;

    let home = stack.kill().await;
    nothing_is_left(home.path()).await;
    let again = native::setup().expect("found before").arg("--no-load").home(home);
    let stack = again.start().await;
    assert_eq!(stack.order(&order, "second-life").await.status(), 201);
    eventually("the line of before", || line(&stack)).await;
    assert!(stack.interrupt().await.status.success());
}

#[tokio::test]
async fn ctrl_c_in_the_middle_of_the_start_leaves_nothing() {
    let Some(Setup { args, env, .. }) = native::setup() else { return };
    let home = tempfile::tempdir().expect("a home");
    let mut up = command(home.path());
    up.args(["up", "--ports", "auto"]).args(args).envs(env).stdout(Stdio::null()).stderr(Stdio::null());
    let mut up = up.spawn().expect("it starts");
    // The programs are there, but not ready yet.
    let data = home.path().join("data/native");
    eventually("the first program", || async { data.exists().then_some(()) }).await;
    assert!(!home.path().join("run.json").exists(), "it is still starting");
    signal(up.id().expect("it runs"), Signal::INT);
    let status = tokio::time::timeout(PATIENCE, up.wait()).await.expect("up ends").expect("its status");
    assert_eq!(status.code(), Some(1), "nothing was ready: {status}");
    nothing_is_left(home.path()).await;
}

#[tokio::test]
async fn with_tail_sampling_an_order_that_was_kept_is_linked() {
    let Some(setup) = native::setup() else { return };
    let home = tempfile::tempdir().expect("a home");
    let mut up = command(home.path());
    up.arg("up")
        .args(["--ports", "auto", "--tail-sampling", "--rps", "60"])
        .args(&setup.args)
        .envs(&setup.env);
    let mut up = up.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(up.stdout.take().expect("piped")).lines();
    let linked = async {
        while let Some(line) = lines.next_line().await.expect("its output") {
            if line.starts_with("An order from end to end: http://127.0.0.1:") {
                return;
            }
        }
        panic!("it ended without a link");
    };
    tokio::time::timeout(PATIENCE, linked).await.expect("most orders are not kept, but some are");
    signal(up.id().expect("it runs"), Signal::INT);
    assert!(up.wait().await.expect("it ends").success());
}
