//! Rate, errors and duration: as users see them, as each server sees them, and as callers see those whom they call.

use crate::{
    change::{Rise, share_rose, slower},
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
    histogram::Histogram,
    metrics::{Growth, Reading, total},
    names::{CLIENT, SERVER, buckets, method_and_route, operation, selector},
};
use std::collections::{BTreeMap, BTreeSet};

/// The least share of requests that must have become bad.
const LEAST: f64 = 0.01;
/// The least share of requests that must have become slow.
const LEAST_SLOW: f64 = 0.03;

/// Growth by the status of the answer, of one kind of request.
type ByStatus = BTreeMap<String, Growth>;

/// Requests by who calls (nothing for servers), who answers, operation and status.
pub(crate) fn counts(facts: &Facts, family: &str) -> BTreeMap<(String, String, String), ByStatus> {
    let key = |reading: &Reading| {
        (reading.label("le") == "+Inf")
            .then(|| (ends(reading), operation(reading), reading.label("status").to_owned()))
    };
    let mut counts: BTreeMap<_, ByStatus> = BTreeMap::new();
    for (((caller, server), operation, status), growth) in facts.metrics.growth(&buckets(family), key) {
        counts.entry((caller, server, operation)).or_default().insert(status, growth);
    }
    counts
}

/// Who calls, and who answers.
fn ends(reading: &Reading) -> (String, String) {
    let service = reading.label("service").to_owned();
    match reading.label("peer") {
        "" => (String::new(), service),
        peer => (service, peer.to_owned()),
    }
}

/// The sum over those statuses that fit.
pub(crate) fn of_status(counts: &ByStatus, slices: usize, fits: impl Fn(&str) -> bool) -> Growth {
    let mut sum: Growth = vec![None; slices];
    for (_, growth) in counts.iter().filter(|(status, _)| fits(status)) {
        for (sum, value) in sum.iter_mut().zip(growth) {
            if let Some(value) = value {
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
    }
    sum
}

/// How many requests each server answered before and during the period in question.
pub(crate) fn served(facts: &Facts) -> BTreeMap<String, [f64; 2]> {
    let grid = &facts.grid;
    let mut requests: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    for ((_, server, _), statuses) in counts(facts, SERVER) {
        let all = of_status(&statuses, grid.slices(), |_| true);
        let sums = requests.entry(server).or_default();
        sums[0] += total(&all, grid.before());
        sums[1] += total(&all, grid.during());
    }
    requests
}

/// The server, or the way to it, is to blame.
pub(crate) fn is_failure(status: &str) -> bool {
    status.starts_with('5') || status == "error" || status == "timeout"
}

/// The client is to blame, as the server sees it.
fn is_refusal(status: &str) -> bool {
    status.starts_with('4') && status != "409" && status != "499"
}

fn percent(share: f64) -> String {
    // Shares are never below zero, but a sum of nothing is minus zero.
    match share.abs() * 100.0 {
        p if p >= 10.0 => format!("{p:.0}%"),
        p => format!("{p:.1}%"),
    }
}

/// `increase` over the period in question, which can be asked later and, with `offset`, of the time before.
pub(crate) fn increase(facts: &Facts, selector: &str, by: &str) -> Evidence {
    let (range, end) = (facts.grid.during_text(), facts.grid.end().seconds_text());
    Evidence::Promql(format!("sum by ({by}) (increase({selector}[{range}] @ {end}))"))
}

fn quantile(facts: &Facts, selector: &str) -> Evidence {
    let (range, end) = (facts.grid.during_text(), facts.grid.end().seconds_text());
    Evidence::Promql(format!("histogram_quantile(0.95, sum by (le) (increase({selector}[{range}] @ {end})))"))
}

/// As users and as servers see them. Users are those who call and are not called.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let servers = facts.metrics.servers();
    let users: BTreeSet<String> = facts.metrics.callers().difference(&servers).cloned().collect();
    let mut found = Vec::new();
    for ((caller, server, operation), statuses) in counts(facts, CLIENT) {
        if users.contains(&caller) {
            let signs = [Sign::UsersFail, Sign::Refusals, Sign::Conflicts];
            let place = Place::operation(&server, &operation);
            found.extend(errors(
                facts,
                signs,
                &place,
                &labels(&caller, Some(&server), &operation),
                CLIENT,
                &statuses,
            ));
        }
    }
    for ((_, server, operation), statuses) in counts(facts, SERVER) {
        let place = Place::operation(&server, &operation);
        let signs = [Sign::ServerFails, Sign::Refusals, Sign::Conflicts];
        let of = errors(facts, signs, &place, &labels(&server, None, &operation), SERVER, &statuses);
        // Where users are seen, refusals are told as they see them.
        found.extend(of.into_iter().filter(|f| users.is_empty() || f.sign == Sign::ServerFails));
    }
    let durations = |family: &'static str| {
        let key = |reading: &Reading| Some((ends(reading), operation(reading)));
        Histogram::of(&facts.metrics, &buckets(family), key)
    };
    for (((caller, server), operation), histogram) in durations(CLIENT) {
        if users.contains(&caller) {
            let labels = labels(&caller, Some(&server), &operation);
            let place = Place::operation(&server, &operation);
            found.extend(wait(facts, Sign::UsersWait, &place, &labels, CLIENT, &histogram));
        }
    }
    let mut operations: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (((_, server), operation), histogram) in durations(SERVER) {
        let labels = labels(&server, None, &operation);
        let place = Place::operation(&server, &operation);
        let slow = wait(facts, Sign::ServerSlow, &place, &labels, SERVER, &histogram);
        let entry = operations.entry(server).or_default();
        // Those that are asked too seldom to tell do not count.
        if histogram.count(facts.grid.during()) >= 20.0 && histogram.count(facts.grid.before()) >= 20.0 {
            entry.0 += 1;
            entry.1 += usize::from(slow.is_some());
        }
        found.extend(slow);
    }
    for (server, (all, slow)) in operations {
        if all >= 3 && slow * 4 >= all * 3 {
            let text = format!("{slow} of {all} operations take longer than they did");
            found.push(Finding::new(Sign::AllOperationsSlow, Place::service(&server), 1.0, text));
        }
    }
    found
}

