//! How long to wait before a crashed process is started again. Pure: the time it ran is given.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// A process that ran this long had a good start: the next crash is a new story.
const HEALTHY: Duration = Duration::from_secs(10);

/// Doubles from crash to crash, up to a limit, and starts over after a healthy run.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    crashes: u32,
}

impl Backoff {
    /// The pause after a run of the given length.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        if ran >= HEALTHY {
            self.crashes = 0;
        }
        let pause = FIRST.saturating_mul(1 << self.crashes.min(16)).min(LONGEST);
        self.crashes += 1;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_is_slowed_down_to_the_limit() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..8).map(|_| backoff.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn a_healthy_run_forgives_earlier_crashes() {
        let mut backoff = Backoff::default();
        backoff.after(Duration::ZERO);
        backoff.after(Duration::ZERO);
        assert_eq!(backoff.after(HEALTHY), FIRST);
    }
}
