//! Processes: do they answer, were they started again, what do they take of processor, memory, descriptors and threads.

use super::{
    machine,
    requests::{counts, increase, of_status},
};
use crate::{
    facts::Facts,
    finding::{Evidence, Finding, Place, Sign},
    metrics::{ANSWERED, Reading, total},
    names::{HEARTBEAT, SERVER, selector},
};
use std::collections::{BTreeMap, BTreeSet};

/// A task that runs this late, in seconds, is late.
const LATE: f64 = 0.025;

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let services = facts.metrics.servers();
    let mut found = Vec::new();
    found.extend(targets(facts, &services));
    let late = "until a task runs that is due";
    found.extend(super::database::waits(facts, HEARTBEAT, Sign::HeartbeatsLate, LATE, late));
    for service in &services {
        found.extend(restarts(facts, service));
        found.extend(climbs(facts, service));
        found.extend(processor(facts, service));
        if machine::is_slow_alone(facts, service) {
            let text = "its scrapes take much longer than they did, those of the others do not".to_owned();
            let query = at_end(facts, &selector(machine::SCRAPE, &[("job", service)]));
            found.push(Finding::new(Sign::ScrapesSlow, Place::service(service), 1.0, text).shown_by([query]));
        }
    }
    found
}

/// An expression at the end of the period in question.
fn at_end(facts: &Facts, selector: &str) -> Evidence {
    Evidence::Promql(format!("{selector} @ {}", facts.grid.end().seconds_text()))
}

/// Those of the services that do not answer their scrapes, and did before.
fn targets(facts: &Facts, services: &BTreeSet<String>) -> Vec<Finding> {
    let grid = &facts.grid;
    let mut found = Vec::new();
    for reading in facts.metrics.of(ANSWERED).iter().filter(|r| services.contains(r.label("job"))) {
        let before: Vec<f64> = reading.known(0..grid.before().end + 1).collect();
        let during: Vec<f64> = reading.known(grid.during().start + 1..grid.slices() + 1).collect();
        let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        let worst = during.iter().copied().fold(1.0, f64::min);
        // A scrape or two may be lost to a busy machine.
        if before.is_empty() || during.is_empty() || mean(&before) < 0.8 || worst > 0.5 {
            continue;
        }
        let text = format!(
            "it answers {:.0}% of its scrapes at the worst, {:.0}% before",
            worst * 100.0,
            mean(&before) * 100.0
        );
        let query = format!(
            "avg_over_time({}[{}] @ {})",
            selector("up", &[("job", reading.label("job"))]),
            grid.during_text(),
            grid.end().seconds_text()
        );
        let finding =
            Finding::new(Sign::Unresponsive, Place::service(reading.label("job")), 1.0 - worst, text);
        found.push(finding.shown_by([Evidence::Promql(query)]));
    }
    found
}

/// The processes of a service that began anew.
fn restarts(facts: &Facts, service: &str) -> Vec<Finding> {
    let family = "process_start_time_seconds";
    let mut often = 0usize;
    for reading in of_service(facts, family, service) {
        let onset = facts.grid.during().start;
        let mut last = reading.known(0..onset + 1).last();
        let mut changes = 0;
        for value in reading.known(onset + 1..facts.grid.slices() + 1) {
            changes += usize::from(last.is_some_and(|last| value > last + 0.5));
            last = Some(value);
        }
        often = often.max(changes);
    }
    let sign = match often {
        0 => return Vec::new(),
        1 => Sign::Restarted,
        _ => Sign::RestartedOften,
    };
    let text = match often {
        1 => "its process was started again".to_owned(),
        times => format!("its process was started again at least {times} times"),
    };
    let range = facts.grid.during_text();
    let query = format!(
        "changes({}[{range}] @ {})",
        selector(family, &[("service", service)]),
        facts.grid.end().seconds_text()
    );
    vec![Finding::new(sign, Place::service(service), 1.0, text).shown_by([Evidence::Promql(query)])]
}

fn of_service<'a>(facts: &'a Facts, family: &str, service: &'a str) -> impl Iterator<Item = &'a Reading> {
    facts.metrics.of(family).iter().filter(move |reading| reading.label("service") == service)
}

