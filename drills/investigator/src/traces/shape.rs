//! What shape traces have: whether they hang together, whether calls find their answers, whether clocks agree, and whether
//! work goes on for which nobody waits any more.

use super::{answer, is_call, peer};
use crate::{
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
};
use query::{
    TraceId,
    trace::{Kind, Node, Tree},
};
use std::collections::BTreeMap;

/// So many spans of a kind must be known of each period.
const ENOUGH: usize = 8;
/// Clocks of one machine's processes do not differ by this much, in microseconds.
const OFF: i64 = 3_000;
/// Work may end this much after its caller gave up, in microseconds: giving up takes its time, too.
const GRACE: u64 = 50_000;

/// How often something was so, of how often it could have been.
#[derive(Default)]
struct Tally {
    so: usize,
    of: usize,
    example: Option<TraceId>,
}

impl Tally {
    fn count(&mut self, is: bool, id: TraceId) {
        self.of += 1;
        self.so += usize::from(is);
        if is {
            self.example = Some(id);
        }
    }

    fn share(&self) -> f64 {
        self.so as f64 / self.of.max(1) as f64
    }
}

type Tallies = BTreeMap<Place, Tally>;

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let before: Vec<&Tree> = facts.before.traces.iter().collect();
    // Of young traces spans may still be on their way.
    let during: Vec<&Tree> = facts.during.traces.iter().filter(|tree| facts.is_settled(tree)).collect();
    let mut found = compare(&before, &during, roots, Sign::OrphanRoots, "begin a trace of their own");
    found.extend(detached(&before, &during));
    found.extend(compare(
        &before,
        &during,
        unanswered,
        Sign::SpansMissing,
        "were answered, and no span of the callee tells of it",
    ));
    found.extend(compare(&before, &during, orphans, Sign::SpansMissing, "hang below a span that is missing"));
    found.extend(clocks(&before, &during));
    let bad: Vec<&Tree> = facts.during.all().collect();
    let bad_before: Vec<&Tree> = facts.before.all().collect();
    found.extend(outlives(&bad_before, &bad));
    found
}

fn compare(
    before: &[&Tree],
    during: &[&Tree],
    tally: fn(&[&Tree]) -> Tallies,
    sign: Sign,
    what: &str,
) -> Vec<Finding> {
    let (before, during) = (tally(before), tally(during));
    let mut found = Vec::new();
    for (place, now) in during {
        let then = before.get(&place).map_or(0.0, Tally::share);
        if now.of < ENOUGH || now.share() < 0.2 || now.share() < 4.0 * then {
            continue;
        }
        let text = format!(
            "{:.0}% of its spans {what} ({} of {}), {:.0}% before",
            now.share() * 100.0,
            now.so,
            now.of,
            then * 100.0
        );
        let evidence = now.example.map(Evidence::Trace);
        found.push(Finding::new(sign, place, now.share(), text).shown_by(evidence));
    }
    found
}

/// Services whose calls begin traces and did not before: whoever asks first always does, and what answers requests does not.
fn detached(before: &[&Tree], during: &[&Tree]) -> Vec<Finding> {
    let mut found = compare(before, during, root_calls, Sign::OrphanRoots, "begin a trace of their own");
    for finding in &mut found {
        // Few of each operation may be known: the service is told by all of them, the operation by most.
        let mut operations: BTreeMap<&str, usize> = BTreeMap::new();
        for node in during.iter().flat_map(|tree| &tree.nodes) {
            if is_root_call(node) && node.service == finding.place.service {
                *operations.entry(&node.span.operation_name).or_default() += 1;
            }
        }
        let most = operations.into_iter().max_by_key(|(_, count)| *count);
        finding.place.operation = most.map(|(operation, _)| operation.to_owned());
    }
    found
}

fn is_root_call(node: &Node) -> bool {
    is_call(node) && node.place == query::trace::Place::Root
}

/// Calls that begin a trace, by the service that makes them.
fn root_calls(trees: &[&Tree]) -> Tallies {
    let mut tallies = Tallies::new();
    for tree in trees {
        for node in tree.nodes.iter().filter(|node| is_call(node)) {
            tallies.entry(Place::service(&node.service)).or_default().count(is_root_call(node), tree.id);
        }
    }
    tallies
}

/// Server spans that begin a trace.
fn roots(trees: &[&Tree]) -> Tallies {
    let mut tallies = Tallies::new();
    for tree in trees {
        for node in tree.nodes.iter().filter(|node| node.kind() == Kind::Server) {
            let place = Place::operation(&node.service, &node.span.operation_name);
            tallies.entry(place).or_default().count(node.place == query::trace::Place::Root, tree.id);
        }
    }
    tallies
}

/// Calls that were answered and have no server span below them, by the callee.
fn unanswered(trees: &[&Tree]) -> Tallies {
    let mut tallies = Tallies::new();
    for tree in trees {
        for node in tree.nodes.iter().filter(|node| is_call(node) && node.http_status().is_some()) {
            let Some(callee) = peer(node) else { continue };
            let place = Place::call(&node.service, &callee, &node.span.operation_name);
            tallies.entry(place).or_default().count(answer(tree, node).is_none(), tree.id);
        }
    }
    tallies
}

