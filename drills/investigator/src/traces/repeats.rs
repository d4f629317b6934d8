//! What one request does again and again: the same call or statement many times below one span, and more rows than before.
//! A call that is sent again because it failed is a retry, and none of this.

use super::{is_call, time::place_of};
use crate::{
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
};
use query::{TraceId, trace::Tree};
use std::collections::BTreeMap;

/// So many spans must be known of each period.
const ENOUGH: usize = 5;

/// For each operation and what it repeats: how often within one span, with the trace.
type Counts = BTreeMap<(Place, String), Vec<(usize, TraceId)>>;

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
    let (mut before, during) = (counts(before), counts(during));
    let mut found = Vec::new();
    for ((place, what), mut now) in during {
        let then = before
            .get_mut(&(place.clone(), what.clone()))
            .and_then(|then| at_p90(then))
            .map_or(1, |(n, _)| n);
        let Some((many, id)) = at_p90(&mut now) else { continue };
        if many < then + 3 || many < 2 * then {
            continue;
        }
        let text = format!("one request does {what} {many} times, {then} times before");
        let strength = 1.0 - then as f64 / many as f64;
        found.push(Finding::new(Sign::Repeats, place, strength, text).shown_by([Evidence::Trace(id)]));
    }
    found
}

fn counts(trees: &[Tree]) -> Counts {
    let mut counts = Counts::new();
    for tree in trees {
        let mut of_operation: BTreeMap<(Place, String), usize> = BTreeMap::new();
        for (at, node) in tree.nodes.iter().enumerate() {
            let counted = (is_call(node) && node.resend_count().is_none())
                || (node.side() == "db" && node.span.tag("db.operation.name").is_some());
            if counted {
                let what = node.span.operation_name.clone();
                *of_operation.entry((place_of(tree, at), what)).or_default() += 1;
            }
        }
        for (key, count) in of_operation {
            counts.entry(key).or_default().push((count, tree.id));
        }
    }
    counts
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
