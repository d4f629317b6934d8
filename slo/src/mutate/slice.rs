//! What a change can reach. An alert that does not depend on the changed rule does what it did before, so neither it nor the
//! rules that only it needs are evaluated again.

use std::collections::BTreeSet;

use super::Mutant;
use crate::{
    contract::Contract,
    rules::{Group, Kind, Rule},
};

/// The rules that a change reaches with all that they need, and what of a contract is about them; none where nothing is.
pub(super) fn sliced(original: &Group, mutant: &Mutant, contract: &Contract) -> Option<(Group, Contract)> {
    let reached = reached(original, mutant.index);
    let dropped = mutant.rules.rules.len() < original.rules.len();
    let changed = |index: usize| match dropped {
        true if index == mutant.index => None,
        true if index > mutant.index => mutant.rules.rules.get(index - 1),
        _ => mutant.rules.rules.get(index),
    };
    let mut kept = reached.clone();
    // All that a kept rule asks for, before the change and after it.
    for index in (0..original.rules.len()).rev() {
        let name = original.rules[index].name();
        let asks = |other: &usize| {
            refers(&original.rules[*other], name) || changed(*other).is_some_and(|rule| refers(rule, name))
        };
        if matches!(original.rules[index].kind, Kind::Record(_)) && kept.iter().any(asks) {
            kept.insert(index);
        }
    }
    let mut contract = contract.clone();
    let alerts: Vec<&Rule> = reached
        .iter()
        .map(|index| &original.rules[*index])
        .filter(|rule| matches!(rule.kind, Kind::Alert { .. }))
        .collect();
    contract
        .expect
        .retain(|expect| alerts.iter().any(|rule| rule.labels.get("tier") == expect.tier.as_ref()));
    contract.values.retain(|value| {
        reached.iter().any(|index| value.expr.contains(&format!("{}{{", original.rules[*index].name())))
    });
    if alerts.is_empty() && contract.values.is_empty() {
        return None;
    }
    // A value may ask for another rule beside the one that is reached.
    for (index, rule) in original.rules.iter().enumerate() {
        let asked = |value: &crate::contract::Value| value.expr.contains(&format!("{}{{", rule.name()));
        debug_assert!(kept.contains(&index) || !contract.values.iter().any(asked), "{}", rule.name());
    }
    let rules = kept.iter().filter_map(|index| changed(*index).cloned()).collect();
    Some((Group { rules, ..mutant.rules.clone() }, contract))
}

/// The rule and all that depend on it.
fn reached(group: &Group, index: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([index]);
    // Rules ask for what stands above them, so one way down meets all.
    for later in index + 1..group.rules.len() {
        let depends = reached.iter().any(|earlier| {
            let earlier = &group.rules[*earlier];
            matches!(earlier.kind, Kind::Record(_)) && refers(&group.rules[later], earlier.name())
        });
        if depends {
            reached.insert(later);
        }
    }
    reached
}

/// Whether an expression asks for a recorded series.
fn refers(rule: &Rule, name: &str) -> bool {
    rule.expr.contains(&format!("{name}{{"))
}
