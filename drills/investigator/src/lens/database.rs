//! The database as its clients see it: statements, waits for the pool, waits for the turn to write, statements per request.

use super::requests::{increase, of_status, seconds, served};
use crate::{
    change::{share_rose, slower},
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
    histogram::Histogram,
    metrics::{Growth, Reading, total},
    names::{POOL_WAIT, STATEMENT, WRITE_TURN, buckets, selector},
};
use std::collections::BTreeMap;

/// Statements and waits below this, in seconds, trouble nobody.
const FELT: f64 = 0.005;

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let mut found = statements(facts);
    found.extend(failures(facts));
    found.extend(waits(facts, POOL_WAIT, Sign::PoolWait, FELT, "for a connection of the pool"));
    found.extend(waits(facts, WRITE_TURN, Sign::WriteTurnWait, FELT, "for the turn to write"));
    found.extend(given_up(facts));
    found.extend(per_request(facts));
    found.extend(bursts(facts));
    found
}

fn statement(reading: &Reading) -> String {
    format!("{} {}", reading.label("operation"), reading.label("collection")).trim_end().to_owned()
}

fn at_p95(facts: &Facts, selector: &str) -> Evidence {
    let (range, end) = (facts.grid.during_text(), facts.grid.end().seconds_text());
    Evidence::Promql(format!("histogram_quantile(0.95, sum by (le) (increase({selector}[{range}] @ {end})))"))
}

fn statements(facts: &Facts) -> Vec<Finding> {
    let key = |reading: &Reading| {
        Some((reading.label("service").to_owned(), reading.label("operation").to_owned(), statement(reading)))
    };
    let mut found = Vec::new();
    for ((service, operation, name), durations) in Histogram::of(&facts.metrics, &buckets(STATEMENT), key) {
        let Some(slow) = slower(&facts.grid, &durations, Some(FELT), 0.05) else { continue };
        let sign = match operation.as_str() {
            "COMMIT" => Sign::CommitsSlow,
            "BEGIN" | "ROLLBACK" => Sign::BeginsSlow,
            "SELECT" => Sign::ReadsSlow,
            _ => Sign::WritesSlow,
        };
        let text = format!(
            "the slowest twentieth of {name} takes {} and more, it was {}",
            seconds(slow.now),
            seconds(slow.before)
        );
        let collection = name.split_once(' ').map_or("", |(_, collection)| collection);
        let labels = [("service", service.as_str()), ("operation", &operation), ("collection", collection)];
        let evidence = [at_p95(facts, &selector(&buckets(STATEMENT), &labels))];
        let place = Place::operation(&service, &name);
        found.push(Finding::new(sign, place, slow.rise.strength(), text).shown_by(evidence));
    }
    found
}

fn failures(facts: &Facts) -> Vec<Finding> {
    let key = |reading: &Reading| {
        let outcome = reading.label("outcome").to_owned();
        (reading.label("le") == "+Inf").then(|| (reading.label("service").to_owned(), outcome))
    };
    let mut of_service: BTreeMap<String, BTreeMap<String, Growth>> = BTreeMap::new();
    for ((service, outcome), growth) in facts.metrics.growth(&buckets(STATEMENT), key) {
        of_service.entry(service).or_default().insert(outcome, growth);
    }
    let mut found = Vec::new();
    for (service, outcomes) in of_service {
        let all = of_status(&outcomes, facts.grid.slices(), |_| true);
        for (outcome, bad) in outcomes.iter().filter(|(outcome, _)| *outcome != "ok") {
            let Some(rise) = share_rose(&facts.grid, bad, &all, 0.005) else { continue };
            let text = format!("{:.1}% of the statements fail: {outcome}", rise.to * 100.0);
            let selector = selector(&format!("{STATEMENT}_count"), &[("service", &service)]);
            let evidence = [increase(facts, &selector, "operation, collection, outcome")];
            found.push(
                Finding::new(Sign::StatementsFail, Place::service(&service), rise.strength(), text)
                    .shown_by(evidence),
            );
        }
    }
    found
}

