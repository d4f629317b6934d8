//! A service may have several instances: they share its data and its requests, each is seen in every signal under its own name
//! and version, and none of it costs a user anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
};

use firedrill::load_control::LoadControl;
use query::{Window, loki::Direction};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{
    self, Setup, Stack, control::instances, eventually, json as parsed, native, signal, stderr,
};

const SERVICES: [&str; 3] = ["user-service", "product-service", "order-service"];
const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

async fn scale(stack: &Stack, service: &str, instances: u32) -> Value {
    let body = json!({"instances": instances});
    stack.operate(Method::POST, &format!("/services/{service}/scale"), body).await
}

/// Requests that each instance of a service has answered, by instance; those that nobody measures are not among them.
async fn answered(stack: &Stack, service: &str) -> BTreeMap<String, u64> {
    let mut answered = BTreeMap::new();
    for instance in stack.instances(service).await {
        let url = format!("{}/metrics", instance["url"].as_str().expect("an address"));
        let page = stack.http.get(url).send().await.expect("an answer").text().await.expect("text");
        let counts =
            page.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count{"));
        let count = |line: &str| line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
        let name = instance["instance"].as_str().expect("a name").to_owned();
        answered.insert(name, counts.filter_map(count).sum());
    }
    answered
}

/// All instances of a service get requests.
async fn all_get_requests(stack: &Stack, service: &str) {
    let before = answered(stack, service).await;
    eventually(&format!("all instances of {service} get requests"), || async {
        let now = answered(stack, service).await;
        before.iter().all(|(name, count)| now.get(name) > Some(count)).then_some(())
    })
    .await;
}

/// The values of a label of an expression's series.
async fn values(stack: &Stack, expression: &str, label: &str) -> BTreeSet<String> {
    let Ok(answer) = stack.query().prometheus.instant(expression, None).await else { return BTreeSet::new() };
    answer.data.into_samples().into_iter().filter_map(|sample| sample.labels.get(label).cloned()).collect()
}

async fn value(stack: &Stack, expression: &str) -> Option<f64> {
    let answer = stack.query().prometheus.instant(expression, None).await.ok()?;
    Some(answer.data.into_samples().first()?.point.value)
}

/// Shoppers come for as long as `operations` go on, and each of them gets what they came for.
async fn shoppers<F: Future<Output = ()>>(stack: &Stack, operations: F) {
    let mut load = harness::command(stack.home.path());
    load.args(["load", "--rps", "60", "--for", "1h", "--lag-budget", "10s", "--json"]);
    let load = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the load starts");
    operations.await;
    signal(load.id().expect("it runs"), Signal::INT);
    let report = parsed(&load.wait_with_output().await.expect("the load runs"));
    assert!(report["fired"].as_u64() > Some(0), "{report}");
    assert_eq!((&report["failed"], &report["shed"]), (&0.into(), &0.into()), "{}", report["errors"]);
}

#[tokio::test]
async fn instances_come_and_go_under_load_and_no_request_fails() {
    let stack = Stack::quiet().await;
    shoppers(&stack, async {
        for service in SERVICES {
            let answer = scale(&stack, service, 3).await;
            assert_eq!(instances(&answer, service).len(), 3, "{answer}");
        }
        for service in SERVICES {
            all_get_requests(&stack, service).await;
        }
        for service in SERVICES {
            let path = format!("/services/{service}/restart");
            stack.operate(Method::POST, &path, json!({})).await;
            let answer = scale(&stack, service, 1).await;
            assert_eq!(instances(&answer, service).len(), 1, "{answer}");
        }
    })
    .await;
    eventually("run.json knows of none of them", || async {
        stack.pids().keys().all(|name| !name.ends_with("-2") && !name.ends_with("-3")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn with_two_instances_of_each_service_the_three_signals_tell_one_story() {
    let stack = Setup::default().arg("--rps").arg("20").start().await;
    for service in SERVICES {
        scale(&stack, service, 2).await;
        all_get_requests(&stack, service).await;
    }
    eventually("all are scraped", || async {
        (value(&stack, r#"count(up{job=~".*-service"} == 1)"#).await == Some(6.0)).then_some(())
    })
    .await;
    let output = stack.run_long(&["audit", "--requests", "300", "--seed", "3", "--json"]).await;
    let report = parsed(&output);
    assert!(output.status.success(), "{report} {}", stderr(&output));
    assert_eq!((&report["mismatches"], &report["orphan_spans"]), (&json!(0), &json!(0)), "{report}");
    assert_eq!(report["metrics_equal"], true, "every event was delivered once: {report}");

    // What lies in the database is not counted twice. Nobody buys while it is looked at.
    let load = LoadControl::new(stack.url("loadgen"), &stack.run.admin_token).expect("a client");
    let silence = load.pause().await.expect("silence");
    eventually("both say the same of the stock", || async {
        let spread = "max(max by (category) (stock_units) - min by (category) (stock_units))";
        let series = value(&stack, "count(stock_units)").await?
            / value(&stack, "count(count by (category) (stock_units))").await?;
        (series == 2.0 && value(&stack, spread).await == Some(0.0)).then_some(())
    })
    .await;
    silence.resume().await.expect("the traffic goes on");
    let output = stack.run_long(&["dashboards", "check", "--json"]).await;
    assert!(output.status.success(), "{}", harness::said(&output));
}

/// What a version that is deployed shows, on either stack.
async fn a_deployed_version_is_seen_in_every_signal(stack: Stack) {
    let body = json!({"version": "9.8.7", "share": 0.5, "settings": {"db.pool.max_connections": 3}});
    let answer = stack.operate(Method::POST, "/services/product-service/deploy", body).await;
    let [old, new] = &instances(&answer, "product-service")[..] else { panic!("{answer}") };
    assert_eq!((&new["instance"], &new["version"]), (&json!("product-service-2"), &json!("9.8.7")));
    assert_eq!((&old["share"], &new["share"]), (&json!(0.5), &json!(0.5)));
    all_get_requests(&stack, "product-service").await;

    let admin = new["admin_url"].as_str().expect("an address");
    let request = stack.http.get(format!("{admin}/settings")).bearer_auth(&stack.run.admin_token);
    let settings: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(settings["version"], "9.8.7");
    assert_eq!(settings["settings"]["db.pool.max_connections"]["value"], 3, "its own");

    eventually("both versions in the metrics", || async {
        let versions = values(&stack, r#"build_info{service="product-service"}"#, "version").await;
        (versions.len() == 2 && versions.contains("9.8.7")).then_some(())
    })
    .await;
    let instances_of = values(&stack, r#"up{job="product-service"}"#, "instance").await;
    let wanted: BTreeSet<_> = [old, new]
        .map(|i| i["url"].as_str().expect("an address").trim_start_matches("http://").to_owned())
        .into();
    assert_eq!(instances_of, wanted);
    eventually("both versions in the traces", || async {
        let params = query::jaeger::SearchParams::new("product-service", Window::last(HOUR));
        let traces = stack.query().jaeger.search(&params).await.ok()?;
        let processes = traces.iter().flat_map(|trace| trace.processes.values());
        let tag = |process: &query::jaeger::Process, key: &str| {
            process.tags.iter().find(|tag| tag.key == key).map(|tag| format!("{:?}", tag.value))
        };
        let seen: BTreeSet<_> = processes
            .filter(|process| process.service_name == "product-service")
            .filter_map(|process| {
                Some((tag(process, "service.instance.id")?, tag(process, "service.version")?))
            })
            .collect();
        let new =
            seen.iter().any(|(id, version)| id.contains("product-service-2") && version.contains("9.8.7"));
        (new && seen.len() == 2).then_some(())
    })
    .await;
    eventually("both versions in the log lines", || async {
        let logql = r#"{service_name="product-service"} | service_version="9.8.7""#;
        let lines =
            stack.query().loki.query_range(logql, Window::last(HOUR), 10, Direction::Backward).await.ok()?;
        let from_the_new =
            lines.iter().any(|line| line.field("service_instance_id") == Some("product-service-2"));
        from_the_new.then_some(())
    })
    .await;

    let (status, problem) = stack
        .control(Method::POST, "/services/product-service/deploy", Some(json!({"version": "9.9.9"})))
        .await;
    assert!(
        status == 409 && problem["detail"].as_str().is_some_and(|d| d.contains("ops rollback")),
        "{problem}"
    );
    let output = stack.run(&["ops", "rollback", "product-service", "--json"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let left = stack.instances("product-service").await;
    assert_eq!((left.len(), &left[0]["share"], &left[0]["pid"]), (1, &json!(1.0), &old["pid"]));
    eventually("only one is scraped", || async {
        (values(&stack, r#"up{job="product-service"}"#, "instance").await.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_deployed_version_is_seen_in_every_signal_of_the_embedded_stack() {
    a_deployed_version_is_seen_in_every_signal(Setup::default().arg("--rps").arg("20").start().await).await;
}

#[tokio::test]
async fn a_deployed_version_is_seen_in_every_signal_of_the_real_stack() {
    let Some(setup) = native::setup() else { return };
    a_deployed_version_is_seen_in_every_signal(setup.arg("--rps").arg("20").start().await).await;
}

#[tokio::test]
async fn a_deploy_is_removed_when_its_lease_ends() {
    let stack = Stack::quiet().await;
    let body = json!({"version": "2", "share": 0.2, "lease_s": 3600});
    let answer = stack.operate(Method::POST, "/services/user-service/deploy", body).await;
    assert_eq!(instances(&answer, "user-service")[1]["share"], 0.2);
    let pid = stack.instances("user-service").await[1]["pid"].as_u64().expect("a pid");
    let lease = format!("/leases/{}", answer["lease"].as_str().expect("a lease"));
    stack.operate(Method::PUT, &lease, json!({"lease_s": 0.1})).await;
    eventually("it is gone", || async { (stack.instances("user-service").await.len() == 1).then_some(()) })
        .await;
    let pid = u32::try_from(pid).expect("a pid");
    eventually("its process is gone", || async { (!harness::alive(pid)).then_some(()) }).await;
}

#[tokio::test]
async fn a_version_whose_settings_are_refused_is_not_there() {
    let stack = Stack::quiet().await;
    let body = json!({"version": "2", "settings": {"db.pool.max_connections": 0}});
    let (status, problem) = stack.control(Method::POST, "/services/user-service/deploy", Some(body)).await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|d| d.contains("db.pool.max_connections")), "{problem}");
    assert_eq!(stack.instances("user-service").await.len(), 1);
    let left: Vec<_> = std::fs::read_dir(stack.home.path().join("data"))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("user-service-2"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "nothing of it is left");
}

#[tokio::test]
async fn an_instance_that_hangs_gets_no_requests_until_it_goes_on() {
    let stack = Stack::quiet().await;
    scale(&stack, "user-service", 2).await;
    let order = json!({"user_id": 1, "product_id": 102, "quantity": 1});
    let hanging = stack.instances("user-service").await[1]["pid"].as_u64().expect("a pid");
    let hanging = u32::try_from(hanging).expect("a pid");
    signal(hanging, Signal::STOP);
    // Once the probes have found out, nobody waits for it any more.
    eventually("ten orders in a row", || async {
        for number in 0..10 {
            if stack.order(&order, &format!("beside-{number}")).await.status() != 201 {
                return None;
            }
        }
        Some(())
    })
    .await;
    signal(hanging, Signal::CONT);
    let before = answered(&stack, "user-service").await;
    eventually("it gets requests again", || async {
        stack.order(&order, "again").await;
        let now = answered(&stack, "user-service").await;
        (now["user-service-2"] > before["user-service-2"]).then_some(())
    })
    .await;
}
