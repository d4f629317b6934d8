//! The audit: known requests in, and the proof that traces, logs and metrics tell the same story about each of them.
//!
//! What was sent and answered is the ledger; what has to follow from it is computed without a network
//! ([`story`], [`ledger`], [`check_trace`], [`check_logs`]); [`ask`] fetches what the three APIs say and waits for
//! what is still on its way; [`run`] does it in order.

pub mod ask;
pub mod check_logs;
pub mod check_trace;
pub mod ledger;
pub mod send;
pub mod story;

use std::{collections::BTreeSet, time::Duration};

use query::{Stack, UnixNanos};
use serde::Serialize;

use ledger::Mismatch;

/// How long telemetry may be on its way after the last answer. It is exported every fraction of a second and
/// scraped every second; a pipeline that takes longer has lost something.
const ARRIVAL: Duration = Duration::from_secs(15);

/// How far a service's clock may be behind this one, so that its lines seem to be older than the requests.
const CLOCKS: Duration = Duration::from_secs(60);

/// What an audit found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Requests sent.
    pub requests: usize,
    /// Requests whose one trace is complete.
    pub traces_complete: usize,
    /// Spans whose parent is not in their trace.
    pub orphan_spans: u64,
    /// Requests whose log lines are all there, with their correlation id and trace id.
    pub logs_joined: usize,
    /// Whether every request counter grew by exactly what the ledger says.
    pub metrics_equal: bool,
    /// How many things do not fit.
    pub mismatches: usize,
    /// The things that do not fit.
    pub mismatch_list: Vec<Mismatch>,
}

impl Report {
    /// Whether everything fits.
    pub fn good(&self) -> bool {
        self.mismatch_list.is_empty()
    }
}

/// Sends `requests` and asks the three APIs about each. No other traffic may run meanwhile.
pub async fn run(
    stack: &Stack,
    sender: &send::Sender,
    requests: u32,
    seed: u64,
    concurrency: usize,
) -> anyhow::Result<Report> {
    let before = ask::settled_counters(stack, ARRIVAL).await?;
    let began = UnixNanos::now().before(CLOCKS);
    let entries = sender.send(requests, seed, concurrency).await;

    let mut mismatches = ledger::answers(&entries);
    let unanswered: BTreeSet<_> = mismatches.iter().filter_map(|m| m.correlation_id.clone()).collect();
    let answered: Vec<_> = entries.iter().filter(|e| !unanswered.contains(&e.correlation_id)).collect();

    let metrics = ask::counters_grown(stack, &before, &ledger::growth(&entries), ARRIVAL).await?;
    let metrics_equal = metrics.is_empty();
    mismatches.extend(metrics);

    let traces = ask::traces(stack, &answered, concurrency, ARRIVAL).await?;
    let traces_complete = traces.iter().filter(|finding| finding.mismatches.is_empty()).count();
    let orphan_spans = traces.iter().map(|finding| finding.orphans).sum();
    mismatches.extend(traces.into_iter().flat_map(|finding| finding.mismatches));

    let logs = ask::logs(stack, &answered, began, ARRIVAL).await?;
    let logs_joined = logs.iter().filter(|found| found.is_empty()).count();
    mismatches.extend(logs.into_iter().flatten());

    Ok(Report {
        requests: entries.len(),
        traces_complete,
        orphan_spans,
        logs_joined,
        metrics_equal,
        mismatches: mismatches.len(),
        mismatch_list: mismatches,
    })
}
