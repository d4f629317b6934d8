//! Requests between the processes pass links that a process of their own carries. Nobody notices it, and it can go and come back.

use std::collections::BTreeMap;

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Setup, Stack, eventually, json as parsed, signal, stderr};

/// Where each link is entered and where it leads.
async fn links(stack: &Stack) -> BTreeMap<String, (String, String)> {
    let url = format!("{}/links", stack.url("network"));
    let Ok(answer) = stack.http.get(url).bearer_auth(&stack.run.admin_token).send().await else {
        return BTreeMap::new();
    };
    let body: Value = answer.json().await.expect("JSON");
    let text = |link: &Value, key: &str| link[key].as_str().expect("a text").to_owned();
    let links = body["links"].as_array().expect("a list").iter();
    links.map(|link| (text(link, "name"), (text(link, "listen"), text(link, "target")))).collect()
}

/// Where order-service finds its neighbours.
async fn neighbours(stack: &Stack) -> Value {
    let url = format!("{}/endpoints", stack.run.admin_urls["order-service"]);
    let answer = stack.http.get(url).bearer_auth(&stack.run.admin_token).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

fn address(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn every_request_between_the_processes_passes_a_link() {
    let stack = Stack::quiet().await;
    let links = links(&stack).await;
    let wanted = ["loadgen>order-service", "order-service>product-service", "order-service>user-service"];
    assert_eq!(links.keys().collect::<Vec<_>>(), wanted);
    for (name, (_, target)) in &links {
        let service = name.split_once('>').expect("a caller").1;
        assert_eq!(*target, address(stack.url(service)), "{name}");
    }
    let neighbours = neighbours(&stack).await;
    for service in ["user-service", "product-service"] {
        let (listen, _) = &links[&format!("order-service>{service}")];
        assert_eq!(neighbours[service][0]["url"], format!("http://{listen}"));
    }
    let (status, body) = stack.control(Method::GET, "/endpoints", None).await;
    assert_eq!(status, 200, "{body}");
    let (listen, _) = &links["loadgen>order-service"];
    assert_eq!(body["services"]["order-service"][0]["url"], format!("http://{listen}"));
    assert_eq!(body["services"]["user-service"][0]["url"], stack.url("user-service"), "no link is between");
}

#[tokio::test]
async fn a_network_that_was_killed_is_there_again_with_all_its_links() {
    let stack = Setup::default().arg("--rps").arg("20").start().await;
    stack.operate(Method::POST, "/services/user-service/scale", json!({"instances": 2})).await;
    let before = links(&stack).await;
    assert_eq!(before.len(), 4, "{before:?}");
    assert_eq!(
        before["order-service>user-service-2"].1,
        address(stack.instances("user-service").await[1]["url"].as_str().expect("an address"))
    );
    let pid = stack.pids()["network"];
    signal(pid, Signal::KILL);
    eventually("another process", || async { (stack.pids()["network"] != pid).then_some(()) }).await;
    assert_eq!(links(&stack).await, before);
    let order = json!({"user_id": 1, "product_id": 101, "quantity": 1});
    eventually("orders work again", || async {
        (stack.order(&order, "after-the-network").await.status() == 201).then_some(())
    })
    .await;

    stack.operate(Method::POST, "/services/user-service/scale", json!({"instances": 1})).await;
    assert_eq!(links(&stack).await.len(), 3, "a link goes with its instance");
    let output = stack.run_long(&["audit", "--requests", "100", "--json"]).await;
    assert!(output.status.success(), "{} {}", parsed(&output), stderr(&output));
}
