//! Closed loop: so many connections, none of which has two requests under way.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use loadgen::{EXIT_GOOD, Options, run_url};
use std::collections::HashSet;
use std::time::Duration;
use support::{Shop, options, plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_is_walked_session_by_session() {
    let shop = Shop::open().await;
    let plan = plan(1, Duration::from_millis(200), 20.0, &[]);
    let report = run(plan.clone(), shop.targets(), Options { closed: Some(3), ..options() }).await;
    assert_eq!((report.failed, report.shed, report.late), (0, 0, 0), "{:?}", report.errors);
    assert_eq!((report.scheduled, report.fired), (shop.count(), shop.count()));
    assert_eq!((report.closed, report.rps, report.exit), (Some(3), None, EXIT_GOOD));
    assert_eq!(report.response_ms, report.service_ms, "nothing was scheduled, so nothing waited");
    assert!(report.sessions > plan.arrivals().count() as u64, "the plan's own rate does not hold it back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_requests_are_under_way_than_connections() {
    let shop = Shop::holding().await;
    let held = std::sync::Arc::clone(&shop);
    let options = Options { closed: Some(4), timeout: Some(Duration::from_secs(20)), ..options() };
    let url = format!("{}/products?page=1", shop.url);
    let shutdown = async move {
        // All four wait for an answer: were there a fifth, it would have come by the time of the first answers.
        held.arrived.acquire_many(4).await.unwrap().forget();
        assert_eq!(held.count(), 4);
        held.answers.add_permits(1);
        held.arrived.acquire_many(20).await.unwrap().forget();
        held.answers.add_permits(100);
    };
    let report = run_url(&url, Duration::from_secs(3600), options, |_| {}, shutdown).await.unwrap();
    assert!(report.interrupted);
    assert_eq!((report.fired, report.failed), (shop.count(), 0), "{:?}", report.errors);
    let asked = shop.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|a| a.uri == "/products?page=1"));
    let sessions: HashSet<_> = asked.iter().map(|a| a.headers["x-correlation-id"].clone()).collect();
    assert_eq!(sessions.len(), 4, "one correlation id per connection");
}

#[tokio::test]
async fn a_url_that_is_none_is_named() {
    let error = run_url("localhost", Duration::from_secs(1), options(), |_| {}, std::future::pending()).await;
    assert!(error.unwrap_err().to_string().contains("\"localhost\" is not the address of the target"));
}
