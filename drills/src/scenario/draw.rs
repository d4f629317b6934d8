//! What the seed decides about a drill: which scenario comes, in which order they are listed, when it begins, how bad it is. Each
//! depends on the seed, what is decided and about what, and on nothing else, so that none tells anything of another.

use super::Scenario;
use loadgen::faults::Request;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

fn decide(seed: u64, what: &str, about: &str) -> u64 {
    let mut hash = Sha256::new();
    for part in [&seed.to_le_bytes()[..], what.as_bytes(), &[0], about.as_bytes()] {
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// From 0 to below 1.
fn unit(seed: u64, what: &str, about: &str) -> f64 {
    (decide(seed, what, about) >> 11) as f64 / (1u64 << 53) as f64
}

/// The ids in an order that the seed decides.
#[must_use]
pub fn order<'a>(seed: u64, ids: &[&'a str]) -> Vec<&'a str> {
    let mut ids = ids.to_vec();
    ids.sort_by_key(|id| (decide(seed, "order", id), *id));
    ids
}

/// The one that comes when nobody asks for one.
#[must_use]
pub fn draw<'a>(seed: u64, ids: &[&'a str]) -> Option<&'a str> {
    ids.iter().copied().max_by_key(|id| (decide(seed, "draw", id), *id))
}

/// When the trouble begins, at that speed; to the millisecond.
#[must_use]
pub fn onset(scenario: &Scenario, seed: u64, speed: f64) -> Duration {
    let timeline = scenario.timeline;
    let later = timeline.onset_within.as_secs_f64() * unit(seed, "onset", &scenario.id);
    let seconds = (timeline.baseline.as_secs_f64() + later) / speed;
    Duration::from_millis((seconds * 1e3) as u64)
}

/// What is asked of the faults, for a session that lasts so long.
#[must_use]
pub fn requests(scenario: &Scenario, seed: u64, speed: f64, session: Duration) -> Vec<Request> {
    let start = onset(scenario, seed, speed);
    let length = scenario.timeline.length.min(session.saturating_sub(start));
    let request = |step: &super::Step| {
        let given = step.parameters.iter().map(|(name, (from, to))| {
            let value = from + (to - from) * unit(seed, name, &step.fault);
            (name.clone(), (value * 1e3).round() / 1e3)
        });
        Request { name: step.fault.clone(), start: Some(start), length: Some(length), given: given.collect() }
    };
    scenario.steps.iter().map(request).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const IDS: [&str; 4] = ["harbour", "lantern", "meadow", "orchard"];

    #[test]
    fn a_seed_always_decides_alike_and_seeds_differ() {
        assert_eq!(order(7, &IDS), order(7, &["orchard", "meadow", "lantern", "harbour"]));
        let drawn: BTreeSet<_> = (0..64).filter_map(|seed| draw(seed, &IDS)).collect();
        assert_eq!(drawn.len(), IDS.len(), "each comes at some seed");
        assert_eq!(draw(1, &[]), None);
    }

    #[test]
    fn the_onset_lies_within_its_bounds_and_differs() {
        let scenario = crate::scenario::find("harbour").expect("there");
        let (least, most) =
            (scenario.timeline.baseline, scenario.timeline.baseline + scenario.timeline.onset_within);
        let onsets: BTreeSet<_> = (0..32).map(|seed| onset(&scenario, seed, 1.0)).collect();
        assert!(onsets.iter().all(|onset| (least..=most).contains(onset)), "{onsets:?}");
        assert!(onsets.len() > 16, "{onsets:?}");
        let fast = onset(&scenario, 3, 4.0).as_secs_f64();
        assert!((fast * 4.0 - onset(&scenario, 3, 1.0).as_secs_f64()).abs() < 0.01);
    }

    #[test]
    fn the_trouble_ends_with_the_session_at_the_latest() {
        let scenario = crate::scenario::find("harbour").expect("there");
        let session = Duration::from_secs(300);
        for request in requests(&scenario, 1, 1.0, session) {
            assert!(request.start.expect("decided") + request.length.expect("decided") <= session);
        }
    }
}
