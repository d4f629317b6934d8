//! What stands between services to keep trouble small: retries, breakers, limits, queues; and how much is asked at all.

use super::requests::{counts, increase, of_status};
use crate::{
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
    metrics::{Growth, Reading, add, total},
    names::{CLIENT, SERVER, selector},
};
use query::{TraceId, trace::Node};
use std::collections::BTreeMap;

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let mut found = retries(facts);
    found.extend(breakers(facts));
    found.extend(rejections(facts));
    found.extend(queues(facts));
    found.extend(in_flight(facts));
    found.extend(traffic(facts));
    found
}

fn of_peer(reading: &Reading) -> Option<(String, String)> {
    let (service, peer) = (reading.label("service"), reading.label("peer"));
    (!service.is_empty() && !peer.is_empty()).then(|| (service.to_owned(), peer.to_owned()))
}

fn call(caller: &str, peer: &str) -> Place {
    Place { caller: Some(caller.to_owned()), ..Place::service(peer) }
}

fn retries(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let mut calls: BTreeMap<(String, String), Growth> = BTreeMap::new();
    for ((caller, server, _), statuses) in counts(facts, CLIENT) {
        let all = of_status(&statuses, grid.slices(), |_| true);
        let sum = calls.entry((caller, server)).or_insert_with(|| vec![None; grid.slices()]);
        for (sum, value) in sum.iter_mut().zip(all) {
            *sum = value.map(|value| sum.unwrap_or(0.0) + value).or(*sum);
        }
    }
    let mut found = Vec::new();
    for (edge, again) in facts.metrics.growth("retries_total", of_peer) {
        let Some(all) = calls.get(&edge) else { continue };
        let share =
            |slices: std::ops::Range<usize>| total(&again, slices.clone()) / total(all, slices).max(1.0);
        let (before, during) = (share(grid.before()), share(grid.during()));
        if total(&again, grid.during()) < 10.0 || during < 0.05 || during < 3.0 * before {
            continue;
        }
        let text =
            format!("{:.0}% of the calls are repetitions, {:.0}% before", during * 100.0, before * 100.0);
        let labels = [("service", edge.0.as_str()), ("peer", &edge.1)];
        let evidence = [increase(facts, &selector("retries_total", &labels), "service, peer")];
        found.push(Finding::new(Sign::RetriesRose, call(&edge.0, &edge.1), during, text).shown_by(evidence));
    }
    found
}

fn breakers(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let mut found = Vec::new();
    for reading in facts.metrics.of("circuit_breaker_state") {
        let Some((caller, peer)) = of_peer(reading) else { continue };
        let open =
            |moments: std::ops::Range<usize>| reading.known(moments).filter(|state| *state > 0.0).count();
        if open(0..grid.before().end + 1) > 0 || open(grid.during().start + 1..grid.slices() + 1) == 0 {
            continue;
        }
        let text = "its circuit breaker opened".to_owned();
        let labels = [("service", caller.as_str()), ("peer", &peer)];
        let query = format!(
            "max_over_time({}[{}] @ {})",
            selector("circuit_breaker_state", &labels),
            grid.during_text(),
            grid.end().seconds_text()
        );
        let finding = Finding::new(Sign::BreakerOpened, call(&caller, &peer), 1.0, text);
        found.push(finding.shown_by([Evidence::Promql(query)]));
    }
    found
}

fn rejections(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for ((caller, peer), growth) in facts.metrics.growth("bulkhead_rejected_total", of_peer) {
        let (before, during) = (total(&growth, facts.grid.before()), total(&growth, facts.grid.during()));
        if during < 5.0 || during < 3.0 * before {
            continue;
        }
        let text = format!("{during:.0} calls were refused by a limit on calls under way");
        let labels = [("service", caller.as_str()), ("peer", &peer)];
        let evidence = [increase(facts, &selector("bulkhead_rejected_total", &labels), "service, peer")];
        found.push(Finding::new(Sign::CallsRejected, call(&caller, &peer), 1.0, text).shown_by(evidence));
    }
    found
}

/// Ages of what waits longest: whatever says that in seconds.
fn queues(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let mut found = Vec::new();
    let families: Vec<String> = facts
        .metrics
        .names()
        .filter(|name| name.ends_with("_oldest_age_seconds"))
        .map(str::to_owned)
        .collect();
    for family in families {
        for reading in facts.metrics.of(&family) {
            let most = |moments| reading.known(moments).fold(0.0, f64::max);
            let before = most(0..grid.before().end + 1);
            let during = most(grid.during().start + 1..grid.slices() + 1);
            let last = reading.known(grid.slices()..grid.slices() + 1).last().unwrap_or(0.0);
            // What only hiccuped is young again by now.
            if during < 5.0 + 3.0 * before || last < during / 2.0 {
                continue;
            }
            let service = reading.label("service");
            let text = format!("the oldest of what waits is {during:.0} s old, {before:.0} s before");
            let query =
                format!("{} @ {}", selector(&family, &[("service", service)]), grid.end().seconds_text());
            let queue = family.trim_end_matches("_oldest_age_seconds");
            let place = Place::operation(service, queue);
            let finding =
                Finding::new(Sign::QueueGrows, place, 1.0, text).shown_by([Evidence::Promql(query)]);
            found.push(finding.shown_by(emptied(facts, service, queue).map(Evidence::Trace)));
        }
    }
    found
}

