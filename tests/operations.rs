//! What an operator does with the services: restarts, signals with leases; what makes no sense changes nothing; and nothing is
//! left behind, however the stack ends.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{
    Setup, Stack, alive, control::instances, eventually, json as parsed, run, signal, stderr, working_in,
};

async fn state(stack: &Stack, service: &str) -> String {
    stack.instances(service).await[0]["state"].as_str().expect("a state").to_owned()
}

async fn is_ready(stack: &Stack, service: &str) -> bool {
    let url = format!("{}/ready", stack.url(service));
    stack.http.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
}

#[tokio::test]
async fn a_service_is_restarted_on_its_port_and_the_others_go_on() {
    let stack = Stack::quiet().await;
    let before = stack.instances("order-service").await;
    assert_eq!(before.len(), 1);
    assert_eq!(before[0]["instance"], "order-service");
    assert_eq!(before[0]["url"], stack.url("order-service"));
    assert_eq!(before[0]["pid"], stack.pids()["order-service"]);
    assert_eq!((&before[0]["state"], &before[0]["restarts"]), (&json!("running"), &json!(0)));
    let others = stack.pids();

    let output = stack.run(&["ops", "restart", "order-service", "--json"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let after = instances(&parsed(&output), "order-service");
    assert_eq!(after[0]["url"], before[0]["url"]);
    assert_ne!(after[0]["pid"], before[0]["pid"]);
    assert_eq!((&after[0]["state"], &after[0]["restarts"]), (&json!("running"), &json!(1)));
    let order = json!({"user_id": 1, "product_id": 101, "quantity": 1});
    assert_eq!(stack.order(&order, "after-the-restart").await.status(), 201);
    eventually("the new process stands in run.json", || async {
        let pids = stack.pids();
        (pids["order-service"] == after[0]["pid"]).then_some(())
    })
    .await;
    for name in ["user-service", "product-service", "backend", "console"] {
        assert_eq!(stack.pids()[name], others[name], "{name}");
    }
}

#[tokio::test]
async fn a_stop_ends_with_its_lease_and_lasts_as_long_as_it_is_prolonged() {
    let stack = Stack::quiet().await;
    let stop = json!({"signal": "stop", "lease_s": 3600});
    let answer = stack.operate(Method::POST, "/services/user-service/signal", stop).await;
    assert_eq!(instances(&answer, "user-service")[0]["state"], "stopped");
    let lease = format!("/leases/{}", answer["lease"].as_str().expect("a lease"));

    // Shortened by what would prolong it, so that the test does not wait an hour for its end.
    stack.operate(Method::PUT, &lease, json!({"lease_s": 0.2})).await;
    eventually("it goes on", || async { (state(&stack, "user-service").await == "running").then_some(()) })
        .await;
    assert!(is_ready(&stack, "user-service").await);
    let (status, gone) = stack.control(Method::PUT, &lease, Some(json!({"lease_s": 1}))).await;
    assert_eq!(status, 404, "{gone}");

    let stop = json!({"signal": "stop", "instance": "user-service", "lease_s": 3600});
    let answer = stack.operate(Method::POST, "/services/user-service/signal", stop).await;
    let lease = format!("/leases/{}", answer["lease"].as_str().expect("a lease"));
    let (status, answer) = stack.control(Method::DELETE, &lease, None).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(instances(&answer, "user-service")[0]["state"], "running");

    let answer =
        stack.operate(Method::POST, "/services/user-service/signal", json!({"signal": "stop"})).await;
    assert!(answer["lease"].is_null(), "{answer}");
    let answer =
        stack.operate(Method::POST, "/services/user-service/signal", json!({"signal": "continue"})).await;
    assert_eq!(instances(&answer, "user-service")[0]["state"], "running");
}

#[tokio::test]
async fn a_service_that_is_killed_is_started_again() {
    let stack = Stack::quiet().await;
    let before = stack.pids()["product-service"];
    stack.operate(Method::POST, "/services/product-service/signal", json!({"signal": "kill"})).await;
    eventually("another process", || async {
        let now = &stack.instances("product-service").await[0];
        (now["pid"] != before && now["state"] == "running" && now["restarts"] == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_sense_gets_one_clear_error_and_changes_nothing() {
    let stack = Stack::quiet().await;
    let before = stack.control(Method::GET, "/services", None).await;
    let post = |path: &'static str, body: Value| (Method::POST, path, Some(body));
    let restart = "/services/order-service/restart";
    let (scale, deploy) = ("/services/order-service/scale", "/services/order-service/deploy");
    let send = "/services/order-service/signal";
    let wrong = [
        (post("/services/orders-service/restart", json!({})), 404, "did you mean order-service?"),
        (post("/services/cart/scale", json!({"instances": 2})), 404, "there are user-service"),
        (post("/services/backend/restart", json!({})), 404, "there are user-service"),
        (post(restart, json!({"instance": "order-service-7"})), 404, "only order-service"),
        (post(restart, json!({"all": true})), 422, "all"),
        (post(scale, json!({"instances": 0})), 422, "from 1 to 8"),
        (post(scale, json!({"instances": 100})), 422, "from 1 to 8"),
        (post(scale, json!({"instances": -1})), 422, "instances"),
        (post(scale, json!({})), 422, "instances"),
        (post(deploy, json!({"version": ""})), 422, "version"),
        (post(deploy, json!({"version": "1,2"})), 422, "version"),
        (post(deploy, json!({"version": "2", "share": 0})), 422, "above 0 and at most 1"),
        (post(deploy, json!({"version": "2", "share": 1.1})), 422, "above 0 and at most 1"),
        (post(deploy, json!({"version": "2", "lease_s": 0})), 422, "seconds, not 0"),
        (post(deploy, json!({"version": "2", "settings": {"no.such": 1}})), 422, "no.such"),
        (post(send, json!({"signal": "hup"})), 422, "stop"),
        (post(send, json!({"signal": "kill", "lease_s": 1})), 422, "only a stop"),
        (post(send, json!({"signal": "stop", "lease_s": 3601})), 422, "seconds, not 3601"),
        (post(send, json!({"signal": "stop", "instance": "x"})), 404, "no instance \"x\""),
        ((Method::DELETE, deploy, None), 404, "nothing is deployed"),
        ((Method::DELETE, "/leases/7", None), 404, "no lease 7"),
        ((Method::PUT, "/leases/x", Some(json!({"lease_s": 1}))), 404, "no lease x"),
        ((Method::GET, "/nothing", None), 404, "nothing at this path"),
    ];
    for ((method, path, body), status, words) in wrong {
        let what = format!("{method} {path} {body:?}");
        let (answered, problem) = stack.control(method, path, body).await;
        assert_eq!(answered, status, "{what}: {problem}");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words) && !detail.contains('\n'), "{what}: {detail}");
    }
    for token in ["", "guess"] {
        let (status, problem) = stack.control_as(token, Method::GET, "/services", None).await;
        assert_eq!(status, 401, "{problem}");
    }
    assert_eq!(stack.control(Method::GET, "/services", None).await, before);

    for (args, words) in [
        (&["ops", "restart", "cart"][..], "there are user-service"),
        (&["ops", "scale", "order-service", "0"], "from 1 to 8"),
        (&["ops", "deploy", "order-service", "--version", "2", "--set", "no.such=1"], "no.such"),
    ] {
        let output = stack.run(args).await;
        assert!(!output.status.success(), "{args:?}");
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
    assert_eq!(stack.control(Method::GET, "/services", None).await, before);
}

#[tokio::test]
async fn without_a_stack_an_operation_says_so() {
    let home = tempfile::tempdir().expect("a home");
    let output = run(home.path(), &["ops", "restart", "order-service"]).await;
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("nothing is up"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_stopped_service_is_no_hindrance_to_the_end_of_the_stack() {
    let stack = Stack::quiet().await;
    stack.operate(Method::POST, "/services/order-service/signal", json!({"signal": "stop"})).await;
    let stopped = stack.interrupt().await;
    assert!(stopped.status.success(), "{} {}", stopped.status, stopped.err);
    assert!(!stopped.err.contains("Waiting for order-service"), "{}", stopped.err);
    assert_eq!(working_in(stopped.home.path()), Vec::<u32>::new());
}

#[tokio::test]
async fn a_stopped_service_ends_when_its_stack_is_killed() {
    let stack = Setup::default().arg("--no-load").start().await;
    stack.operate(Method::POST, "/services/order-service/scale", json!({"instances": 2})).await;
    for instance in ["order-service", "order-service-2"] {
        let stop = json!({"signal": "stop", "instance": instance});
        stack.operate(Method::POST, "/services/order-service/signal", stop).await;
    }
    let pids = eventually("both stand in run.json", || async {
        Some(stack.pids()).filter(|pids| pids.contains_key("order-service-2"))
    })
    .await;
    signal(stack.up_pid(), Signal::KILL);
    for (name, pid) in pids {
        eventually(&format!("{name} ends"), || async move { (!alive(pid)).then_some(()) }).await;
    }
}

/// Words that would tell a participant what goes on behind the scenes.
const TELLING: [&str; 5] = ["fault", "chaos", "drill", "inject", "incident"];

fn assert_tells_nothing(what: &str, text: &str) {
    // The program's own name, and an everyday word that one of them is a part of.
    let text = text.to_lowercase().replace("firedrill", "").replace("default", "");
    for word in TELLING {
        if let Some(at) = text.find(word) {
            let around: String = text[..at].chars().rev().take(60).collect();
            panic!("{word} in {what}, after {:?}", around.chars().rev().collect::<String>());
        }
    }
}

#[tokio::test]
async fn arguments_environments_and_pages_of_all_this_name_nothing_but_what_they_are() {
    let stack = Setup::default().arg("--rps").arg("20").start().await;
    stack.operate(Method::POST, "/services/order-service/scale", json!({"instances": 2})).await;
    let deploy = json!({"version": "2.0.0", "share": 0.5, "lease_s": 600});
    stack.operate(Method::POST, "/services/product-service/deploy", deploy).await;
    let own: std::collections::BTreeMap<_, _> = std::env::vars().collect();
    for (name, pid) in stack.pids() {
        assert_tells_nothing("a name", &name);
        let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("it runs");
        // Where the program and the home lie is the machine's business.
        let arguments = arguments.split('\0').filter(|argument| !argument.starts_with('/'));
        assert_tells_nothing(&name, &arguments.collect::<Vec<_>>().join(" "));
        let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).expect("it runs");
        let home = stack.home.path().to_str().expect("UTF-8");
        for variable in environment.split('\0') {
            let (key, value) = variable.split_once('=').unwrap_or((variable, ""));
            if own.get(key).is_none_or(|inherited| inherited != value) {
                assert_tells_nothing(&name, &variable.replace(home, ""));
            }
        }
    }
    let (_, services) = stack.control(Method::GET, "/services", None).await;
    assert_tells_nothing("/services", &services.to_string());
    for service in ["user-service", "product-service", "order-service"] {
        for instance in stack.instances(service).await {
            for (base, paths) in [
                (&instance["url"], &["/metrics", "/openapi.json", "/ready"][..]),
                (&instance["admin_url"], &["/settings", "/history", "/endpoints"]),
            ] {
                let base = base.as_str().expect("an address");
                for path in paths {
                    let request = stack.http.get(format!("{base}{path}")).bearer_auth(&stack.run.admin_token);
                    let page = request.send().await.expect("an answer").text().await.expect("text");
                    assert_tells_nothing(&format!("{path} of {service}"), &page);
                }
            }
        }
    }
}
