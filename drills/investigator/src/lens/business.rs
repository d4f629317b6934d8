//! Business figures against requests: when requests look as before and what comes of them does not, the two no longer agree.
//!
//! What the business counts is not known here. A counter of a service that answers requests, and that is none of the
//! machinery's, is taken as one; what is compared is its growth for each good answer of the same service.

use super::requests::{counts, increase, of_status};
use crate::{
    facts::Facts,
    finding::{Finding, Place, Sign},
    metrics::{Growth, Reading},
    names::{SERVER, selector},
};
use std::collections::BTreeMap;

/// Families of the machinery.
const MACHINERY: [&str; 8] =
    ["process_", "telemetry_", "http_", "db_", "retries_", "bulkhead_", "circuit_", "scrape_"];
/// The least by which a figure must have moved.
const LEAST: f64 = 0.3;
/// So many standard errors it must have moved.
const SURE: f64 = 6.0;

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let servers = facts.metrics.servers();
    let mut good: BTreeMap<String, Growth> = BTreeMap::new();
    for ((_, server, operation), statuses) in counts(facts, SERVER) {
        // Those that change something: looking at things makes no business.
        if operation.starts_with("GET ") {
            continue;
        }
        let ok = of_status(&statuses, grid.slices(), |status| status.starts_with('2'));
        let sum = good.entry(server).or_insert_with(|| vec![None; grid.slices()]);
        for (sum, value) in sum.iter_mut().zip(ok) {
            *sum = value.map(|value| sum.unwrap_or(0.0) + value).or(*sum);
        }
    }
    let families: Vec<String> = facts
        .metrics
        .names()
        .filter(|name| name.ends_with("_total") && !MACHINERY.iter().any(|prefix| name.starts_with(prefix)))
        .map(str::to_owned)
        .collect();
    let mut found = Vec::new();
    for family in families {
        let key = |reading: &Reading| {
            let service = reading.label("service");
            // One that has labels of its own is a count of outcomes, and those are seen as statuses.
            let plain = reading
                .labels
                .keys()
                .all(|name| ["service", "job", "instance", "__name__"].contains(&name.as_str()));
            (plain && servers.contains(service)).then(|| service.to_owned())
        };
        for (service, growth) in facts.metrics.growth(&family, key) {
            let Some(good) = good.get(&service) else { continue };
            let Some((before, during)) = moved(facts, &growth, good) else { continue };
            let text = format!("{family} grows by {during:.1} for each good answer, {before:.1} before");
            let evidence = [increase(facts, &selector(&family, &[("service", &service)]), "service")];
            let strength = ((during - before) / before.max(1e-9)).abs();
            found.push(
                Finding::new(Sign::BusinessShifted, Place::operation(&service, &family), strength, text)
                    .shown_by(evidence),
            );
        }
    }
    found
}

/// The growth for each good answer before and now, if it moved for sure.
fn moved(facts: &Facts, growth: &Growth, good: &Growth) -> Option<(f64, f64)> {
    let ratios = |slices: std::ops::Range<usize>| -> Vec<f64> {
        let ratio = |slice: usize| {
            let all = good.get(slice).copied().flatten().filter(|all| *all >= 5.0)?;
            Some(growth.get(slice).copied().flatten()? / all)
        };
        slices.filter_map(ratio).collect()
    };
    let (before, during) = (ratios(facts.grid.before()), ratios(facts.grid.during()));
    if before.len() < 4 || during.len() < 2 {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (from, to) = (mean(&before), mean(&during));
    let variance = before.iter().map(|value| (value - from).powi(2)).sum::<f64>() / (before.len() - 1) as f64;
    let error = (variance * (1.0 / before.len() as f64 + 1.0 / during.len() as f64)).sqrt();
    let moved = (to - from).abs();
    (from > 0.0 && moved >= LEAST * from && moved >= SURE * error.max(0.01 * from)).then_some((from, to))
}
