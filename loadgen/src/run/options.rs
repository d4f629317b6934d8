//! How a run is carried out, apart from what the plan says.

use crate::client::RunId;
use crate::meter::Meter;
use crate::profile::Threshold;
use std::sync::Arc;
use std::time::Duration;

/// Exit code of a run that was good.
pub const EXIT_GOOD: u8 = 0;
/// Exit code when the generator itself was too slow for the figures to mean anything.
pub const EXIT_OVERLOAD: u8 = 98;
/// Exit code when a threshold failed.
pub const EXIT_THRESHOLD: u8 = 99;

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Tells this run from others of the same seed.
    pub run: RunId,
    /// Longest wait for one answer; the profile's when none.
    pub timeout: Option<Duration>,
    /// Threads that send; chosen from the rate when none.
    pub threads: Option<usize>,
    /// Requests under way at once; those beyond are shed and counted. Idle connections come on top.
    pub max_in_flight: u64,
    /// Sessions alive at once, thinking ones included; those beyond are shed.
    pub max_sessions: u64,
    /// The generator's own lag at p99 beyond which the run says nothing about the target (exit 98).
    /// A request later than this counts as late.
    pub lag_budget: Duration,
    /// What makes the run good; the profile's when none.
    pub thresholds: Option<Vec<Threshold>>,
    /// Closed loop with so many connections, each sending the next request when the last is answered, without
    /// pauses. The plan's sessions in order; response time is service time, as nothing is scheduled.
    pub closed: Option<usize>,
    /// Base URL of the console, for links from the report to its trace pages (`BASE/trace/ID`).
    pub console: Option<String>,
    /// Counts while it runs, for whoever scrapes it.
    pub meter: Option<Arc<Meter>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            run: RunId::fresh(),
            timeout: None,
            threads: None,
            max_in_flight: 512,
            max_sessions: 20_000,
            lag_budget: Duration::from_millis(10),
            thresholds: None,
            closed: None,
            console: None,
            meter: None,
        }
    }
}

/// Requests a second that one sending thread carries with room to spare (about 10 µs each).
const PER_THREAD: f64 = 20_000.0;

impl Options {
    /// How many threads send: no more than there are cores.
    #[must_use]
    pub(crate) fn threads_for(&self, rps: f64) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let wanted = match self.closed {
            Some(connections) => connections,
            None => (rps / PER_THREAD).ceil() as usize,
        };
        self.threads.unwrap_or_else(|| wanted.min(cores)).max(1)
    }
}
