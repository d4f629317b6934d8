//! Changes to a rule as a whole: left out, delayed, labelled otherwise.

use crate::rules::{Group, Kind};

/// Calls `add` with each change in words, and the group with it.
pub(super) fn changed(group: &Group, index: usize, add: &mut dyn FnMut(String, Group)) {
    let rule = &group.rules[index];
    let with = |change: &dyn Fn(&mut Group)| {
        let mut group = group.clone();
        change(&mut group);
        group
    };
    let what = if rule.labels.contains_key("tier") { "tier dropped" } else { "rule dropped" };
    add(what.into(), with(&|group| drop(group.rules.remove(index))));
    let Kind::Alert { .. } = &rule.kind else { return };
    for hold in ["1h", "5m"] {
        let delayed = with(&|group| {
            if let Kind::Alert { hold: held, .. } = &mut group.rules[index].kind {
                *held = Some(hold.to_owned());
            }
        });
        add(format!("for: {hold}"), delayed);
    }
    for (label, value) in &rule.labels {
        add(format!("label {label} dropped"), with(&|group| drop(group.rules[index].labels.remove(label))));
        let other = match value.as_str() {
            "page" => "ticket",
            "ticket" => "page",
            _ => "other",
        };
        let relabelled =
            with(&|group| drop(group.rules[index].labels.insert(label.clone(), other.to_owned())));
        add(format!("label {label} is {other}"), relabelled);
    }
    let renamed = with(&|group| {
        if let Kind::Alert { name, .. } = &mut group.rules[index].kind {
            name.push_str("Other");
        }
    });
    add("alert renamed".into(), renamed);
}
