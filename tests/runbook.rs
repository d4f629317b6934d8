//! Runbooks are run on the stack that is up: on a healthy one nothing is abnormal, on a sick one the cause is, and what helps is
//! carried out.

use std::{path::Path, process::Output, time::Instant};

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Setup, Stack, command, eventually, json as parsed, native, run, said, signal, stderr};

/// What a command says that is refused, in its one line.
fn refused(output: &Output, code: i32, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} in {said:?}");
    }
}

/// The alerts that have a runbook.
async fn alerts(home: &Path) -> Vec<String> {
    let listed = parsed(&run(home, &["runbook", "list", "--json"]).await);
    let pages = listed["runbooks"].as_array().expect("a list");
    pages.iter().map(|page| page["alert"].as_str().expect("a name").to_owned()).collect()
}

/// What a page says when it is answered by all three APIs, once nothing of it is abnormal.
async fn healthy(stack: &Stack, alert: &str) {
    // How fast a machine is that runs other tests, too, is no question of health.
    let judged = !alert.ends_with("Slow");
    eventually(&format!("nothing abnormal for {alert}"), || async {
        let order = json!({"user_id": 1, "product_id": 101, "quantity": 1});
        stack.order(&order, "healthy").await;
        let output = stack.run(&["runbook", "run", alert, "--since", "20s", "--json"]).await;
        let told = parsed(&output);
        assert_eq!(told["unanswered"], 0, "{alert}: {}", said(&output));
        let well = told["failed"] == 0;
        assert_eq!(output.status.code(), Some(i32::from(!well)), "{alert}: {}", said(&output));
        (well || !judged).then_some(())
    })
    .await;
}

const NO_TRAFFIC: &str = "NothingToCount";

/// Without more traffic than its own, so that nothing fails because others use the machine.
async fn healthy_in_all_pages(stack: &Stack) {
    for alert in alerts(stack.home.path()).await.iter().filter(|alert| *alert != NO_TRAFFIC) {
        healthy(stack, alert).await;
    }
}

#[tokio::test]
async fn on_a_healthy_stack_every_page_is_answered_and_nothing_is_abnormal() {
    healthy_in_all_pages(&Stack::quiet().await).await;
}

#[tokio::test]
async fn on_the_real_stack_every_page_is_answered_and_nothing_is_abnormal() {
    let Some(setup) = native::setup() else { return };
    healthy_in_all_pages(&setup.arg("--no-load").start().await).await;
}

#[tokio::test]
async fn traffic_is_something_to_count() {
    let stack = Setup::default().arg("--rps").arg("10").start().await;
    healthy(&stack, NO_TRAFFIC).await;
}

/// The step of a run in whose question these words stand.
fn step<'a>(told: &'a Value, words: &str) -> &'a Value {
    let answers = told["answers"].as_array().expect("a list");
    let is_meant = |answer: &&Value| answer["asks"].as_str().is_some_and(|asks| asks.contains(words));
    answers.iter().find(is_meant).unwrap_or_else(|| panic!("{words:?} in {told}"))
}

const PAGE: &str = "OrderPlacementSlow";
const WAITS: &str = "wait for a connection";

/// So many orders at once, again and again.
async fn crowd(stack: &Stack) -> std::convert::Infallible {
    let order = json!({"user_id": 1, "product_id": 101, "quantity": 1});
    loop {
        join_all((0..24).map(|nth| {
            let (order, id) = (&order, format!("crowd-{nth}"));
            async move { stack.order(order, &id).await.status() }
        }))
        .await;
    }
}

async fn pool(stack: &Stack) -> Value {
    let shown = parsed(&stack.run(&["ops", "get", "order-service", "--json"]).await);
    shown["settings"]["db.pool.max_connections"]["value"].clone()
}

