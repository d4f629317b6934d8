//! The gate before each request: counts what is under way, bounds it, and holds everything back while paused.
//! A pause has a lease: whoever asked for it may die, the traffic comes back by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

#[derive(Debug, Default)]
struct State {
    in_flight: u64,
    /// Paused until then, unless it has passed.
    until: Option<Instant>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    most: u64,
    idle: Notify,
    stopped: AtomicBool,
    /// Raised at each resume and at the stop.
    changed: watch::Sender<u64>,
}

/// What became of a request at the gate.
#[derive(Debug)]
pub(crate) enum Entry<'a> {
    /// It may be sent; it is under way until this is dropped. With the moment of the resume, if it had to wait.
    Pass(Pass<'a>, Option<Instant>),
    /// Too much is under way.
    Full,
    /// The run has stopped.
    Stopped,
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Pass<'a>(&'a Gate);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            drop(state);
            self.0.idle.notify_waiters();
        }
    }
}

impl Gate {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            state: Mutex::default(),
            most,
            idle: Notify::new(),
            stopped: AtomicBool::new(false),
            changed: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while paused, then enters if there is room.
    pub(crate) async fn enter(&self) -> Entry<'_> {
        let mut resumed = None;
        loop {
            let mut changed = self.changed.subscribe();
            let until = {
                let mut state = self.lock();
                if self.stopped() {
                    return Entry::Stopped;
                }
                match state.until.filter(|until| *until > Instant::now()) {
                    Some(until) => until,
                    None if state.in_flight >= self.most => return Entry::Full,
                    None => {
                        state.in_flight += 1;
                        return Entry::Pass(Pass(self), resumed);
                    }
                }
            };
            // Whichever comes first: an early resume, the stop, or the end of the lease.
            let _ = tokio::time::timeout_at(until.into(), changed.changed()).await;
            resumed = Some(Instant::now());
        }
    }

    /// Whether the run has stopped.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Requests under way.
    pub(crate) fn in_flight(&self) -> u64 {
        self.lock().in_flight
    }

    /// How long the pause still lasts; none when not paused.
    pub(crate) fn paused_for(&self) -> Option<Duration> {
        self.lock()
            .until
            .and_then(|until| until.checked_duration_since(Instant::now()))
            .filter(|d| !d.is_zero())
    }

    /// Holds back new requests, waits until none is under way, then lets the lease begin. Ends early only if a resume
    /// comes in between: the answer tells whether it is quiet.
    pub(crate) async fn pause(&self, lease: Duration) -> bool {
        self.lock().until = Some(Instant::now() + lease);
        loop {
            let idle = self.idle.notified();
            let mut idle = std::pin::pin!(idle);
            // Registered before the look at the count, or the last request could end in between unseen.
            idle.as_mut().enable();
            {
                let mut state = self.lock();
                if state.until.is_none() || self.stopped() {
                    return false;
                }
                // While requests drain the lease does not run out.
                state.until = Some(Instant::now() + lease);
                if state.in_flight == 0 {
                    return true;
                }
            }
            // A shorter wait than the lease keeps renewing it while something is still under way.
            let _ = tokio::time::timeout(lease / 2, idle).await;
        }
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        self.lock().until = None;
        self.changed.send_modify(|n| *n += 1);
    }

    /// Lets nothing pass any more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.idle.notify_waiters();
        self.changed.send_modify(|n| *n += 1);
    }
}
