//! A backend of the real stack that goes away under load costs no user request; what waits on disk arrives when it is back,
//! and what could not wait is counted: made = stored + dropped.

use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use firedrill::native::PROGRAMS;
use query::{Window, loki::Answer};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{self, Setup, Stack, eventually, json, native, signal};

const SERVICES: [&str; 3] = ["user-service", "product-service", "order-service"];
/// The most items in one export of a service, which are counted as dropped when its answer does not come.
const BATCH: u64 = 512;

/// Starts programs in the place of the real ones: each waits while a file is there, so that one that was ended stays down
/// although it is started again. Once it runs, its process is the real program's.
struct Scripts(TempDir);

impl Scripts {
    /// Nothing, after a loud line, where a program is missing.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("bin")).expect("a folder");
        for name in PROGRAMS {
            let real = native::program(name)?;
            let (real, down) = (real.display(), folder.path().join(name));
            let text = format!(
                "#!/bin/sh\ncase \"$1\" in --version | version | components) exec {real} \"$@\" ;; esac\n\
                 while [ -e {} ]; do sleep 0.1; done\nexec {real} \"$@\"\n",
                down.display(),
            );
            let script = folder.path().join("bin").join(name);
            fs::write(&script, text).expect("written");
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
        }
        Some(Self(folder))
    }

    /// The file that keeps a program down.
    fn down(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn start(&self) -> Stack {
        let (folder, path) = (self.0.path().display(), std::env::var("PATH").unwrap_or_default());
        let setup = Setup::default().arg("--stack").arg("native").arg("--no-load");
        // The scripts are found first on PATH.
        setup
            .env("PATH", &format!("{folder}/bin:{path}"))
            .env("FIREDRILL_BACKENDS", &folder.to_string())
            .start()
            .await
    }

    /// Ends a program with a signal and keeps it down; `up` starts it again as soon as `return_of` lets it.
    fn take_away(&self, stack: &Stack, name: &str, with: Signal) {
        fs::write(self.down(name), "").expect("written");
        signal(stack.pids()[name], with);
    }

    async fn return_of(&self, stack: &Stack, name: &str) {
        let old = stack.pids()[name];
        fs::remove_file(self.down(name)).expect("removed");
        eventually("it is started again", || async { (stack.pids()[name] != old).then_some(()) }).await;
    }
}

/// What the services say of one signal, all together.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    made: u64,
    exported: u64,
    dropped: u64,
}

async fn counts(stack: &Stack, signal: &str) -> Counts {
    let mut counts = Counts::default();
    for service in SERVICES {
        let url = format!("{}/metrics", stack.url(service));
        let page = stack.http.get(url).send().await.expect("an answer").text().await.expect("text");
        let of = |name: &str| -> u64 {
            let name = format!("telemetry_{name}_total{{");
            let wanted = format!("signal=\"{signal}\"");
            let line = page.lines().find(|line| line.starts_with(&name) && line.contains(&wanted));
            line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("the counter")
        };
        counts.made += of("created");
        counts.exported += of("exported");
        counts.dropped += of("dropped");
    }
    counts
}

/// The counts when nothing is on its way in a service any more.
async fn settled(stack: &Stack, signal: &str) -> Counts {
    eventually(&format!("no {signal} are queued"), || async {
        let counts = counts(stack, signal).await;
        (counts.made == counts.exported + counts.dropped).then_some(counts)
    })
    .await
}

/// Lines of the services in Loki.
async fn lines_stored(stack: &Stack) -> Option<u64> {
    let logql = format!("sum(count_over_time({{service_name=~\"{}\"}}[1h]))", SERVICES.join("|"));
    match stack.query().loki.instant(&logql, query::UnixNanos::now(), 1).await.ok()? {
        Answer::Numbers(data) => Some(data.into_samples().first()?.point.value as u64),
        Answer::Lines(_) => None,
    }
}

/// Spans of the services in Jaeger; one that was sent twice is one.
async fn spans_stored(stack: &Stack) -> Option<u64> {
    let mut spans = HashSet::new();
    let window = Window::last(std::time::Duration::from_secs(3600));
    for service in SERVICES {
        let url = format!(
            "{}/api/traces?service={service}&start={}&end={}&limit=20000",
            stack.url("jaeger"),
            window.start.micros(),
            window.end.micros(),
        );
        let page: Value = stack.http.get(url).send().await.ok()?.json().await.ok()?;
        for span in
            page["data"].as_array()?.iter().flat_map(|trace| trace["spans"].as_array().into_iter().flatten())
        {
            spans.insert((span["traceID"].as_str()?.to_owned(), span["spanID"].as_str()?.to_owned()));
        }
    }
    Some(spans.len() as u64)
}

