//! How a kept process is, for whoever looks.

use serde::Serialize;

/// Where a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was started and is not ready yet.
    Starting,
    /// It does its work.
    Running,
    /// It was told to stop and not yet to go on.
    Stopped,
    /// It has ended, and is started again in a moment.
    Down,
}

/// A process as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where it stands.
    pub state: State,
    /// Its process id; 0 before the first start.
    pub pid: u32,
    /// How often it was started again.
    pub restarts: u32,
    /// When this life of it began.
    pub started_at: jiff::Timestamp,
}

impl Status {
    pub(super) fn before_the_start() -> Self {
        Self { state: State::Starting, pid: 0, restarts: 0, started_at: jiff::Timestamp::now() }
    }
}
