//! Where a service has several instances, requests are split among them by share, and those that are gone get none.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use balance::Endpoint;
use http::Method;
use loadgen::client::{Call, Failure, Ids, RunId, Sender, Targets};
use loadgen::plan::journeys::Service;
use std::collections::BTreeMap;
use std::time::Duration;
use support::{Shop, options, plan, run};

const SERVICES: [&str; 3] = ["user-service", "product-service", "order-service"];

fn endpoint(url: &str, share: f64) -> Endpoint {
    Endpoint { url: url.to_owned(), share }
}

/// All services at these instances.
fn targets(instances: &[Endpoint]) -> Targets {
    let targets = Targets::single(&instances[0].url).unwrap();
    let lists: BTreeMap<_, _> = SERVICES.map(|name| (name.to_owned(), instances.to_vec())).into();
    targets.endpoints().replace(&lists).unwrap();
    targets
}

/// What users sent, without the probes.
fn requests(shop: &Shop) -> u64 {
    shop.asked.lock().unwrap().iter().filter(|asked| asked.uri.path() != "/ready").count() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_split_by_share_and_the_seed_decides_which_goes_where() {
    let mut counts = Vec::new();
    for _ in 0..2 {
        let (many, few) = (Shop::open().await, Shop::open().await);
        let targets = targets(&[endpoint(&many.url, 0.8), endpoint(&few.url, 0.2)]);
        let report = run(plan(7, Duration::from_secs(1), 300.0, &[]), targets, options()).await;
        assert_eq!(report.failed, 0);
        let counted = (requests(&many), requests(&few));
        assert_eq!(counted.0 + counted.1, report.fired);
        counts.push(counted);
    }
    assert_eq!(counts[0], counts[1], "the same seed sends the same requests to the same instances");
    let (many, few) = counts[0];
    assert!(few > 0 && (2..=8).contains(&(many / few)), "{many} and {few} are not 4 to 1");
}

#[tokio::test]
async fn an_instance_that_is_gone_fails_one_request_and_gets_no_other() {
    let shop = Shop::open().await;
    // Bound and never accepted from, then closed: a port where nobody is.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let targets = targets(&[endpoint(&shop.url, 0.5), endpoint(&format!("http://{nobody}"), 0.5)]);
    let sender = Sender::new(targets, Duration::from_secs(20), Ids::new(1, RunId::new(1)));
    let mut failures = Vec::new();
    for session in 0..50 {
        let call = Call::new(Service::User, Method::GET, "/users/{id}", "/users/1", session);
        failures.extend(sender.send(&call, "c").await.outcome.err());
    }
    assert_eq!(failures, [Failure::Connect]);
    assert_eq!(shop.count(), 49);
}
