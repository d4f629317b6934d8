//! Traces of both periods: some of every service, more of the operations that metrics find changed, and bad ones of those.

use super::a_few_at_a_time;
use crate::{facts::Facts, finding::Sign, lens};
use query::{Error, Jaeger, Labels, UnixNanos, Window, jaeger::SearchParams, trace::Tree};
use std::collections::{BTreeMap, BTreeSet};

/// The most services that are sampled, and the most operations that are looked at more closely.
const SERVICES: usize = 12;
const OPERATIONS: usize = 8;
/// A period is sampled in so many parts, so that a sample is not of its last moments alone.
const PARTS: i64 = 3;
/// Traces of one service, or one operation, in one part.
const OF_A_SERVICE: usize = 12;
const OF_AN_OPERATION: usize = 8;
/// Bad traces of one kind.
const BAD: usize = 20;

/// What to search, and whether it is searched because it is bad.
type Search = (SearchParams, bool);

/// Asks for all; what fails is told in the facts' gaps.
pub(super) async fn collect(jaeger: &Jaeger, facts: &mut Facts) {
    let (general, closer) = (general(facts), closer(facts));
    let periods = facts.periods;
    for (window, during) in [(periods.baseline, false), (periods.incident, true)] {
        let searches: Vec<Search> = general
            .iter()
            .flat_map(|params| {
                parts(window).map(|part| (SearchParams { window: part, ..params.clone() }, false))
            })
            .chain(closer.iter().flat_map(|(params, bad)| {
                let whole = SearchParams { window, ..params.clone() };
                let parts = parts(window).map(|part| SearchParams { window: part, ..params.clone() });
                let searches: Vec<SearchParams> = if *bad { vec![whole] } else { parts.into() };
                searches.into_iter().map(|params| (params, *bad)).collect::<Vec<_>>()
            }))
            .collect();
        let found =
            a_few_at_a_time(searches.iter().map(|(params, bad)| async move {
                jaeger.search(params).await.map(|traces| (traces, *bad))
            }))
            .await;
        keep(facts, found, during);
    }
}

fn keep(facts: &mut Facts, found: Vec<Result<(Vec<query::jaeger::Trace>, bool), Error>>, during: bool) {
    let mut known: [BTreeMap<query::TraceId, Tree>; 2] = Default::default();
    for result in found {
        match result {
            Ok((traces, bad)) => {
                let trees = traces.into_iter().map(|trace| query::trace::assemble(trace, Vec::new()));
                known[usize::from(bad)].extend(trees.map(|tree| (tree.id, tree)));
            }
            Err(error) => {
                let gap = format!("traces are missing: {error}");
                if !facts.gaps.contains(&gap) && facts.gaps.len() < 8 {
                    facts.gaps.push(gap);
                }
            }
        }
    }
    let [traces, chosen] = known.map(|trees| trees.into_values().collect());
    let sample = if during { &mut facts.during } else { &mut facts.before };
    (sample.traces, sample.chosen) = (traces, chosen);
}

fn parts(window: Window) -> [Window; PARTS as usize] {
    let length = (window.end.0 - window.start.0) / PARTS;
    std::array::from_fn(|part| {
        let start = window.start.0 + length * part as i64;
        Window { start: UnixNanos(start), end: UnixNanos(start + length - 1) }
    })
}

/// Some of every service that metrics know.
fn general(facts: &Facts) -> Vec<SearchParams> {
    let services: BTreeSet<String> =
        facts.metrics.servers().union(&facts.metrics.callers()).cloned().collect();
    let params = |service: &String| {
        let mut params = SearchParams::new(service, facts.periods.incident);
        params.limit = OF_A_SERVICE;
        params
    };
    services.iter().take(SERVICES).map(params).collect()
}

/// More of what changed, by what metrics say.
fn closer(facts: &Facts) -> Vec<Search> {
    let mut found = lens::requests::look(facts);
    found.extend(lens::requests::edges(facts));
    found.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    let mut searches: Vec<Search> = Vec::new();
    let mut operations = BTreeSet::new();
    let mut bad = BTreeSet::new();
    for finding in found {
        let Some(operation) = finding.place.operation.clone() else { continue };
        let service = &finding.place.service;
        if operations.len() < OPERATIONS && operations.insert((service.clone(), operation.clone())) {
            let mut params = SearchParams::new(service, facts.periods.incident);
            (params.operation, params.limit) = (Some(operation.clone()), OF_AN_OPERATION);
            searches.push((params, false));
        }
        let by_tag: &[(&str, &str)] = match finding.sign {
            Sign::UsersFail | Sign::ServerFails => {
                &[("http.response.status_code", "500"), ("http.response.status_code", "503")]
            }
            Sign::CallsTimeOut => &[("error.type", "timeout")],
            // Each client has its own words for what broke.
            Sign::CallsBreak => &[("error", "true")],
            _ => continue,
        };
        // A call's spans are its caller's.
        let service = finding.place.caller.as_ref().unwrap_or(service);
        for (name, value) in by_tag {
            if bad.len() >= 2 * OPERATIONS || !bad.insert((service.clone(), operation.clone(), *value)) {
                continue;
            }
            let mut params = SearchParams::new(service, facts.periods.incident);
            (params.operation, params.limit) = (Some(operation.clone()), BAD);
            params.tags = Labels::from([((*name).to_owned(), (*value).to_owned())]);
            searches.push((params, true));
        }
    }
    searches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_period_do_not_overlap() {
        let window = Window { start: UnixNanos(0), end: UnixNanos(3_000) };
        let parts = parts(window);
        assert_eq!(parts.map(|part| (part.start.0, part.end.0)), [(0, 999), (1_000, 1_999), (2_000, 2_999)]);
    }
}
