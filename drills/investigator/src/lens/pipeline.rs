//! Telemetry about telemetry: what processes say they dropped, and how many spans they make for a request.

use super::requests::{increase, served};
use crate::{
    facts::Facts,
    finding::{Finding, Place, Sign},
    metrics::{Reading, total},
    names::selector,
};

/// See the module.
#[must_use]
pub fn look(facts: &Facts) -> Vec<Finding> {
    let mut found = dropped(facts);
    found.extend(made(facts));
    found
}

fn of_signal(reading: &Reading) -> Option<(String, String)> {
    Some((reading.label("service").to_owned(), reading.label("signal").to_owned()))
}

fn dropped(facts: &Facts) -> Vec<Finding> {
    let created = facts.metrics.growth("telemetry_created_total", of_signal);
    let mut found = Vec::new();
    for (key, growth) in facts.metrics.growth("telemetry_dropped_total", of_signal) {
        let (before, during) = (total(&growth, facts.grid.before()), total(&growth, facts.grid.during()));
        // Standard output is counted as dropped only; it has no share.
        let made = created.get(&key).map_or(during, |made| total(made, facts.grid.during()));
        let share = during / made.max(1.0);
        if during < 20.0 || share < 0.01 || during < 3.0 * before {
            continue;
        }
        let (service, signal) = key;
        let text =
            format!("it dropped {during:.0} items of its {signal}, {:.0}% of what it made", share * 100.0);
        let labels = [("service", service.as_str()), ("signal", &signal)];
        let evidence = [increase(facts, &selector("telemetry_dropped_total", &labels), "service, signal")];
        found.push(
            Finding::new(Sign::TelemetryDropped, Place::service(&service), share.sqrt(), text)
                .shown_by(evidence),
        );
    }
    found
}

/// Spans for each request of a service.
fn made(facts: &Facts) -> Vec<Finding> {
    let grid = &facts.grid;
    let requests = served(facts);
    let mut found = Vec::new();
    for ((service, signal), growth) in facts.metrics.growth("telemetry_created_total", of_signal) {
        let Some([before, during]) = requests.get(&service).copied() else { continue };
        if signal != "traces" || before < 50.0 || during < 50.0 {
            continue;
        }
        let each = [total(&growth, grid.before()) / before, total(&growth, grid.during()) / during];
        if each[0] < 0.5 || each[1] > 0.4 * each[0] {
            continue;
        }
        let text = format!("it makes {:.2} spans for a request, {:.2} before", each[1], each[0]);
        let labels = [("service", service.as_str()), ("signal", "traces")];
        let evidence = [increase(facts, &selector("telemetry_created_total", &labels), "service")];
        let place = Place::service(&service);
        found.push(Finding::new(Sign::SpansFewer, place, 1.0 - each[1] / each[0], text).shown_by(evidence));
    }
    found
}
