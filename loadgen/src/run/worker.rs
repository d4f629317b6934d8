//! A sending thread: a runtime of its own, in which each session is a task.

use super::counters::{count, get};
use super::gate::Entry;
use super::shared::Shared;
use crate::client::{Captured, Sender, planned};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::mpsc;

/// A session to begin: its number, and when it was due.
pub(super) type Begin = (u64, Instant);

/// Runs sessions until the channel closes and all have ended.
pub(super) async fn sessions(
    shared: Arc<Shared>,
    thread: usize,
    sender: Sender,
    mut begins: mpsc::UnboundedReceiver<Begin>,
) {
    let sender = Arc::new(sender);
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            begin = begins.recv() => match begin {
                Some((session, due)) => {
                    let (shared, sender) = (Arc::clone(&shared), Arc::clone(&sender));
                    tasks.spawn(async move {
                        walk(&shared, thread, &sender, session, due).await;
                        // The last one may be what the pacing thread waits for.
                        if shared.counters.alive.fetch_sub(1, Ordering::Relaxed) == 1 {
                            shared.pacer.nudge();
                        }
                    });
                }
                None => break,
            },
            // Reaps ended sessions, so that their memory does not wait for the end of the run.
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// One session: its steps in order, each due when the one before has ended and the pause is over.
async fn walk(shared: &Shared, thread: usize, sender: &Sender, number: u64, mut due: Instant) {
    let session = shared.plan.session(number);
    let correlation = shared.ids.correlation(number);
    let mut captured = Captured::default();
    for (index, step) in session.steps.iter().enumerate() {
        let kind = &shared.kinds[step.kind];
        let Some(call) = planned(kind, step, number, index as u64, &captured, &shared.ids) else { return };
        let pass = match shared.gate.enter().await {
            Entry::Pass(pass, resumed) => {
                // What a pause held back is due at its end: the wait was asked for.
                due = resumed.map_or(due, |at| at.max(due));
                pass
            }
            Entry::Full => {
                count(&shared.counters.scheduled);
                count(&shared.counters.shed);
                return;
            }
            Entry::Stopped => return,
        };
        count(&shared.counters.scheduled);
        count(&shared.counters.fired);
        let answer = sender.send(&call, &correlation).await;
        drop(pass);
        shared.record(thread, step.kind, number, due, &answer);
        captured.keep(step, &answer);
        due = answer.ended + step.think;
        let last = index + 1 == session.steps.len();
        if last || !shared.pacer.sleep_until(due).await {
            return;
        }
    }
}

/// The pacing thread's way to begin a session: counted, and shed when too many are alive.
pub(super) fn begin(
    shared: &Shared,
    most: u64,
    session: u64,
    due: Instant,
    senders: &[mpsc::UnboundedSender<Begin>],
) {
    if shared.gate.paused_for().is_some() {
        count(&shared.counters.paused);
        return;
    }
    count(&shared.counters.sessions);
    if get(&shared.counters.alive) >= most {
        count(&shared.counters.scheduled);
        count(&shared.counters.shed);
        return;
    }
    count(&shared.counters.alive);
    let sender = &senders[session as usize % senders.len()];
    if sender.send((session, due)).is_err() {
        shared.counters.alive.fetch_sub(1, Ordering::Relaxed);
    }
}
