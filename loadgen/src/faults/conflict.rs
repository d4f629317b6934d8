//! Faults that cannot be on at the same time. Pure.

use super::schedule::Injection;
use std::collections::BTreeSet;

/// Two faults that would disturb each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{one} and {other} overlap, and {reason}: let one end before the other begins")]
pub struct Conflict {
    one: String,
    other: String,
    reason: String,
}

/// Whether all of these, in the order of their onset, can be carried out.
pub(super) fn check(injections: &[Injection]) -> Result<(), Conflict> {
    for (nth, one) in injections.iter().enumerate() {
        for other in &injections[nth + 1..] {
            if other.onset >= one.onset + one.length {
                continue;
            }
            if let Some(reason) = reason(one, other) {
                let (one, other) = (one.fault.clone(), other.fault.clone());
                return Err(Conflict { one, other, reason });
            }
        }
    }
    Ok(())
}

fn reason(one: &Injection, other: &Injection) -> Option<String> {
    let excludes =
        |a: &Injection, b: &Injection| a.excludes.iter().any(|name| *name == b.fault || name == "*");
    if excludes(one, other) || excludes(other, one) {
        return Some("exclude each other".to_owned());
    }
    let holds = |injection: &Injection| -> BTreeSet<String> {
        injection.steps.iter().flat_map(|step| step.act.holds()).collect()
    };
    holds(one).intersection(&holds(other)).next().map(|both| format!("both need {both}"))
}
