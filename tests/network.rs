//! Requests between the processes pass links, at all times. Nobody notices them until something is done to one.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Stack, eventually};

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
async fn a_link_comes_and_goes_with_its_instance() {
    let stack = Stack::quiet().await;
    let before = links(&stack).await;
    stack.operate(Method::POST, "/services/user-service/scale", json!({"instances": 2})).await;
    let more = links(&stack).await;
    assert_eq!(more.len(), before.len() + 1, "{more:?}");
    assert_eq!(
        more["order-service>user-service-2"].1,
        address(stack.instances("user-service").await[1]["url"].as_str().expect("an address"))
    );
    stack.operate(Method::POST, "/services/user-service/restart", json!({})).await;
    assert_eq!(links(&stack).await, more, "an instance that was started again is where it was");
    stack.operate(Method::POST, "/services/user-service/scale", json!({"instances": 1})).await;
    assert_eq!(links(&stack).await, before);
}

#[tokio::test]
async fn what_is_done_to_a_link_is_undone_when_nobody_wants_it_any_more() {
    let stack = Stack::quiet().await;
    let ask = async |method: Method, path: &str, body: Value| -> Value {
        let url = format!("{}{path}", stack.url("network"));
        let request = stack.http.request(method, url).bearer_auth(&stack.run.admin_token).json(&body);
        request.send().await.expect("an answer").json().await.expect("JSON")
    };
    let order = json!({"user_id": 1, "product_id": 101, "quantity": 1});
    assert_eq!(stack.order(&order, "before").await.status(), 201);
    let resets = json!({"condition": {"reset_ratio": 1.0}, "lease_s": 3600});
    let link = "/links/order-service%3Euser-service";
    let lease = ask(Method::PATCH, link, resets).await["lease"].as_str().expect("a lease").to_owned();
    assert_eq!(stack.order(&order, "meanwhile").await.status(), 503);
    ask(Method::PUT, &format!("/leases/{lease}"), json!({"lease_s": 0.01})).await;
    eventually("orders work again", || async {
        (stack.order(&order, "afterwards").await.status() == 201).then_some(())
    })
    .await;
}
