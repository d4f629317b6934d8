//! When a command that runs on is to stop: Ctrl-C, a request to terminate, or its time.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Requests within this time are one: a terminal that closes, or a program that ends a whole group, may ask twice.
const SAME_REQUEST: Duration = Duration::from_millis(300);

/// Ctrl-C and SIGTERM, from the moment of its creation on.
pub(super) struct StopAsked {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

impl StopAsked {
    /// Starts to listen: from now on a signal stops the command in order instead of ending the process.
    #[cfg(unix)]
    pub(super) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen =
            |kind| signal(kind).map_err(|e| Failure::environment(format!("cannot listen for signals: {e}")));
        // A closed terminal (SIGHUP) is as good a reason to stop as Ctrl-C.
        Ok(Self {
            signals: [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
            ],
        })
    }

    /// Starts to listen.
    #[cfg(not(unix))]
    pub(super) fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Waits until the command is asked to stop.
    #[cfg(unix)]
    pub(super) async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Waits until the command is asked to stop.
    #[cfg(not(unix))]
    pub(super) async fn asked(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

impl StopAsked {
    /// Waits until the command is asked once more, by somebody who does not want to wait for the stop that is under way.
    pub(super) async fn asked_again(&mut self) {
        let first = Instant::now();
        while first.elapsed() < SAME_REQUEST {
            self.asked().await;
        }
    }
}

/// Waits for the given time; for ever when there is none.
pub(super) async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
