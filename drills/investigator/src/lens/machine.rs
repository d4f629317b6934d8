//! The machine as a whole: when everything that is measured becomes slower at once, the targets of the scrapes too, what is
//! slow is the machine, and no service can be told from another by its time.
//!
//! Errors, restarts, missing spans and the like are not explained by a busy machine and stay.

use crate::{
    facts::Facts,
    finding::{Finding, Sign},
    metrics::{ANSWERED, Reading},
};
use std::collections::BTreeMap;

/// The family that says how long scrapes took, in seconds, on the mean of the slice before.
pub const SCRAPE: &str = "scrape_duration_seconds";

/// So much longer than before scrapes take when something is wrong.
const LONGER: f64 = 4.0;
/// Below this many seconds a scrape is quick, whatever it was before.
const QUICK: f64 = 0.03;

/// How many times longer each target's scrapes take than before, if they take long at all; else 1.
#[must_use]
pub fn slowness(facts: &Facts) -> BTreeMap<String, f64> {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let mut found = BTreeMap::new();
    for reading in facts.metrics.of(SCRAPE) {
        let before = mean(reading.known(0..facts.grid.before().end + 1).collect());
        let during = mean(reading.known(facts.grid.during().start + 1..facts.grid.slices() + 1).collect());
        let ratio = if during < QUICK { 1.0 } else { during / before.max(0.001) };
        let known = found.entry(reading.label("job").to_owned()).or_insert(ratio);
        *known = known.max(ratio);
    }
    found
}

/// Whether most of the targets are slow at once, or most of them are silent: then it is whoever asks them that has trouble.
fn is_busy(facts: &Facts) -> bool {
    let most = |some: usize, of: usize| of >= 3 && some * 3 >= of * 2;
    let slowness = slowness(facts);
    let slow = slowness.values().filter(|ratio| **ratio >= LONGER).count();
    let during = facts.grid.during();
    let targets = facts.metrics.of(ANSWERED);
    let silent =
        |reading: &&Reading| reading.known(during.start + 1..during.end + 1).any(|share| share <= 0.5);
    most(slow, slowness.len()) || most(targets.iter().filter(silent).count(), targets.len())
}

/// Whether a target's scrapes are slow and most others' are not.
#[must_use]
pub fn is_slow_alone(facts: &Facts, job: &str) -> bool {
    let slowness = slowness(facts);
    let slow = slowness.values().filter(|ratio| **ratio >= LONGER).count();
    slowness.get(job).is_some_and(|ratio| *ratio >= LONGER) && slow * 2 <= slowness.len()
}

/// On a busy machine, takes away what speaks of time alone, and of targets that did not answer in time.
pub(crate) fn discount(facts: &Facts, found: &mut Vec<Finding>) {
    if is_busy(facts) {
        found.retain(|finding| !speaks_of_the_machine(finding.sign));
    }
}

fn speaks_of_the_machine(sign: Sign) -> bool {
    matches!(
        sign,
        Sign::UsersWait
            | Sign::Unresponsive
            | Sign::HeartbeatsLate
            | Sign::ServerSlow
            | Sign::AllOperationsSlow
            | Sign::SelfTime
            | Sign::StatementTime
            | Sign::PoolTime
            | Sign::TurnTime
            | Sign::NetworkTime
            | Sign::ReadsSlow
            | Sign::WritesSlow
            | Sign::CommitsSlow
            | Sign::BeginsSlow
            | Sign::PoolWait
            | Sign::WriteTurnWait
            | Sign::OneTenantSlow
            | Sign::InFlightRose
            | Sign::CpuRose
            | Sign::CpuFell
    )
}
