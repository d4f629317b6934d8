//! The tree of routes: which alerts go where, and how they are put together.

use std::collections::BTreeSet;
use std::time::Duration;

use yaml::{Problem, Reader};

use super::duration::{duration, positive};
use super::read::{MAX_LABELS, list, matchers};
use crate::alertmanager::matchers::Matchers;

/// How deep routes may lie within each other.
const MAX_DEPTH: usize = 16;
/// How many routes there may be beside each other.
const MAX_ROUTES: usize = 200;

/// Which labels tell groups apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupBy {
    /// These.
    Labels(BTreeSet<String>),
    /// All: each alert is a group of its own.
    All,
}

/// A route. What is `None` is as in the route above it.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) matchers: Matchers,
    pub(crate) receiver: Option<String>,
    pub(crate) group_by: Option<GroupBy>,
    pub(crate) group_wait: Option<Duration>,
    pub(crate) group_interval: Option<Duration>,
    pub(crate) repeat_interval: Option<Duration>,
    /// Whether the routes after this one are looked at, too.
    pub(crate) goes_on: bool,
    pub(crate) routes: Vec<Route>,
}

/// Reads a route and those below it. The first one, at `depth` 0, takes every alert.
pub(super) fn read(reader: &Reader<'_>, receivers: &[&str], depth: usize) -> Result<Route, Problem> {
    if depth > MAX_DEPTH {
        return Err(reader.problem(format!("routes lie more than {MAX_DEPTH} deep")));
    }
    let mut fields = reader.fields()?;
    let receiver = match depth {
        0 => Some(fields.required("receiver")?),
        _ => fields.optional("receiver"),
    };
    let receiver = receiver.map(|name| known(&name, receivers)).transpose()?;
    let (conditions, goes_on) = (fields.optional("matchers"), fields.optional("continue"));
    if let Some(wrong) = conditions.iter().chain(&goes_on).find(|_| depth == 0) {
        return Err(wrong.problem("cannot stand in the first route, which takes every alert"));
    }
    let route = Route {
        receiver,
        matchers: conditions.map_or(Ok(Matchers::default()), |given| matchers(&given))?,
        goes_on: goes_on.map_or(Ok(false), |given| given.truth())?,
        group_by: fields.optional("group_by").map(|given| group_by(&given)).transpose()?,
        group_wait: fields.optional("group_wait").map(|given| duration(&given)).transpose()?,
        group_interval: fields.optional("group_interval").map(|given| positive(&given)).transpose()?,
        repeat_interval: fields.optional("repeat_interval").map(|given| positive(&given)).transpose()?,
        routes: match fields.optional("routes") {
            Some(given) => {
                let below = list(&given, MAX_ROUTES)?;
                below.iter().map(|route| read(route, receivers, depth + 1)).collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        },
    };
    fields.end()?;
    Ok(route)
}

fn known(reader: &Reader<'_>, receivers: &[&str]) -> Result<String, Problem> {
    let name = reader.text()?;
    if receivers.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(reader.problem(format!("there is no receiver {name:?}; there are {}", receivers.join(", "))))
}

fn group_by(reader: &Reader<'_>) -> Result<GroupBy, Problem> {
    let mut labels = BTreeSet::new();
    let items = list(reader, MAX_LABELS)?;
    for item in &items {
        match item.text()? {
            all if all == "..." && items.len() == 1 => return Ok(GroupBy::All),
            all if all == "..." => return Err(item.problem("... means all labels and must stand alone")),
            name => {
                if !labels.insert(name) {
                    return Err(item.problem("stands here twice; leave one"));
                }
            }
        }
    }
    Ok(GroupBy::Labels(labels))
}
