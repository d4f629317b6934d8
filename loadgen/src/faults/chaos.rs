//! A schedule of faults for a long run, drawn from a seed: one after the other, with quiet in between.

use super::{Fault, Request};
use crate::plan::decide::{Stream, below, decide, unit};
use std::time::Duration;

/// Shortest and longest quiet between two faults, as shares of a fault's usual length.
const QUIET: (f64, f64) = (0.5, 1.5);
/// Shortest and longest time of a fault, as shares of its usual length.
const LASTING: (f64, f64) = (0.5, 1.0);

/// Draws from `faults` until `run` is full. Empty when it is too short for one.
#[must_use]
pub fn chaos(faults: &[Fault], seed: u64, run: Duration) -> Vec<Request> {
    let between =
        |(from, to): (f64, f64), stream, nth| from + (to - from) * unit(decide(seed, stream, nth, 0, 0));
    let mut requests = Vec::new();
    let mut at = Duration::ZERO;
    if faults.is_empty() {
        return requests;
    }
    for nth in 0.. {
        let fault = &faults[below(decide(seed, Stream::Fault, nth, 0, 0), faults.len() as u64) as usize];
        let whole_ms = |share: f64| Duration::from_millis((fault.usual.as_secs_f64() * share * 1e3) as u64);
        let start = at + whole_ms(between(QUIET, Stream::Onset, nth));
        let length = whole_ms(between(LASTING, Stream::Lasting, nth)).max(Duration::from_millis(1));
        // The last one must be over, and the services themselves again, when the run ends.
        if start + length + length / 2 > run {
            break;
        }
        requests.push(Request {
            name: fault.name.clone(),
            start: Some(start),
            length: Some(length),
            ..Request::default()
        });
        at = start + length;
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::super::{Schedule, all};
    use super::*;

    const RUN: Duration = Duration::from_secs(3_600);

    #[test]
    fn the_same_seed_draws_the_same_faults_and_another_others() {
        let faults = all().expect("a catalogue");
        assert_eq!(chaos(&faults, 7, RUN), chaos(&faults, 7, RUN));
        assert_ne!(chaos(&faults, 7, RUN), chaos(&faults, 8, RUN));
    }

    #[test]
    fn what_is_drawn_can_be_carried_out_and_leaves_time_to_recover() {
        let faults = all().expect("a catalogue");
        for seed in 0..50 {
            let requests = chaos(&faults, seed, RUN);
            assert!(requests.len() > 10, "{seed}: {}", requests.len());
            let schedule = Schedule::new(&requests, seed, RUN).expect("a schedule");
            let ends: Vec<_> = schedule.injections.iter().map(|i| i.onset + i.length).collect();
            assert!(schedule.injections.iter().skip(1).zip(&ends).all(|(next, end)| next.onset > *end));
            assert!(ends.iter().all(|end| *end < RUN));
        }
    }

    #[test]
    fn a_run_too_short_for_any_has_none() {
        assert!(chaos(&all().expect("a catalogue"), 1, Duration::from_secs(1)).is_empty());
    }
}