/// A trace of work on a queue: one that begins at the service, with an operation that names the queue.
fn emptied(facts: &Facts, service: &str, queue: &str) -> Option<TraceId> {
    let is_work = |node: &Node| {
        let operation = &node.span.operation_name;
        node.place == query::trace::Place::Root && node.service == service && operation.starts_with(queue)
    };
    facts.during.all().find(|tree| tree.nodes.iter().any(is_work)).map(|tree| tree.id)
}

fn in_flight(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let mut found = Vec::new();
    for reading in facts.metrics.of("http_server_active_requests") {
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let before = mean(reading.known(0..grid.before().end + 1).collect());
        let during = mean(reading.known(grid.during().start + 1..grid.slices() + 1).collect());
        if during < before + 4.0 || during < 3.0 * before {
            continue;
        }
        let text = format!("{during:.0} requests are under way at a time, {before:.0} before");
        found.push(Finding::new(Sign::InFlightRose, Place::service(reading.label("service")), 1.0, text));
    }
    found
}

/// So many calm slices must be known before somebody says that requests stay away: a burst is no custom.
const CUSTOM: usize = 3;
/// So many requests more or less over the period in question.
const MANY: f64 = 50.0;

/// How the requests of each slice changed, if they did. Slices before anybody looked, and those in which nobody answered, are
/// left out of both.
fn change(calm: &[f64], now: &[f64]) -> Option<Sign> {
    let mean = |slices: &[f64]| slices.iter().sum::<f64>() / slices.len().max(1) as f64;
    let (before, during, length) = (mean(calm), mean(now), now.len() as f64);
    let most = calm.iter().copied().fold(0.0, f64::max);
    let least = calm.iter().copied().fold(f64::INFINITY, f64::min);
    if during >= 2.0 * before && during > 1.2 * most && during * length >= MANY {
        return Some(Sign::TrafficRose);
    }
    let stays_away = during <= 0.2 * before && during < least && before * length >= MANY;
    (stays_away && calm.len() >= CUSTOM).then_some(Sign::TrafficFell)
}

/// How many requests each service gets.
fn traffic(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let mut sums: BTreeMap<String, Growth> = BTreeMap::new();
    for ((_, server, _), statuses) in counts(facts, SERVER) {
        let all = of_status(&statuses, grid.slices(), |_| true);
        add(sums.entry(server).or_insert_with(|| vec![None; grid.slices()]), &all);
    }
    let each = grid.step.as_secs_f64();
    let mut found = Vec::new();
    for (service, growth) in sums {
        let known = |slices: std::ops::Range<usize>| -> Vec<f64> {
            growth.get(slices).unwrap_or_default().iter().flatten().copied().collect()
        };
        let (calm, now) = (known(grid.before()), known(grid.during()));
        let Some(sign) = change(&calm, &now) else { continue };
        let rate = |slices: &[f64]| slices.iter().sum::<f64>() / (slices.len().max(1) as f64 * each);
        let text = format!("{:.1} requests a second, {:.1} before", rate(&now), rate(&calm));
        let selector = selector(&format!("{SERVER}_count"), &[("service", &service)]);
        let evidence = [increase(facts, &selector, "method, route")];
        found.push(Finding::new(sign, Place::service(&service), 1.0, text).shown_by(evidence));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_away_when_they_used_to_come() {
        assert_eq!(change(&[100.0, 90.0, 110.0], &[5.0, 0.0]), Some(Sign::TrafficFell));
        assert_eq!(change(&[50.0], &[0.0]), None, "nobody knows whether that was usual");
        assert_eq!(change(&[0.0, 0.0, 250.0, 0.0], &[0.0]), None, "it was a burst");
        assert_eq!(change(&[2.0, 3.0, 2.0], &[0.0, 0.0]), None, "too few to say");
    }

    #[test]
    fn more_come_when_there_never_were_so_many() {
        assert_eq!(change(&[100.0, 90.0, 110.0], &[250.0, 240.0]), Some(Sign::TrafficRose));
        assert_eq!(change(&[0.0, 300.0, 10.0, 0.0], &[250.0, 240.0]), None, "there were");
    }
}