/// Calls among services, and users' calls: what becomes of them before anybody answers.
#[must_use]
pub fn edges(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    for ((caller, server, operation), statuses) in counts(facts, CLIENT) {
        let slices = facts.grid.slices();
        let all = of_status(&statuses, slices, |_| true);
        let kinds = [
            (Sign::CallsTimeOut, "timeout", "get no answer in time"),
            (Sign::CallsBreak, "error", "break or find nobody"),
        ];
        for (sign, status, what) in kinds {
            let bad = of_status(&statuses, slices, |s| s == status);
            let Some(rise) = share_rose(&facts.grid, &bad, &all, LEAST) else { continue };
            let place = Place::call(&caller, &server, &operation);
            let text = format!("{} of the calls {what}, {} did before", percent(rise.to), percent(rise.from));
            let mut labels = labels(&caller, Some(&server), &operation);
            labels.push(("status", status.to_owned()));
            let evidence =
                [increase(facts, &select(CLIENT, "_count", &labels), "service, peer, route, status")];
            found.push(Finding::new(sign, place, rise.strength(), text).shown_by(evidence));
        }
    }
    found
}

type Pairs = Vec<(&'static str, String)>;

fn labels(service: &str, peer: Option<&str>, operation: &str) -> Pairs {
    let (method, route) = method_and_route(operation);
    let mut labels = vec![("service", service.to_owned())];
    labels.extend(peer.map(|peer| ("peer", peer.to_owned())));
    labels.extend([("method", method.to_owned()), ("route", route.to_owned())]);
    labels
}

fn select(family: &str, part: &str, labels: &Pairs) -> String {
    let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
    selector(&format!("{family}{part}"), &labels)
}

/// Whether an answer of this status counts.
type Fits = fn(&str) -> bool;

fn errors(
    facts: &Facts,
    signs: [Sign; 3],
    place: &Place,
    labels: &Pairs,
    family: &str,
    statuses: &ByStatus,
) -> Vec<Finding> {
    let slices = facts.grid.slices();
    let all = of_status(statuses, slices, |_| true);
    let kinds: [(Sign, Fits, &str); 3] = [
        (signs[0], is_failure, "fail"),
        (signs[1], is_refusal, "are refused as the client's mistake"),
        (signs[2], |status| status == "409", "are refused because of a conflict"),
    ];
    let look = |(sign, fits, what): (Sign, Fits, &str)| {
        let bad = of_status(statuses, slices, fits);
        let rise: Rise = share_rose(&facts.grid, &bad, &all, LEAST)?;
        let text = format!(
            "{} of the requests {what} ({:.0} of them), {} did before",
            percent(rise.to),
            rise.bad,
            percent(rise.from)
        );
        let evidence = [increase(facts, &select(family, "_count", labels), "status")];
        Some(Finding::new(sign, place.clone(), rise.strength(), text).shown_by(evidence))
    };
    kinds.into_iter().filter_map(look).collect()
}

fn wait(
    facts: &Facts,
    sign: Sign,
    place: &Place,
    labels: &Pairs,
    family: &str,
    durations: &Histogram,
) -> Option<Finding> {
    let slow = slower(&facts.grid, durations, None, LEAST_SLOW)?;
    let text = format!(
        "the slowest twentieth takes {} and more, it was {}; {} take longer than {}, {} did before",
        seconds(slow.now),
        seconds(slow.before),
        percent(slow.rise.to),
        seconds(slow.bound),
        percent(slow.rise.from)
    );
    let evidence = [quantile(facts, &select(family, "_bucket", labels))];
    Some(Finding::new(sign, place.clone(), slow.rise.strength(), text).shown_by(evidence))
}

pub(crate) fn seconds(seconds: f64) -> String {
    query::time::duration_text((seconds.max(0.0) * 1e6) as u64)
}
