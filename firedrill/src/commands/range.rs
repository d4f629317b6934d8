//! From when to when a chart asks, and in what steps: the same for every terminal, so that an answer in JSON does not depend
//! on one.

use std::time::Duration;

use query::Window;

/// Values that a chart asks for, at most.
const POINTS: u64 = 180;
/// Steps that people know, in seconds.
const STEPS: [u64; 16] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600];

/// A window that ends now, and its step.
pub(super) fn last(since: Duration) -> (Window, Duration) {
    (Window::last(since), step(since))
}

/// The first known step that gives no more values than are wanted; whole days beyond.
fn step(since: Duration) -> Duration {
    let least = since.as_secs().div_ceil(POINTS);
    let known = STEPS.into_iter().find(|step| *step >= least);
    Duration::from_secs(known.unwrap_or_else(|| least.div_ceil(86_400) * 86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_people_know() {
        for (since, seconds) in
            [(1, 1), (60, 1), (300, 2), (900, 5), (3600, 20), (86_400, 600), (864_000, 7200)]
        {
            assert_eq!(step(Duration::from_secs(since)), Duration::from_secs(seconds), "{since} s");
        }
        assert_eq!(step(Duration::from_millis(10)), Duration::from_secs(1));
        assert_eq!(step(Duration::from_secs(100 * 86_400)), Duration::from_secs(86_400));
    }
}
