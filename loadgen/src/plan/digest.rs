//! The plan's digest: proof that two runs asked for the same. Covers the inputs (which decide everything) and the
//! first sessions (so that a change of the code that decides differently shows). Latencies, trace ids and
//! idempotency keys are not in it: they belong to a run, not to a plan.

use super::Plan;
use super::journeys::Path;
use crate::span::format_duration;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// How many sessions are written out.
pub const SESSIONS: usize = 1_000;

/// Raised whenever the encoding changes.
const VERSION: u32 = 1;

/// The plan's inputs as text, one per line. Part of what is hashed, and readable in golden files.
#[must_use]
pub fn inputs(plan: &Plan) -> String {
    let profile = plan.profile();
    let mut text = format!("firedrill plan {VERSION}\nseed {}\nrps {}\n", plan.seed(), plan.rps());
    let end = plan.duration().map_or_else(|| "endless".to_owned(), |d| d.as_nanos().to_string());
    // Writing to a String cannot fail.
    let _ = writeln!(text, "duration {end}\ncycle {}", profile.duration.as_nanos());
    let _ = writeln!(
        text,
        "profile {}\nspacing {:?}\nlevels {:?}",
        profile.name, profile.spacing, profile.levels
    );
    let _ = writeln!(text, "think {}", format_duration(profile.think));
    let _ = writeln!(text, "products {} {}", profile.hot, profile.hot_share);
    for (journey, weight) in &profile.journeys {
        let _ = writeln!(text, "journey {} {weight}", journey.name());
    }
    text
}

/// The first `count` sessions as text: a line for each session (offset in nanoseconds, journey), one for each step.
#[must_use]
pub fn sessions(plan: &Plan, count: usize) -> String {
    let mut text = String::new();
    for (index, offset) in plan.arrivals().take(count) {
        let session = plan.session(index);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{index} +{} {}", offset.as_nanos(), session.journey.name());
        for step in &session.steps {
            let kind = &plan.kinds()[step.kind];
            let path = match &step.path {
                Path::Fixed(path) => path.as_str(),
                Path::Captured(_) => kind.route,
            };
            let (service, expect) = (kind.service.name(), kind.expect);
            let body = step.body.as_deref().unwrap_or("-");
            let think = step.think.as_nanos();
            let _ = writeln!(text, "  {} {service} {path} {body} {expect} {think}", kind.method);
        }
    }
    text
}

pub(super) fn digest(plan: &Plan) -> String {
    let mut hash = Sha256::new();
    hash.update(inputs(plan));
    hash.update(sessions(plan, SESSIONS));
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
