//! Requests go out when they are due, whether or not the target has answered earlier ones; none is lost.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use loadgen::client::Failure;
use loadgen::progress::Snapshot;
use loadgen::stats::{Percentiles, Recorder, Sample};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Shop, options, plan, plan_of, run};

/// Were a request to wait for an earlier answer, the target would wait for the request, and neither would come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_answers_only_once_all_have_arrived_gets_all() {
    let shop = Shop::holding().await;
    let plan = plan_of("browse", Duration::from_millis(300), 300.0);
    let sessions = plan.arrivals().count() as u32;
    assert!(sessions > 15);
    let running = tokio::spawn(run(Arc::clone(&plan), shop.targets(), options()));
    let all = shop.arrived.acquire_many(sessions).await.unwrap();
    all.forget();
    shop.answers.add_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let report = running.await.unwrap();
    assert_eq!(report.failed, 0, "{:?}", report.errors);
    assert_eq!(report.fired, shop.count());
    assert_eq!(report.sessions, u64::from(sessions));
    assert!(
        report.response_ms.max >= report.service_ms.max,
        "{:?} {:?}",
        report.response_ms,
        report.service_ms
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_in_flight_is_shed_and_counted() {
    let shop = Shop::holding().await;
    let plan = plan(1, Duration::from_millis(300), 300.0, &[]);
    let options = loadgen::Options { max_in_flight: 3, ..options() };
    let sessions = plan.arrivals().count() as u64;
    let releasing = Arc::clone(&shop);
    // Answers come once the rest of the plan has come due while three are under way.
    let release = move |snapshot: &Snapshot| {
        if snapshot.scheduled == sessions && releasing.answers.available_permits() == 0 {
            releasing.answers.add_permits(tokio::sync::Semaphore::MAX_PERMITS / 2);
        }
    };
    let report = loadgen::run(plan, shop.targets(), options, release, std::future::pending()).await.unwrap();
    assert_eq!(report.scheduled, report.fired + report.shed);
    assert_eq!(report.shed, sessions - 3);
    assert_eq!(report.fired, shop.count());
    assert_eq!(report.steps.iter().map(|s| s.ended).sum::<u64>(), report.fired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scheduled_request_is_fired_when_there_is_room() {
    let shop = Shop::open().await;
    let plan = plan(3, Duration::from_millis(500), 400.0, &[]);
    let requests: usize = plan.arrivals().map(|(n, _)| plan.session(n).steps.len()).sum();
    let report = run(plan, shop.targets(), options()).await;
    assert_eq!((report.scheduled, report.fired, report.shed), (requests as u64, requests as u64, 0));
    assert_eq!(shop.count(), requests as u64);
    assert_eq!(report.failed, 0, "{:?}", report.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_the_run_and_still_reports() {
    let shop = Shop::open().await;
    let plan = plan(3, Duration::from_secs(3600), 200.0, &[]);
    let arrived = Arc::clone(&shop);
    let shutdown = async move { arrived.arrived.acquire_many(20).await.unwrap().forget() };
    let report = loadgen::run(plan, shop.targets(), options(), |_| {}, shutdown).await.unwrap();
    assert!(report.interrupted);
    assert_eq!(report.fired, shop.count());
    assert_eq!(report.steps.iter().map(|s| s.ended).sum::<u64>(), report.fired);
}

/// The time a request waited in the generator is part of what a user waits, and is told apart.
#[test]
fn response_time_begins_when_the_request_was_due() {
    let mut recorder = Recorder::new(1, Duration::from_millis(10));
    let intended = Instant::now();
    let fired = intended + Duration::from_millis(40);
    let ended = fired + Duration::from_millis(2);
    let trace_id = loadgen::client::Ids::new(1, loadgen::client::RunId::new(1)).trace(0, 0);
    for outcome in [Ok(200), Err(Failure::Timeout)] {
        recorder.record(&Sample {
            kind: 0,
            intended,
            fired,
            ended,
            outcome,
            expect: 200,
            trace_id,
            session: 0,
        });
    }
    let cell = &recorder.cells()[0];
    assert!((Percentiles::of(&cell.response).p50 - 42.0).abs() < 0.1);
    assert!((Percentiles::of(&cell.service).p50 - 2.0).abs() < 0.1);
    assert!((Percentiles::of(&cell.lag).p50 - 40.0).abs() < 0.1);
    assert_eq!((cell.late, cell.failed), (2, 1));
}
