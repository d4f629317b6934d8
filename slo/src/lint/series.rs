//! A rule asks for series that exist: recorded above it, or exposed by something.

use std::collections::BTreeMap;

use promql_parser::parser::{Expr, VectorSelector};

use super::{Site, visit};
use crate::rules::{Group, Kind, Pairs};

/// What is recorded under a name.
pub(super) struct Series {
    /// The labels that group and rule put on it.
    pub(super) labels: Pairs,
    /// The group that records it, and the rule's place there.
    pub(super) group: String,
    pub(super) index: usize,
}

/// All that is recorded, by name.
pub(super) type Recorded = BTreeMap<String, Vec<Series>>;

/// Level, metric and operation, with colons between: a name that only rules make.
fn is_recorded_name(name: &str) -> bool {
    name.contains(':')
}

pub(super) fn recorded(groups: &[Group]) -> Recorded {
    let mut all = Recorded::new();
    for group in groups {
        for (index, rule) in group.rules.iter().enumerate() {
            if let Kind::Record(name) = &rule.kind {
                let mut labels = group.labels.clone();
                labels.extend(rule.labels.clone());
                let series = Series { labels, group: group.name.clone(), index };
                all.entry(name.clone()).or_default().push(series);
            }
        }
    }
    all
}

pub(super) fn check(site: &Site<'_>, expr: &Expr, say: &mut dyn FnMut(String)) {
    visit::visit(expr, &mut |part| {
        let Some(selector) = visit::selector(part) else { return };
        let Some(name) = selector.name.as_deref() else {
            return say("a selector names no metric; name one".into());
        };
        if is_recorded_name(name) {
            check_recorded(site, name, selector, say);
        } else if !site.world.metric(name) {
            let hint = site
                .world
                .nearest(name)
                .map_or_else(|| "correct the name".to_owned(), |nearest| format!("did you mean {nearest}?"));
            say(format!("nothing exposes {name}, so this can never fire; {hint}"));
        } else if let Some(bound) = visit::wanted(selector, "le") {
            let known = bound == "+Inf" || bound.parse().is_ok_and(|bound| site.world.bucket(bound));
            if !known {
                say(format!("{name} has no bucket le={bound:?}; take a bound of the histogram"));
            }
        }
    });
    // A comparison makes an alert; without one it fires for as long as its series exist.
    let mut compares = false;
    visit::visit(expr, &mut |part| {
        compares |= match part {
            Expr::Binary(binary) => binary.op.is_comparison_operator() && !binary.return_bool(),
            Expr::Call(call) => call.func.name.starts_with("absent"),
            _ => false,
        };
    });
    if site.is_alert() && !compares {
        say("compares nothing, so it fires whenever its series exist; add a bound".into());
    }
}

fn check_recorded(site: &Site<'_>, name: &str, selector: &VectorSelector, say: &mut dyn FnMut(String)) {
    let Some(all) = site.recorded.get(name) else {
        return say(format!("nothing records {name}, so this can never fire"));
    };
    let fits = |series: &&Series| {
        let matchers = &selector.matchers.matchers;
        matchers.iter().all(|m| m.is_match(series.labels.get(&m.name).map_or("", String::as_str)))
    };
    let Some(series) = all.iter().find(fits) else {
        let wanted: Vec<String> =
            selector.matchers.matchers.iter().map(|m| format!("{}{}{:?}", m.name, m.op, m.value)).collect();
        return say(format!("no series {name} has {}, so this can never fire", wanted.join(", ")));
    };
    if series.group == site.group.name && series.index >= site.index {
        say(format!("{name} is recorded below, so this sees it one evaluation late; move it up"));
    }
}
