//! The recording rules: how many events, how many bad ones, and which share that is, in each window.
//!
//! Windows up to six hours are taken from the services' counters. Longer ones are added up from a rate that is recorded at
//! every evaluation: three days of a counter scraped each second are 260,000 samples, which nobody wants to read once a
//! minute. Without traffic there is no ratio: 0/0 would be NaN, which is neither above nor below anything.

use super::{INTERVAL, Speed, recorded};
use crate::{
    rules::{Kind, Pairs, Rule},
    spec::{Indicator, Side, Slo},
};

/// The windows that are counted from the services' own counters.
const SHORT: [(&str, u32); 5] = [("5m", 300), ("30m", 1800), ("1h", 3600), ("2h", 7200), ("6h", 21_600)];
/// The windows that are added up from recorded rates, beside that of the budget.
const LONG: [(&str, u32); 2] = [("1d", 86_400), ("3d", 259_200)];

/// Whether a window is taken from the services' own counters; if not, it is added up from recorded rates.
pub(crate) fn is_counted(slo: &Slo, window: u32) -> bool {
    !matches!(slo.indicator, Indicator::Threshold { .. })
        && SHORT.iter().any(|(_, seconds)| *seconds == window)
}

pub(super) fn rules(slo: &Slo, speed: Speed) -> Vec<Rule> {
    let budget = (format!("{}d", slo.days), slo.days * 86_400);
    let mut rules = base(slo, speed);
    rules[0].comment =
        vec!["What everything below is made of: events a second, and the bad ones among them.".into()];
    for (name, seconds) in SHORT {
        let window = speed.window(seconds);
        let (requests, errors) = match &slo.indicator {
            Indicator::Threshold { .. } => added(slo, speed, &window),
            counters => counted(counters, &window, "increase"),
        };
        windowed(&mut rules, slo, name, requests, errors);
    }
    let long = LONG.map(|(name, seconds)| (name.to_owned(), seconds)).into_iter().chain([budget.clone()]);
    for (name, seconds) in long {
        let (requests, errors) = added(slo, speed, &speed.window(seconds));
        windowed(&mut rules, slo, &name, requests, errors);
    }
    let spent = recorded(&format!("slo:error_ratio:increase{}", budget.0), slo);
    let mut left =
        record(&format!("slo:error_budget:remaining{}", budget.0), format!("1 - {spent} / {}", slo.budget()));
    left.comment = vec!["1 is untouched, 0 is spent, below 0 the objective is missed.".into()];
    rules.push(left);
    rules.push(record("slo:objective:ratio", format!("vector({})", slo.target)));
    rules
}

/// Events a second and bad ones a second, as they are at this moment.
fn base(slo: &Slo, speed: Speed) -> Vec<Rule> {
    let (requests, errors) = match &slo.indicator {
        Indicator::Threshold { gauge, good, bound } => {
            // Of several series the worst counts, and a minute is an event: good or bad as a whole.
            let (worst, bad) = match good {
                Side::AtMost => ("max", ">"),
                Side::AtLeast => ("min", "<"),
            };
            let each = speed.interval_seconds();
            (
                format!("({worst}({gauge}) * 0 + 1) / {each}"),
                format!("({worst}({gauge}) {bad} bool {bound}) / {each}"),
            )
        }
        counters => counted(counters, &speed.base(), "rate"),
    };
    vec![record("slo:requests:per_second", requests), record("slo:errors:per_second", errors)]
}

/// All events and bad ones, by a function of counters. A counter that appears with its first event is none until then.
fn counted(indicator: &Indicator, window: &str, function: &str) -> (String, String) {
    let sum = |selector: &str| format!("sum({function}({selector}[{window}]))");
    match indicator {
        Indicator::Bad { bad, total } => (sum(total), format!("{}\nor vector(0)", sum(bad))),
        Indicator::Good { good, total } => {
            (sum(total), format!("{}\n- ({} or vector(0))", sum(total), sum(good)))
        }
        Indicator::Threshold { gauge, .. } => (gauge.clone(), gauge.clone()),
    }
}

/// All events and bad ones, each recorded rate standing for the time until the next.
fn added(slo: &Slo, speed: Speed, window: &str) -> (String, String) {
    let each = speed.interval_seconds();
    let sum = |name: &str| format!("sum_over_time({}[{window}]) * {each}", recorded(name, slo));
    (sum("slo:requests:per_second"), sum("slo:errors:per_second"))
}

fn windowed(rules: &mut Vec<Rule>, slo: &Slo, name: &str, requests: String, errors: String) {
    let of = |what: &str| format!("slo:{what}:increase{name}");
    rules.push(record(&of("requests"), requests));
    rules.push(record(&of("errors"), errors));
    let (errors, requests) = (recorded(&of("errors"), slo), recorded(&of("requests"), slo));
    rules.push(record(&of("error_ratio"), format!("{errors} / ({requests} > 0)")));
}

fn record(name: &str, expr: String) -> Rule {
    Rule { comment: Vec::new(), kind: Kind::Record(name.to_owned()), expr, labels: Pairs::new() }
}

const _: () = assert!(INTERVAL == 60, "a slice of a gauge is a minute, and specs say so");
