//! Carries one injection out: its steps begin, are held and end, whatever happens in between. When a step cannot begin,
//! all of them end.

use super::act::{Act, Step};
use super::hold::begin;
use super::requests;
use super::schedule::Injection;
use super::stack::Stack;
use super::users::Users;
use futures_util::future::join_all;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two attempts at a listener that is silent: a service that crashes again and again is there for moments only.
const AGAIN: Duration = Duration::from_millis(250);
/// How often a lease is renewed in its time. What is left of it has to last until a service is there again that has crashed.
const RENEWALS: u32 = 5;

/// Something that went wrong while a fault was on. One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Trouble(pub String);

/// Resolves when the flag is raised, or whoever could raise it is gone.
async fn raised(flag: &mut watch::Receiver<bool>) {
    // An error means that nobody can raise it any more: then it is over, too.
    let _ = flag.wait_for(|raised| *raised).await;
}

/// Carries the steps out from `onset` on, until their end or until `stop` is raised.
pub(super) async fn inject(
    stack: &Stack,
    injection: &Injection,
    onset: Instant,
    stop: &watch::Receiver<bool>,
    users: &Arc<Users>,
) -> Vec<Trouble> {
    let (abort, aborted) = watch::channel(false);
    let end = onset + injection.length;
    let steps = injection.steps.iter().map(|step| {
        let (abort, mut aborted, mut stop) = (&abort, aborted.clone(), stop.clone());
        async move {
            let over = async {
                tokio::select! {
                    () = raised(&mut aborted) => {}
                    () = raised(&mut stop) => {}
                }
            };
            let from = onset + step.after;
            let to = step.length.map_or(end, |length| (from + length).min(end));
            let troubles = carry(stack, users, step, (from, to), over).await;
            if !troubles.is_empty() {
                abort.send_replace(true);
            }
            troubles
        }
    });
    join_all(steps).await.into_iter().flatten().collect()
}

async fn carry(
    stack: &Stack,
    users: &Arc<Users>,
    step: &Step,
    (from, to): (Instant, Instant),
    over: impl Future<Output = ()>,
) -> Vec<Trouble> {
    let mut over = std::pin::pin!(over);
    tokio::select! {
        () = &mut over => return Vec::new(),
        () = sleep_until(from) => {}
    }
    let listener = match stack.listener(&step.act) {
        Ok(Some(listener)) => listener,
        Ok(None) => {
            tokio::select! {
                () = &mut over => {}
                () = sleep_until(to) => {}
                () = requests::send(stack, &step.act, users) => {}
            }
            return Vec::new();
        }
        Err(missing) => return vec![Trouble(missing)],
    };
    let lease = step.lease.unwrap_or(stack.lease);
    let held = match begin(listener, &step.act, lease).await {
        Ok(held) => held,
        Err(e) => return vec![Trouble(format!("could not begin: {e}"))],
    };
    // A service that is being started again does not answer for a while: it is asked again until its lease would be over.
    let renewal = lease / RENEWALS;
    let mut pause = renewal;
    let mut heard = Instant::now();
    let mut troubles = Vec::new();
    let mut again = next(&step.act, from);
    loop {
        let now = Instant::now();
        let wake = again.unwrap_or(to).min(now + pause).min(to);
        tokio::select! {
            () = &mut over => break,
            () = sleep_until(wake) => {}
        }
        if Instant::now() >= to {
            break;
        }
        let done = match again.filter(|at| *at <= Instant::now()) {
            Some(at) => {
                again = next(&step.act, at);
                begin(listener, &step.act, lease).await.map(drop)
            }
            None => held.renew().await,
        };
        match done {
            Ok(()) => (heard, pause) = (Instant::now(), renewal),
            Err(e) if e.is_silence() && heard.elapsed() < lease => pause = AGAIN.min(renewal),
            Err(e) => {
                troubles.push(Trouble(format!("did not last: {e}")));
                break;
            }
        }
    }
    // Later than that the lease has ended by itself.
    while let Err(e) = held.end().await {
        if !e.is_silence() || heard.elapsed() >= lease {
            troubles.push(Trouble(format!("ends with its lease and not before: {e}")));
            break;
        }
        sleep(AGAIN).await;
    }
    troubles
}

/// When an act that is done now and then is done again.
fn next(act: &Act, last: Instant) -> Option<Instant> {
    match act {
        Act::Signal { every: Some(every), .. } => Some(last + *every),
        _ => None,
    }
}
