//! Where errors begin: the deepest span that failed. What failed above it failed because of it.

use super::{answer, is_call, peer, time::place_of};
use crate::{
    facts::{Facts, Sample},
    finding::{Evidence, Finding, Place, Sign},
};
use query::{
    TraceId,
    trace::{Kind, Node, Tree},
};
use std::collections::BTreeMap;

/// So many traces must show it.
const ENOUGH: usize = 3;

/// Traces in which something began.
type Origins = BTreeMap<(Sign, Place), (Vec<TraceId>, String)>;

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let (before, _) = origins(&facts.before);
    let (during, all) = origins(&facts.during);
    let mut found = Vec::new();
    for ((sign, place), (traces, word)) in during {
        let known = before.get(&(sign, place.clone())).map_or(0, |(traces, _)| traces.len());
        // Bad traces are looked for in both periods alike, so that many before means that it is nothing new.
        if traces.len() < ENOUGH || traces.len() < 3 * known {
            continue;
        }
        let share = traces.len() as f64 / all.max(1) as f64;
        let text = format!("{} of {all} failed traces have their deepest error here: {word}", traces.len());
        let evidence = traces.into_iter().take(3).map(Evidence::Trace);
        found.push(Finding::new(sign, place, share, text).shown_by(evidence));
    }
    found
}

/// The origins of errors in a sample, and how many traces have any.
fn origins(sample: &Sample) -> (Origins, usize) {
    let mut origins = Origins::new();
    let mut failed = 0;
    for tree in sample.all() {
        let mut any = false;
        for (at, node) in tree.nodes.iter().enumerate() {
            let Some((sign, place, word)) = origin(tree, at, node) else { continue };
            any = true;
            let (traces, _) = origins.entry((sign, place)).or_insert_with(|| (Vec::new(), word));
            if traces.last() != Some(&tree.id) {
                traces.push(tree.id);
            }
        }
        failed += usize::from(any);
    }
    (origins, failed)
}

/// What begins in this span, if it failed and nothing below it did.
fn origin(tree: &Tree, at: usize, node: &Node) -> Option<(Sign, Place, String)> {
    if !fails(node) || has_failed_descendant(tree, node) {
        return None;
    }
    let word = node.span.tag_text("error.type").or_else(|| node.error_text()).unwrap_or_default();
    if !is_call(node) {
        let place = match node.side() {
            // A statement's error is told where the statement is.
            "db" => Place::operation(&node.service, &node.span.operation_name),
            _ => place_of(tree, at),
        };
        return Some((Sign::ErrorsBegin, place, word));
    }
    let callee = peer(node).unwrap_or_default();
    let place = Place::call(&node.service, &callee, &node.span.operation_name);
    let answered = answer(tree, node).is_some();
    let sign = match (word.as_str(), answered) {
        ("connection" | "connect", _) => Sign::CallsRefused,
        ("broken_connection" | "broken" | "closed" | "reset", _) => Sign::CallsReset,
        ("timeout", false) => Sign::CallsUnanswered,
        ("timeout", true) => Sign::CallsTimeOut,
        // A status of an answer whose server span is missing or calls itself good.
        _ => Sign::ErrorsBegin,
    };
    Some((sign, place, word))
}

/// A failure of the server's side. What is refused as the client's mistake is none.
fn fails(node: &Node) -> bool {
    let refused = node.http_status().is_some_and(|status| (400..500).contains(&status));
    node.is_error() && !refused
}

fn has_failed_descendant(tree: &Tree, node: &Node) -> bool {
    let mut left: Vec<usize> = node.children.clone();
    while let Some(at) = left.pop() {
        let child = &tree.nodes[at];
        if fails(child) {
            return true;
        }
        left.extend(&child.children);
    }
    false
}

/// Whether a server span, or a call by users, is bad: for whoever looks for traces.
#[must_use]
pub fn is_bad(node: &Node) -> bool {
    matches!(node.kind(), Kind::Server | Kind::Client) && fails(node)
}