pub(crate) fn waits(facts: &Facts, family: &str, sign: Sign, felt: f64, what: &str) -> Vec<Finding> {
    let key = |reading: &Reading| Some(reading.label("service").to_owned());
    let mut found = Vec::new();
    for (service, durations) in Histogram::of(&facts.metrics, &buckets(family), key) {
        let Some(slow) = slower(&facts.grid, &durations, Some(felt), 0.05) else { continue };
        let text = format!(
            "{:.0}% wait longer than {} {what}, {:.0}% did before",
            slow.rise.to * 100.0,
            seconds(slow.bound),
            slow.rise.from * 100.0
        );
        let evidence = [at_p95(facts, &selector(&buckets(family), &[("service", &service)]))];
        let place = Place::service(&service);
        found.push(Finding::new(sign, place, slow.rise.strength(), text).shown_by(evidence));
    }
    found
}

fn given_up(facts: &Facts) -> Vec<Finding> {
    let family = "db_client_connections_timeouts_total";
    let counts = facts.metrics.growth(family, |reading| Some(reading.label("service").to_owned()));
    let rose = |growth: &Growth| {
        let (before, during) = (total(growth, facts.grid.before()), total(growth, facts.grid.during()));
        (during >= 5.0 && during >= 3.0 * before).then_some(during)
    };
    let counts = counts.into_iter().filter_map(|(service, growth)| Some((service, rose(&growth)?)));
    let finding = |(service, during): (String, f64)| {
        let text = format!("{during:.0} requests gave up waiting for a connection of the pool");
        let evidence = [increase(facts, &selector(family, &[("service", &service)]), "service")];
        Finding::new(Sign::PoolTimeouts, Place::service(&service), 1.0, text).shown_by(evidence)
    };
    counts.map(finding).collect()
}

/// Reading statements for each request of a service. Its background work counts in both periods alike.
fn per_request(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let key = |reading: &Reading| {
        let read = reading.label("operation") == "SELECT" && reading.label("le") == "+Inf";
        read.then(|| (reading.label("service").to_owned(), statement(reading)))
    };
    let requests = served(facts);
    let length = |slices: std::ops::Range<usize>| slices.len() as f64;
    let mut found = Vec::new();
    for ((service, name), growth) in facts.metrics.growth(&buckets(STATEMENT), key) {
        let Some([before, during]) = requests.get(&service).copied() else { continue };
        let rate = (during / length(grid.during())) / (before / length(grid.before())).max(1e-9);
        // With much less or much more traffic the background work's share is another one.
        if before < 50.0 || during < 50.0 || !(0.5..=2.0).contains(&rate) {
            continue;
        }
        let each = [total(&growth, grid.before()) / before, total(&growth, grid.during()) / during];
        if each[1] < 1.6 * each[0] || each[1] < each[0] + 0.3 {
            continue;
        }
        let text = format!("{:.1} of {name} for a request, {:.1} before", each[1], each[0]);
        let selector =
            selector(&format!("{STATEMENT}_count"), &[("service", &service), ("operation", "SELECT")]);
        let evidence = [increase(facts, &selector, "collection")];
        let strength = 1.0 - each[0] / each[1];
        found.push(
            Finding::new(Sign::QueriesPerRequest, Place::operation(&service, &name), strength, text)
                .shown_by(evidence),
        );
    }
    found
}

/// So many times the usual rate is a burst.
const BURST: f64 = 5.0;
/// So many moments with bursts there must be: one is a chance.
const BURSTS: usize = 3;

/// Moments in which a service runs many times as many reading statements as it usually does.
fn bursts(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for (service, [before, during]) in &facts.rhythm {
        let (Some(then), Some(now)) = (in_bursts(before), in_bursts(during)) else { continue };
        if now < BURSTS || now * before.len() < 5 * then * during.len() {
            continue;
        }
        let peak = during.iter().copied().fold(0.0, f64::max);
        let text = format!(
            "{now} moments with {BURST} times as many reading statements as usual, up to {peak:.0} a second"
        );
        let query = format!(
            "max_over_time(rate({}[2s])[{}:1s] @ {})",
            selector(&format!("{STATEMENT}_count"), &[("service", service), ("operation", "SELECT")]),
            facts.grid.during_text(),
            facts.grid.end().seconds_text()
        );
        let finding = Finding::new(Sign::Bursts, Place::service(service), 1.0, text);
        found.push(finding.shown_by([Evidence::Promql(query)]));
    }
    found
}

/// In how many moments the rate is many times the median; none if too little happens to have a rhythm.
fn in_bursts(rates: &[f64]) -> Option<usize> {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().filter(|median| *median >= 2.0)?;
    Some(rates.iter().filter(|rate| **rate >= BURST * median).count())
}