/// Runs the page while the crowd orders, is refused to change anything unasked, and lets it mitigate.
async fn marked_and_mitigated(stack: &Stack, since: Instant) {
    let time = || format!("{}s", since.elapsed().as_secs().max(5));
    let told = eventually("the pool is marked", || async {
        let output = stack.run(&["runbook", "run", PAGE, "--since", &time(), "--json"]).await;
        let told = parsed(&output);
        let marked = step(&told, WAITS)["state"] == "abnormal";
        assert!(!marked || output.status.code() == Some(1), "{}", said(&output));
        marked.then_some(told)
    })
    .await;
    assert_eq!(step(&told, WAITS)["values"][0]["abnormal"], true, "{told}");
    assert_eq!(told["fitting"][0]["ops"], json!(["rollback order-service"]), "{told}");

    // What is printed for people can be typed as it stands.
    let text = stack.run(&["runbook", "run", PAGE, "--since", &time()]).await;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let shown = text.lines().skip_while(|line| !line.contains(WAITS)).find(|line| line.contains(" query "));
    let shown = shown.unwrap_or_else(|| panic!("a command in {text}")).trim();
    assert!(shown.contains("--home"), "{shown}");
    let typed = tokio::process::Command::new("sh").arg("-c").arg(shown).output().await.expect("a shell");
    assert!(typed.status.success(), "{shown}: {}", said(&typed));
    assert!(text.contains("ABNORMAL") && text.contains("ops rollback order-service"), "{text}");

    refused(&stack.run(&["runbook", "run", PAGE, "--mitigate"]).await, 2, &["terminal", "--yes"]);
    assert_eq!(pool(stack).await, 1, "nobody was asked");
    let output =
        stack.run(&["runbook", "run", PAGE, "--since", &time(), "--mitigate", "--yes", "--json"]).await;
    let told = parsed(&output);
    assert_eq!(told["mitigated"], json!(["rollback order-service"]), "{}", said(&output));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[tokio::test]
async fn slow_orders_lead_to_the_pool_and_the_last_change_is_taken_back() {
    let stack = Stack::quiet().await;
    let change = ["orders.connection_scope=request", "db.pool.max_connections=1"];
    let set = stack.run(&[&["ops", "set", "order-service"], &change[..]].concat()).await;
    assert!(set.status.success(), "{}", said(&set));
    tokio::select! {
        () = marked_and_mitigated(&stack, Instant::now()) => {}
        never = crowd(&stack) => match never {},
    }
    assert_eq!(pool(&stack).await, 8);
    eventually("nobody waits any more", || async {
        let order = json!({"user_id": 1, "product_id": 102, "quantity": 1});
        stack.order(&order, "alone").await;
        let told = parsed(&stack.run(&["runbook", "run", PAGE, "--since", "5s", "--json"]).await);
        let waits = step(&told, WAITS);
        let known = waits["values"].as_array().is_some_and(|values| !values.is_empty());
        (known && waits["state"] == "ok").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_service_that_hangs_is_marked_and_begun_anew() {
    const PAGE: &str = "ProductServiceUnavailable";
    let stack = Stack::quiet().await;
    let scrapes = async |wanted: &str| {
        let told = parsed(&stack.run(&["runbook", "run", PAGE, "--since", "10s", "--json"]).await);
        (step(&told, "answer its scrapes")["state"] == wanted).then_some(told)
    };
    eventually("its first scrapes", || scrapes("ok")).await;
    let pid = stack.pids()["product-service"];
    signal(pid, Signal::STOP);
    let told = eventually("it answers no scrapes", || scrapes("abnormal")).await;
    assert_eq!(told["fitting"][0]["ops"], json!(["restart product-service"]), "{told}");
    let output =
        stack.run_long(&["runbook", "run", PAGE, "--since", "10s", "--mitigate", "--yes", "--json"]).await;
    assert_eq!(parsed(&output)["mitigated"], json!(["restart product-service"]), "{}", said(&output));
    assert_ne!(stack.pids()["product-service"], pid);
    let order = json!({"user_id": 1, "product_id": 102, "quantity": 1});
    eventually("orders again", || async {
        (stack.order(&order, "again").await.status() == 201).then_some(())
    })
    .await;
    eventually("its scrapes", || scrapes("ok")).await;
}

#[tokio::test]
async fn a_page_that_is_not_there_or_is_broken_is_named_in_one_line() {
    let home = tempfile::tempdir().expect("a home");
    for command in ["show", "run"] {
        let output = run(home.path(), &["runbook", command, "OrderPlacmentSlow"]).await;
        refused(&output, 2, &["no runbook", "did you mean `OrderPlacementSlow`?"]);
    }
    refused(&run(home.path(), &["runbook", "run", PAGE]).await, 3, &["nothing is up", "firedrill up"]);
    let shown = run(home.path(), &["runbook", "show", PAGE]).await;
    assert!(String::from_utf8_lossy(&shown.stdout).starts_with("# OrderPlacementSlow\n"), "{}", said(&shown));

    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("runbooks");
    std::fs::create_dir(&place).expect("a folder");
    let page = |block: &str| {
        format!(
            "# Broken\n\n## Meaning\n\nM.\n\n## Impact\n\nI.\n\n## Diagnosis\n\n1. So? There.\n\n{block}\n\n## Mitigation\n"
        )
    };
    for (block, words) in [
        ("```promlq\n# abnormal: any\nup\n```", &["runbooks/Broken.md:15:", "did you mean `promql`?"][..]),
        ("```promql\n# abnormal: any\nsum(up\n```", &["runbooks/Broken.md:15:", "not PromQL"]),
        ("```promql\nup\n```", &["runbooks/Broken.md:15:", "# abnormal:"]),
    ] {
        std::fs::write(place.join("Broken.md"), page(block)).expect("written");
        let mut command = command(home.path());
        let output = command.args(["runbook", "run", "Broken"]).current_dir(folder.path()).output().await;
        refused(&output.expect("it runs"), 1, words);
    }
}
