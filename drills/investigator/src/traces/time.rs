//! Where the time goes that operations take longer: on the critical paths of the calm period's traces and of those in
//! question, what grew most.

use super::{answer, is_call, operation_of, path, peer};
use crate::{
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
    lens::requests::seconds,
};
use query::trace::{Kind, Node, Tree};
use std::collections::BTreeMap;

/// So many traces of an operation must be known of each period.
const ENOUGH: usize = 5;
/// So much longer an operation must take on the mean, in microseconds.
const LONGER: f64 = 20_000.0;
/// What explains less than this of the growth is not told.
const SHARE: f64 = 0.3;
/// An operation that grew by less than this share of the one that grew most suffers with it, or from a busy machine.
const ASIDE: f64 = 0.2;
/// A part of what explains it is told when it is at least this share of the growth itself.
const PART: f64 = 0.1;

/// A kind of time and where it is spent.
type Spot = (Sign, Place);

/// The mean time of an operation on each spot, in microseconds.
#[derive(Default)]
struct Spent {
    count: usize,
    spots: BTreeMap<Spot, f64>,
    /// The slowest trace.
    slowest: Option<(u64, query::TraceId)>,
}

impl Spent {
    fn mean(&self, spot: &Spot) -> f64 {
        self.spots.get(spot).map_or(0.0, |sum| sum / self.count.max(1) as f64)
    }

    fn total(&self) -> f64 {
        self.spots.values().sum::<f64>() / self.count.max(1) as f64
    }
}

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let before = by_operation(&facts.before.traces);
    let during = by_operation(&facts.during.traces);
    // The same spot may explain several operations: it is told once, where it explains most.
    let mut best: BTreeMap<Spot, (f64, Finding)> = BTreeMap::new();
    let growth_of = |operation: &(String, String)| {
        let (then, now) = (before.get(operation)?, during.get(operation)?);
        let known = then.count >= ENOUGH && now.count >= ENOUGH && now.total() >= 2.0 * then.total();
        let growth = now.total() - then.total();
        (known && growth >= LONGER).then_some((then, now, growth))
    };
    let most = during.keys().filter_map(growth_of).map(|(.., growth)| growth).fold(0.0, f64::max);
    for operation in during.keys() {
        let Some((then, now, growth)) = growth_of(operation) else { continue };
        if growth < ASIDE * most {
            continue;
        }
        let part = |spot: &Spot| now.mean(spot) - then.mean(spot);
        for spot in now.spots.keys() {
            // What lies between the same two services is one thing, whichever calls it holds up.
            let whole: f64 = now.spots.keys().filter(|other| is_one(spot, other)).map(part).sum();
            let part = part(spot);
            if whole < SHARE * growth || part < PART * growth {
                continue;
            }
            let text = format!(
                "of the {} that {} {} takes longer, {} are spent here ({})",
                seconds(growth / 1e6),
                operation.0,
                operation.1,
                seconds(part / 1e6),
                words(spot.0),
            );
            let finding = Finding::new(spot.0, spot.1.clone(), whole / growth, text);
            let finding = finding.shown_by(now.slowest.map(|(_, id)| Evidence::Trace(id)));
            let known = best.get(spot).map_or(0.0, |(known, _)| *known);
            if part > known {
                best.insert(spot.clone(), (part, finding));
            }
        }
    }
    let mut found: Vec<Finding> = best.into_values().map(|(_, finding)| finding).collect();
    let authenticating: Vec<Finding> = found.iter().filter_map(authenticates).collect();
    found.extend(authenticating);
    found
}

/// Whether time on two spots is time on one thing.
fn is_one(one: &Spot, other: &Spot) -> bool {
    let between = one.0 == Sign::NetworkTime && other.0 == one.0;
    one == other || (between && one.1.caller == other.1.caller && one.1.service == other.1.service)
}

fn words(sign: Sign) -> &'static str {
    match sign {
        Sign::StatementTime => "a statement",
        Sign::PoolTime => "waiting for a connection of the pool",
        Sign::TurnTime => "waiting for the turn to write",
        Sign::NetworkTime => "between the caller's span and the callee's",
        Sign::CallsUnanswered => "a call that no span answers",
        _ => "its own work, or waiting inside the process",
    }
}

/// Operations by service and name, of all server spans: each is a request to somebody.
fn by_operation(traces: &[Tree]) -> BTreeMap<(String, String), Spent> {
    let mut operations: BTreeMap<(String, String), Spent> = BTreeMap::new();
    for tree in traces {
        for (at, node) in tree.nodes.iter().enumerate() {
            // From the caller's side, so that the way there is part of it; where a trace begins with a server, from there.
            let whole = is_call(node) || (node.kind() == Kind::Server && node.parent.is_none());
            if !whole {
                continue;
            }
            let service = if is_call(node) { peer(node) } else { Some(node.service.clone()) };
            let key = (service.unwrap_or_default(), node.span.operation_name.clone());
            let spent = operations.entry(key).or_default();
            spent.count += 1;
            if spent.slowest.is_none_or(|(longest, _)| node.span.duration_us > longest) {
                spent.slowest = Some((node.span.duration_us, tree.id));
            }
            for (at, own) in path::critical(tree, at) {
                *spent.spots.entry(spot(tree, at)).or_default() += own as f64;
            }
        }
    }
    operations
}

/// What kind of time a span's own time is, and where.
fn spot(tree: &Tree, at: usize) -> Spot {
    let node = &tree.nodes[at];
    if is_call(node) {
        let callee =
            peer(node).unwrap_or_else(|| answer(tree, node).map_or("", |span| &span.service).to_owned());
        let sign = if answer(tree, node).is_some() { Sign::NetworkTime } else { Sign::CallsUnanswered };
        return (sign, Place::call(&node.service, &callee, &node.span.operation_name));
    }
    let operation = operation_of(tree, at);
    let place = Place::operation(&node.service, &operation.span.operation_name);
    match (node.side(), node.span.operation_name.as_str()) {
        ("db", "acquire") => (Sign::PoolTime, place),
        ("db", "write turn") => (Sign::TurnTime, place),
        ("db", name) => (Sign::StatementTime, Place::operation(&node.service, name)),
        _ => (Sign::SelfTime, place),
    }
}

/// Whether what became slow is the checking of credentials, by what its operation is called.
fn authenticates(finding: &Finding) -> Option<Finding> {
    let operation = finding.place.operation.as_deref().unwrap_or_default().to_lowercase();
    let named = ["session", "login", "auth", "token", "password", "signin"]
        .iter()
        .any(|word| operation.contains(word));
    let text = "what it does is checking credentials, by its name".to_owned();
    (finding.sign == Sign::SelfTime && named)
        .then(|| Finding::new(Sign::Authenticates, finding.place.clone(), 1.0, text))
}

/// The operation's name of a node, for other lenses.
pub(crate) fn place_of(tree: &Tree, at: usize) -> Place {
    let operation: &Node = operation_of(tree, at);
    Place::operation(&tree.nodes[at].service, &operation.span.operation_name)
}