/// Spans whose parent is missing.
fn orphans(trees: &[&Tree]) -> Tallies {
    let mut tallies = Tallies::new();
    for tree in trees {
        for node in &tree.nodes {
            let orphan = matches!(node.place, query::trace::Place::Orphan { .. });
            tallies.entry(Place::service(&node.service)).or_default().count(orphan, tree.id);
        }
    }
    tallies
}

/// By how much the answering side's clock is ahead of the calling side's, in microseconds, as a clock protocol reckons it.
fn offset(call: &Node, server: &Node) -> i64 {
    let time = |us: u64| i64::try_from(us).unwrap_or(i64::MAX);
    let ahead = time(server.span.start_us).saturating_sub(time(call.span.start_us));
    let behind = time(call.span.end_us()).saturating_sub(time(server.span.end_us()));
    (ahead - behind) / 2
}

/// Offsets between each two services; the one that disagrees with most is off.
fn clocks(before: &[&Tree], during: &[&Tree]) -> Vec<Finding> {
    let medians = |trees: &[&Tree]| {
        let mut offsets: BTreeMap<(String, String), Vec<(i64, TraceId)>> = BTreeMap::new();
        for tree in trees {
            for call in tree.nodes.iter().filter(|node| is_call(node)) {
                let Some(server) = answer(tree, call) else { continue };
                // Where the callee's span fits into the caller's, there is no contradiction; nor where the caller did not wait
                // for its end.
                let ends = server.span.end_us() <= call.span.end_us() || call.http_status().is_none();
                let fits = server.span.start_us >= call.span.start_us && ends;
                let offset = if fits { 0 } else { offset(call, server) };
                offsets
                    .entry((call.service.clone(), server.service.clone()))
                    .or_default()
                    .push((offset, tree.id));
            }
        }
        let median = |mut all: Vec<(i64, TraceId)>| {
            all.sort_unstable();
            (all.len() >= ENOUGH).then(|| all[all.len() / 2])
        };
        offsets.into_iter().filter_map(|(pair, all)| Some((pair, median(all)?))).collect::<BTreeMap<_, _>>()
    };
    let (before, during) = (medians(before), medians(during));
    let mut services: BTreeMap<String, (usize, usize, i64, Option<TraceId>)> = BTreeMap::new();
    for ((caller, callee), (offset, id)) in &during {
        let then = before.get(&(caller.clone(), callee.clone())).map_or(0, |(offset, _)| *offset);
        let off = (offset - then).abs() > OFF;
        for (service, offset) in [(caller, -offset), (callee, *offset)] {
            let entry = services.entry(service.clone()).or_insert((0, 0, 0, None));
            entry.1 += 1;
            if off {
                *entry = (entry.0 + 1, entry.1, offset, Some(*id));
            }
        }
    }
    // The one with the largest share of disagreements; of two alike, the one that has more of them.
    let worst = services.into_iter().max_by(|(_, a), (_, b)| {
        let share = |tally: &(usize, usize, i64, Option<TraceId>)| tally.0 as f64 / tally.1.max(1) as f64;
        share(a).total_cmp(&share(b)).then(a.0.cmp(&b.0))
    });
    let Some((service, (off, pairs, offset, id))) = worst.filter(|(_, tally)| tally.0 > 0) else {
        return Vec::new();
    };
    let direction = if offset > 0 { "ahead of" } else { "behind" };
    let text = format!(
        "its spans are {} {direction} those of its callers and callees ({off} of {pairs} neighbours)",
        query::time::duration_text(offset.unsigned_abs())
    );
    vec![Finding::new(Sign::ClockOff, Place::service(&service), 1.0, text).shown_by(id.map(Evidence::Trace))]
}

/// Server spans that end clearly after the call that gave up on them.
fn outlives(before: &[&Tree], during: &[&Tree]) -> Vec<Finding> {
    let tally = |trees: &[&Tree]| {
        let mut tallies = Tallies::new();
        for tree in trees {
            for call in tree.nodes.iter().filter(|node| is_call(node)) {
                let Some(server) = answer(tree, call) else { continue };
                let gave_up = call.http_status().is_none() && call.is_error();
                let outlives = gave_up && server.span.end_us() > call.span.end_us() + GRACE;
                let place = Place::operation(&server.service, &server.span.operation_name);
                tallies.entry(place).or_default().count(outlives, tree.id);
            }
        }
        tallies
    };
    let (before, during) = (tally(before), tally(during));
    let mut found = Vec::new();
    for (place, now) in during {
        let then = before.get(&place).map_or(0, |then| then.so);
        if now.so < 4 || now.so < 3 * then {
            continue;
        }
        let text = format!("{} of its answers came after the caller had given up, {then} before", now.so);
        let evidence = now.example.map(Evidence::Trace);
        found.push(Finding::new(Sign::WorkOutlives, place, 1.0, text).shown_by(evidence));
    }
    found
}
