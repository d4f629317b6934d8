//! Planned errors are not failures, unexpected answers are; thresholds and overload decide the exit code.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use loadgen::profile::Threshold;
use loadgen::{EXIT_GOOD, EXIT_OVERLOAD, EXIT_THRESHOLD, Options};
use std::time::Duration;
use support::{Shop, options, plan_of, run};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planned_errors_are_counted_apart() {
    let shop = Shop::open().await;
    let report = run(plan_of("wrong-id", SHORT, 100.0), shop.targets(), options()).await;
    assert!(report.fired > 10);
    assert_eq!((report.failed, report.expected_failures), (0, report.fired), "{:?}", report.errors);
    let report = run(plan_of("sold-out", SHORT, 100.0), shop.targets(), options()).await;
    assert_eq!((report.failed, report.expected_failures * 2), (0, report.fired), "{:?}", report.errors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_other_than_planned_is_a_failure_even_if_it_is_an_error() {
    let shop = Shop::broken().await;
    let report = run(plan_of("wrong-id", SHORT, 100.0), shop.targets(), options()).await;
    assert_eq!((report.failed, report.expected_failures), (report.fired, 0));
    assert!(
        report.errors.iter().all(|e| e.got == "500" && [400, 404].contains(&e.expected)),
        "{:?}",
        report.errors
    );
    assert!(report.exemplars.iter().any(|e| e.why == "failed" && e.got == "500"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_that_need_an_order_are_not_sent_without_one() {
    let shop = Shop::broken().await;
    let report = run(plan_of("buy", SHORT, 100.0), shop.targets(), options()).await;
    let steps: Vec<&str> = report.steps.iter().map(|s| s.step.as_str()).collect();
    assert_eq!(steps, ["view", "order"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_threshold_decides_the_exit_code() {
    let (good, broken) = (Shop::open().await, Shop::broken().await);
    let with = |limit: &str| {
        let threshold: Threshold = limit.parse().unwrap();
        Options { thresholds: Some(vec![threshold]), ..options() }
    };
    let plan = || plan_of("browse", SHORT, 100.0);
    let report = run(plan(), good.targets(), with("failed<1%")).await;
    assert_eq!((report.exit, report.thresholds[0].held), (EXIT_GOOD, true));
    let report = run(plan(), broken.targets(), with("failed<1%")).await;
    assert_eq!(
        (report.exit, report.thresholds[0].held, report.thresholds[0].actual),
        (EXIT_THRESHOLD, false, 1.0)
    );
    let report = run(plan(), good.targets(), with("p50<0ms")).await;
    assert_eq!(report.exit, EXIT_THRESHOLD);
    let report = run(plan(), broken.targets(), options()).await;
    assert_eq!(report.exit, EXIT_GOOD, "without thresholds nothing is judged");
    assert!(!loadgen::report::text(&report).contains("comes first"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overloaded_generator_makes_the_run_invalid() {
    let shop = Shop::broken().await;
    let failing = vec!["failed<1%".parse().unwrap()];
    // No generator is never late at all: at a thousand a second some request is late by a microsecond.
    let options = Options { lag_budget: Duration::ZERO, thresholds: Some(failing), ..options() };
    let report = run(plan_of("browse", SHORT, 1000.0), shop.targets(), options).await;
    assert_eq!(
        (report.exit, report.valid),
        (EXIT_OVERLOAD, false),
        "figures of an invalid run fail no threshold"
    );
    assert!(report.late > 0);
    let both = "1 threshold failed as well (exit 99); exit 98 comes first";
    for told in [loadgen::report::text(&report), loadgen::report::html(&report)] {
        assert!(told.to_lowercase().contains("invalid") && told.contains(both), "{told}");
    }
}

#[test]
fn thresholds_are_read_and_mistakes_are_named() {
    let read = |text: &str| text.parse::<Threshold>().map(|t| t.to_string()).map_err(|e| e.to_string());
    assert_eq!(read("p99<250ms").unwrap(), "p99<=250ms");
    assert_eq!(read("p999 <= 1.5s").unwrap(), "p999<=1500ms");
    assert_eq!(read("failed<1%").unwrap(), "failed<=1%");
    assert_eq!(read("shed<0.5").unwrap(), "shed<=50%");
    assert!(
        read("p9<250ms").unwrap_err().contains("did you mean `p99`?")
            || read("p9<250ms").unwrap_err().contains("did you mean `p90`?")
    );
    assert!(read("faild<1%").unwrap_err().contains("did you mean `failed`?"));
    assert!(read("p99<250").unwrap_err().contains("a time such as 250ms"));
    assert!(read("failed<120%").unwrap_err().contains("a share such as"));
    assert!(read("p99").unwrap_err().contains("write a name"));
}