/// What only ever grows.
fn climbs(facts: &Facts, service: &str) -> Vec<Finding> {
    // The family, the sign, and by how much it must have grown to be worth a word.
    let kinds = [
        ("process_resident_memory_bytes", Sign::MemoryClimbs, 24e6, "resident memory"),
        ("process_open_fds", Sign::DescriptorsClimb, 60.0, "the number of open descriptors"),
        ("process_threads", Sign::ThreadsClimb, 40.0, "the number of threads"),
    ];
    let mut found = Vec::new();
    for (family, sign, least, what) in kinds {
        for reading in of_service(facts, family, service) {
            let Some((from, to)) = climb(facts, reading, least) else { continue };
            let text = format!("{what} grew in every slice, from {} to {}", amount(from), amount(to));
            let query = at_end(facts, &selector(family, &[("service", service)]));
            let strength = (to - from) / from.max(1.0);
            found.push(Finding::new(sign, Place::service(service), strength, text).shown_by([query]));
        }
    }
    found
}

/// From where to where it grew without a pause, and faster than before.
fn climb(facts: &Facts, reading: &Reading, least: f64) -> Option<(f64, f64)> {
    let grid = &facts.grid;
    let during: Vec<f64> = reading.known(grid.during().start..grid.slices() + 1).collect();
    let before: Vec<f64> = reading.known(0..grid.before().end + 1).collect();
    let (from, to) = (*during.first()?, *during.last()?);
    let steady = during.windows(2).all(|pair| pair[1] > pair[0]) && during.len() >= 3;
    let speed = |values: &[f64]| {
        let steps = values.len().saturating_sub(1).max(1) as f64;
        values.first().zip(values.last()).map_or(0.0, |(first, last)| (last - first) / steps)
    };
    let faster = speed(&during) > 2.0 * speed(&before).max(0.0);
    (steady && faster && to - from >= least && to >= 1.3 * from).then_some((from, to))
}

fn amount(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.0} MB", v / 1e6),
        v => format!("{v:.0}"),
    }
}

/// Processor time, as a whole and for each request.
fn processor(facts: &Facts, service: &str) -> Vec<Finding> {
    let grid = &facts.grid;
    let family = "process_cpu_seconds_total";
    let spent = facts.metrics.growth(family, |r| (r.label("service") == service).then_some(()));
    let Some(spent) = spent.get(&()) else { return Vec::new() };
    let requests: BTreeMap<_, _> = counts(facts, SERVER);
    let mut asked = vec![None; grid.slices()];
    for ((_, server, _), statuses) in &requests {
        if server == service {
            let growth = of_status(statuses, grid.slices(), |_| true);
            for (sum, value) in asked.iter_mut().zip(growth) {
                *sum = value.map(|value| sum.unwrap_or(0.0) + value).or(*sum);
            }
        }
    }
    let seconds = |slices: std::ops::Range<usize>| slices.len() as f64 * grid.step.as_secs_f64();
    let cores = |slices: std::ops::Range<usize>| total(spent, slices.clone()) / seconds(slices).max(1.0);
    let each = |slices: std::ops::Range<usize>| {
        let all = total(&asked, slices.clone());
        (all >= 20.0).then(|| total(spent, slices) / all)
    };
    let (before, during) = (cores(grid.before()), cores(grid.during()));
    let (Some(each_before), Some(each_during)) = (each(grid.before()), each(grid.during())) else {
        return Vec::new();
    };
    let ratio = each_during / each_before.max(1e-6);
    let sign = match ratio {
        r if r >= 1.8 && during >= before + 0.1 => Sign::CpuRose,
        r if r <= 0.5 => Sign::CpuFell,
        _ => Sign::CpuSteady,
    };
    let text = format!(
        "{:.1} ms of processor time for a request, {:.1} before; {during:.2} cores, {before:.2} before",
        each_during * 1e3,
        each_before * 1e3
    );
    let query = increase(facts, &selector(family, &[("service", service)]), "service");
    let strength = if sign == Sign::CpuRose { 0.5 + (ratio - 1.8) / 4.0 } else { 1.0 };
    vec![Finding::new(sign, Place::service(service), strength, text).shown_by([query])]
}
