//! The child's end of the pipe that keeps it alive.

use std::{io::Read as _, time::Duration};

use tokio_util::sync::CancellationToken;

/// How long a child may take to drain before it ends itself; the parent waits a little longer.
pub const DRAIN: Duration = Duration::from_secs(8);

/// Returns a token that is cancelled when standard input closes or the process is asked to terminate.
///
/// A child that has not ended `DRAIN` later is ended by force: with the parent gone nobody else would do it.
pub fn watch() -> CancellationToken {
    let stop = CancellationToken::new();
    let closed = stop.clone();
    // A plain thread: a read of standard input cannot be cancelled, and must not hold the runtime's shutdown.
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut sink = [0; 256];
        while matches!(input.read(&mut sink), Ok(1..)) {}
        closed.cancel();
        std::thread::sleep(DRAIN);
        std::process::exit(1);
    });
    let terminated = stop.clone();
    tokio::spawn(async move {
        terminate().await;
        terminated.cancel();
    });
    stop
}

/// Lets this process go on when its parent dies while it is stopped: it could not notice that its lifeline has closed, and would
/// be there for ever.
pub fn go_on_without_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        // Where the system refuses, what is stopped has to be continued by hand.
        let _ = set_parent_process_death_signal(Some(Signal::CONT));
    }
}

/// Returns a token that is cancelled when the process is asked to terminate, by a signal and by nothing else.
///
/// A container has no parent that would hold standard input open: an engine gives it `/dev/null`.
pub fn without_parent() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        chassis::launch::stop_signal().await;
        asked.cancel();
    });
    stop
}

/// Waits for SIGTERM (on systems without it, for ever: the pipe is what counts).
#[cfg(unix)]
async fn terminate() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminate() {
    std::future::pending().await
}