/// Shoppers come for some seconds, during which `trouble` happens; all of them get what they came for.
async fn shoppers<F: Future<Output = ()>>(stack: &Stack, trouble: F) {
    let mut load = harness::command(stack.home.path());
    // The load's own telemetry stays out of the counts.
    load.env("OTEL_SDK_DISABLED", "true").args(["load", "--rps", "50", "--for", "8s", "--json"]);
    let (output, ()) = tokio::join!(load.output(), trouble);
    let report = json(&output.expect("the load runs"));
    assert!(report["fired"].as_u64() > Some(100), "{report}");
    assert_eq!((&report["failed"], &report["shed"]), (&0.into(), &0.into()), "{}", report["errors"]);
}

/// Traffic has begun to leave traces.
async fn under_load(stack: &Stack) {
    let before = counts(stack, "traces").await.exported;
    eventually("spans are on their way", || async {
        (counts(stack, "traces").await.exported > before).then_some(())
    })
    .await;
}

/// Something is lost of both signals since `before`.
async fn losses(stack: &Stack, before: [Counts; 2]) {
    for (signal, before) in ["traces", "logs"].into_iter().zip(before) {
        eventually(&format!("dropped {signal} are counted"), || async {
            (counts(stack, signal).await.dropped > before.dropped).then_some(())
        })
        .await;
    }
}

/// All that was exported is stored in the end, nothing is stored that was not made, and what is neither is counted as
/// dropped. `excess`: how many may be stored and counted as dropped, because their answer was lost.
async fn books_balance(stack: &Stack, excess: u64) {
    let (spans, lines) = (settled(stack, "traces").await, settled(stack, "logs").await);
    let fits = |stored: u64, counts: &Counts| {
        (counts.made..=counts.made + excess).contains(&(stored + counts.dropped))
    };
    let mut seen = (0, 0);
    let deadline = tokio::time::Instant::now() + harness::PATIENCE;
    while !(fits(seen.0, &spans) && fits(seen.1, &lines)) {
        assert!(tokio::time::Instant::now() < deadline, "stored {seen:?} of {spans:?} and {lines:?}");
        // Nothing while the store has just come back.
        seen = (spans_stored(stack).await.unwrap_or(0), lines_stored(stack).await.unwrap_or(0));
    }
    assert!(seen.0 <= spans.made && seen.1 <= lines.made, "stored {seen:?} of {spans:?} and {lines:?}");
}

#[tokio::test]
async fn lines_wait_for_a_loki_that_was_killed() {
    let Some(scripts) = Scripts::new() else { return };
    let stack = scripts.start().await;
    shoppers(&stack, async {
        under_load(&stack).await;
        scripts.take_away(&stack, "loki", Signal::KILL);
    })
    .await;
    assert_eq!(lines_stored(&stack).await, None, "it is still down");
    scripts.return_of(&stack, "loki").await;
    books_balance(&stack, 0).await;
    assert_eq!((counts(&stack, "traces").await.dropped, counts(&stack, "logs").await.dropped), (0, 0));
}

#[tokio::test]
async fn what_is_lost_without_a_collector_is_counted_exactly() {
    let Some(scripts) = Scripts::new() else { return };
    let stack = scripts.start().await;
    // One that is asked to end answers what it has taken. One that is killed may not: each service may count
    // a batch of each signal as dropped that is stored.
    for (with, excess) in [(Signal::TERM, 0), (Signal::KILL, SERVICES.len() as u64 * BATCH)] {
        let before = [counts(&stack, "traces").await, counts(&stack, "logs").await];
        shoppers(&stack, async {
            under_load(&stack).await;
            scripts.take_away(&stack, "otelcol", with);
        })
        .await;
        losses(&stack, before).await;
        scripts.return_of(&stack, "otelcol").await;
        books_balance(&stack, excess).await;
    }
}

#[tokio::test]
async fn a_collector_that_hangs_and_goes_on_costs_no_more_than_is_counted() {
    let Some(scripts) = Scripts::new() else { return };
    let stack = scripts.start().await;
    let pid = stack.pids()["otelcol"];
    let before = [counts(&stack, "traces").await, counts(&stack, "logs").await];
    shoppers(&stack, async {
        under_load(&stack).await;
        signal(pid, Signal::STOP);
    })
    .await;
    losses(&stack, before).await;
    signal(pid, Signal::CONT);
    // What lay in the sockets arrives after all, and has been given up by then.
    let dropped = counts(&stack, "traces").await.dropped.max(counts(&stack, "logs").await.dropped);
    books_balance(&stack, dropped + 2 * SERVICES.len() as u64 * BATCH).await;
    assert_eq!(stack.pids()["otelcol"], pid, "it was not started again");
}
