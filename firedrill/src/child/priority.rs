//! Which of the processes on one machine goes first when there is not enough processor for all.

/// About a third of the weight of a process that is not told to be nice: enough for telemetry to keep up, and little
/// enough for a request not to wait for it.
const BEHIND: i32 = 5;

/// Puts this process, and what it will start, behind the services.
///
/// In production the backends have machines of their own. Here they share one with what they watch, and a backlog that flows
/// after an outage would show in the response times that they report. Call it before the first thread is started: on Linux,
/// a thread has a niceness of its own, which those it starts inherit.
pub(super) fn behind_the_services() {
    // It cannot fail for want of a right: everybody may be nicer.
    #[cfg(unix)]
    let _ = rustix::process::nice(BEHIND);
}
