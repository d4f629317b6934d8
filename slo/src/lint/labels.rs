//! An alert carries the labels that routing and people need, and its texts use only labels that survive the expression.

use promql_parser::parser::Expr;

use super::{Site, matching::Labels, result_labels};
use crate::rules::Kind;

/// What every alert has.
const NEEDED: [&str; 3] = ["severity", "slo", "service"];

pub(super) fn check(site: &Site<'_>, expr: &Expr, say: &mut dyn FnMut(String)) {
    let Kind::Alert { annotations, .. } = &site.rule.kind else { return };
    let put_on = site.all_labels();
    for needed in NEEDED {
        if !put_on.iter().any(|(label, value)| label == needed && !value.is_empty()) {
            say(format!("has no label {needed}; routing needs it"));
        }
    }
    if let Some((_, severity)) = put_on.iter().find(|(label, _)| label == "severity")
        && !["page", "ticket"].contains(&severity.as_str())
    {
        say(format!("severity {severity:?} is routed nowhere; take page or ticket"));
    }
    let Labels::Exactly(survive) = result_labels(site, expr) else { return };
    for (annotation, text) in annotations {
        for used in used(text) {
            if !survive.contains(used) && !put_on.iter().any(|(label, _)| label == used) {
                say(format!("{annotation} uses $labels.{used}, which the expression does not keep"));
            }
        }
    }
}

/// The labels that a template uses.
fn used(text: &str) -> impl Iterator<Item = &str> {
    text.split("$labels.").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        &rest[..end]
    })
}
