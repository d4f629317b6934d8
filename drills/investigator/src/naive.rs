//! Simple ways to an answer, to measure the investigator, and incidents, against: what one of these finds needs no method.
//!
//! Each looks at one thing and answers in the same form. They answer always, also when nothing is wrong, and take the cause
//! that is most often behind the one thing they look at.

use crate::{
    facts::Facts,
    finding::{Evidence, Place},
    histogram::Histogram,
    lens::requests::{counts, increase, is_failure, of_status},
    metrics::{Reading, total},
    names::{SERVER, buckets, operation, selector},
    traces::origin::is_bad,
    verdict::Answer,
};
use causes::Cause;
use std::collections::BTreeMap;

/// A simple way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The operation with the most errors.
    MostErrors,
    /// The operation whose 95th percentile grew most.
    LargestLatencyChange,
    /// The operation at which the deepest failed span of most failed traces stands.
    DeepestErroringSpan,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MostErrors, Self::LargestLatencyChange, Self::DeepestErroringSpan];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MostErrors => "most-errors",
            Self::LargestLatencyChange => "largest-latency-change",
            Self::DeepestErroringSpan => "deepest-erroring-span",
        }
    }

    /// Its answer.
    #[must_use]
    pub fn answer(self, facts: &Facts) -> Answer {
        let found = match self {
            Self::MostErrors => most_errors(facts),
            Self::LargestLatencyChange => largest_latency_change(facts),
            Self::DeepestErroringSpan => deepest_erroring_span(facts),
        };
        let Some((place, cause, evidence)) = found else { return Answer::nothing() };
        Answer {
            service: Some(place.service),
            operation: place.operation,
            cause: Some(cause),
            evidence: vec![evidence],
        }
    }
}

type Found = Option<(Place, Cause, Evidence)>;

fn most_errors(facts: &Facts) -> Found {
    let errors = counts(facts, SERVER).into_iter().map(|((_, service, operation), statuses)| {
        let bad = of_status(&statuses, facts.grid.slices(), is_failure);
        (total(&bad, facts.grid.during()), Place::operation(&service, &operation))
    });
    let (count, place) = errors.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let selector = selector(&format!("{SERVER}_count"), &[("service", &place.service)]);
    let evidence = increase(facts, &selector, "route, status");
    (count > 0.0).then_some((place, Cause::BadDeploy, evidence))
}

fn largest_latency_change(facts: &Facts) -> Found {
    let key = |reading: &Reading| Some((reading.label("service").to_owned(), operation(reading)));
    let changes =
        Histogram::of(&facts.metrics, &buckets(SERVER), key).into_iter().filter_map(|(key, durations)| {
            let before = durations.quantile(0.95, facts.grid.before())?;
            let now = durations.quantile(0.95, facts.grid.during())?;
            Some((now - before, key))
        });
    let (change, (service, operation)) = changes.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let selector = selector(&format!("{SERVER}_sum"), &[("service", &service)]);
    let evidence = increase(facts, &selector, "route");
    (change > 0.0).then_some((Place::operation(&service, &operation), Cause::MissingIndex, evidence))
}

fn deepest_erroring_span(facts: &Facts) -> Found {
    let mut counts: BTreeMap<Place, (usize, query::TraceId)> = BTreeMap::new();
    for tree in facts.during.all() {
        let deepest = tree.nodes.iter().filter(|node| is_bad(node)).max_by_key(|node| node.depth);
        if let Some(node) = deepest {
            let place = Place::operation(&node.service, &node.span.operation_name);
            counts.entry(place).or_insert((0, tree.id)).0 += 1;
        }
    }
    let (place, (_, id)) = counts.into_iter().max_by_key(|(_, (count, _))| *count)?;
    Some((place, Cause::BadDeploy, Evidence::Trace(id)))
}
