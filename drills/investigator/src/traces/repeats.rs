//! What one request does again and again: the same call or statement many times below one span, and more rows than before.
//! A call that is sent again because it failed is a retry, and none of this.

use super::{is_call, position_of_operation};
use crate::{
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
};
use query::{
    TraceId,
    trace::{Kind, Tree},
};
use std::collections::BTreeMap;

/// So many spans must be known of each period.
const ENOUGH: usize = 5;
/// So many requests of an operation must be known of the calm period: how often something is done differs from request to
/// request, and the most of few is not the most of all.
const MANY: usize = 30;
/// So many requests must do it.
const SEVERAL: usize = 5;

/// What the requests of one operation did, and how often each of them, with its trace.
#[derive(Default)]
struct Requests {
    count: usize,
    did: BTreeMap<String, Vec<(usize, TraceId)>>,
}

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let mut found = repeats(&facts.before.traces, &facts.during.traces);
    found.extend(rows(&facts.before.traces, &facts.during.traces));
    found
}

fn at_p90<T: Ord + Copy>(values: &mut [T]) -> Option<T> {
    values.sort_unstable();
    (values.len() >= ENOUGH).then(|| values[(values.len() - 1) * 9 / 10])
}

fn repeats(before: &[Tree], during: &[Tree]) -> Vec<Finding> {
    let (before, during) = (requests(before), requests(during));
    let mut found = Vec::new();
    for (place, now) in during {
        let Some(then) = before.get(&place).filter(|then| then.count >= MANY) else { continue };
        for (what, mut did) in now.did {
            did.sort_unstable();
            // What the busiest sixth of all requests does at least, those among them that do nothing of the kind.
            let busiest = (now.count / 6).max(SEVERAL);
            let Some((many, id)) = did.len().checked_sub(busiest).map(|at| did[at]) else { continue };
            let most =
                then.did.get(&what).and_then(|did| did.iter().map(|(times, _)| *times).max()).unwrap_or(0);
            if many < most + 2 || many * 2 < most * 3 || many < 3 {
                continue;
            }
            let text = format!("many requests do {what} {many} times and more, {most} times at most before");
            let strength = 1.0 - most as f64 / many as f64;
            found.push(
                Finding::new(Sign::Repeats, place.clone(), strength, text).shown_by([Evidence::Trace(id)]),
            );
        }
    }
    found
}

fn requests(trees: &[Tree]) -> BTreeMap<Place, Requests> {
    let mut requests: BTreeMap<Place, Requests> = BTreeMap::new();
    for tree in trees {
        let place =
            |at: usize| Place::operation(&tree.nodes[at].service, &tree.nodes[at].span.operation_name);
        let mut done: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
        for (at, node) in tree.nodes.iter().enumerate() {
            if node.kind() == Kind::Server {
                done.entry(at).or_default();
            }
            let counted = (is_call(node) && node.resend_count().is_none())
                || (node.side() == "db" && node.span.tag("db.operation.name").is_some());
            let operation = position_of_operation(tree, at);
            if counted && tree.nodes[operation].kind() == Kind::Server {
                let what = node.span.operation_name.as_str();
                *done.entry(operation).or_default().entry(what).or_default() += 1;
            }
        }
        for (operation, did) in done {
            let known = requests.entry(place(operation)).or_default();
            known.count += 1;
            for (what, times) in did {
                known.did.entry(what.to_owned()).or_default().push((times, tree.id));
            }
        }
    }
    requests
}

/// Rows that statements return.
fn rows(before: &[Tree], during: &[Tree]) -> Vec<Finding> {
    let of = |trees: &[Tree]| {
        let mut rows: BTreeMap<Place, Vec<(u64, TraceId)>> = BTreeMap::new();
        for tree in trees {
            for node in &tree.nodes {
                let returned =
                    node.span.tag_text("db.response.returned_rows").and_then(|text| text.parse().ok());
                if let Some(returned) = returned {
                    let place = Place::operation(&node.service, &node.span.operation_name);
                    rows.entry(place).or_default().push((returned, tree.id));
                }
            }
        }
        rows
    };
    let (mut before, during) = (of(before), of(during));
    let mut found = Vec::new();
    for (place, mut now) in during {
        let Some((then, _)) = before.get_mut(&place).and_then(|then| at_p90(then)) else { continue };
        let Some((many, id)) = at_p90(&mut now) else { continue };
        if many < 200 || many < 5 * then.max(1) {
            continue;
        }
        let text = format!("it returns {many} rows, {then} before");
        found.push(Finding::new(Sign::RowsRose, place, 1.0, text).shown_by([Evidence::Trace(id)]));
    }
    found
}
