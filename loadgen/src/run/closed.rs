//! Closed loop: so many connections, each sending its next request when the last is answered. It measures how fast a
//! target can go; it says nothing about how a target treats users who do not wait, which is what open runs are for.

use super::counters::count;
use super::shared::Shared;
use crate::client::{Call, Captured, Sender, planned};
use crate::plan::journeys::{Kind, Service};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The one kind of step of a run against one URL.
pub(super) static ONE_URL: [Kind; 1] = [Kind {
    journey: "url",
    step: "get",
    method: "GET",
    route: "{url}",
    service: Service::User,
    expect: 200,
}];

/// Whether to go on.
fn goes_on(shared: &Shared, end: Option<Instant>) -> bool {
    !shared.gate.stopped() && end.is_none_or(|end| Instant::now() < end)
}

/// The plan's sessions, one after the other, without pauses.
pub(super) async fn sessions(shared: Arc<Shared>, thread: usize, sender: Sender, end: Option<Instant>) {
    while goes_on(&shared, end) {
        let number = shared.counters.sessions.fetch_add(1, Ordering::Relaxed);
        let session = shared.plan.session(number);
        let correlation = shared.ids.correlation(number);
        let mut captured = Captured::default();
        for (index, step) in session.steps.iter().enumerate() {
            let kind = &shared.kinds[step.kind];
            let Some(call) = planned(kind, step, number, index as u64, &captured, &shared.ids) else { break };
            if !goes_on(&shared, end) {
                return;
            }
            count(&shared.counters.scheduled);
            count(&shared.counters.fired);
            let answer = sender.send(&call, &correlation).await;
            shared.record(thread, step.kind, number, answer.fired, &answer);
            captured.keep(step, &answer);
        }
    }
}

/// One URL, over and over.
pub(super) async fn url(
    shared: Arc<Shared>,
    thread: usize,
    sender: Sender,
    path: String,
    end: Option<Instant>,
) {
    let number = shared.counters.sessions.fetch_add(1, Ordering::Relaxed);
    let correlation = shared.ids.correlation(number);
    let mut call = Call::new(Service::User, http::Method::GET, ONE_URL[0].route, path, number);
    while goes_on(&shared, end) {
        count(&shared.counters.scheduled);
        count(&shared.counters.fired);
        let answer = sender.send(&call, &correlation).await;
        shared.record(thread, 0, number, answer.fired, &answer);
        call.number += 1;
    }
}
