//! From objectives to Prometheus rules: counts and ratios in each window, burn-rate alerts in four tiers, what is left of
//! the budget, and an alert for when there is nothing to count.
//!
//! One objective is one group; the objectives of one spec file are one rules file. Names of series and labels are
//! the same at every speed, so that alerts, dashboards and contracts need not know it.

mod alerts;
mod counts;
mod speed;
mod tiers;

pub use alerts::SILENT;
pub(crate) use alerts::{MEAN, SILENCE, due, evidence_of};
pub(crate) use counts::is_counted;
pub(crate) use speed::BASE;
pub use speed::{Speed, TooFast};
pub use tiers::{MOST, TIERS, Tier, threshold};

use std::path::Path;

use crate::{
    rules::{Group, Pairs, Rule, write},
    spec::Slo,
};

/// How often the rules are evaluated at speed 1, in seconds. A gauge is judged as often.
pub const INTERVAL: u32 = 60;

/// A rules file.
#[derive(Clone, Debug)]
pub struct File {
    /// `order-placement.yaml`: the spec file's name.
    pub name: String,
    /// What Prometheus reads.
    pub text: String,
    /// The same, for the lint and the engines.
    pub groups: Vec<Group>,
}

/// The rules files of these objectives, in the order in which their spec files come.
pub fn files(slos: &[Slo], speed: Speed) -> Vec<File> {
    let mut files: Vec<(String, Vec<Group>)> = Vec::new();
    for slo in slos {
        let name = Path::new(&slo.file).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let group = group(slo, speed);
        match files.iter_mut().find(|(known, _)| *known == name) {
            Some((_, groups)) => groups.push(group),
            None => files.push((name, vec![group])),
        }
    }
    files
        .into_iter()
        .map(|(name, groups)| File { text: write(&head(&name, speed), &groups), name, groups })
        .collect()
}

fn head(name: &str, speed: Speed) -> Vec<String> {
    let mut lines = vec![format!(
        "Made from slo/specs/{name} by `firedrill slo generate`: change the specs, not this file."
    )];
    if speed != Speed::REAL {
        lines.push(String::new());
        lines.push(format!(
            "Speed {speed}: what is called 1h here is {}. Burn rates and names are those of speed 1.",
            speed.window(3600)
        ));
    }
    lines
}

/// The rules of one objective.
pub fn group(slo: &Slo, speed: Speed) -> Group {
    let mut rules: Vec<Rule> = counts::rules(slo, speed);
    rules.extend(alerts::burning(slo));
    rules.extend(alerts::silent(slo, speed));
    let allowed = format!("{}%", (slo.budget() * 1e9).round() / 1e7);
    Group {
        name: format!("slo/{}", slo.name),
        comment: vec![format!(
            "{}: {} over {} days, so {allowed} may be bad.",
            slo.title,
            slo.percent(),
            slo.days
        )],
        interval: speed.interval(),
        labels: Pairs::from([("slo".into(), slo.name.clone()), ("service".into(), slo.service.clone())]),
        rules,
    }
}

/// The selector of a recorded series of this objective.
fn recorded(name: &str, slo: &Slo) -> String {
    format!("{name}{{slo=\"{}\"}}", slo.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rules::Kind, spec};

    fn slo(indicator: &str, objective: &str, method: &str) -> Slo {
        let text = format!(
            "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: a, displayName: A holds, annotations: {{firedrill/alert: AFails, firedrill/dashboard: d, firedrill/silence: page}}}}\nspec:\n  description: D.\n  service: s\n  indicator: {{metadata: {{name: a}}, spec: {indicator}}}\n  timeWindow: [{{duration: 30d, isRolling: true}}]\n  budgetingMethod: {method}\n  objectives: [{objective}]\n"
        );
        spec::read("a.yaml", &text).expect("a spec").remove(0)
    }

    fn ratio(target: &str) -> Slo {
        let source = |query| format!("{{metricSource: {{type: Prometheus, spec: {{query: {query}}}}}}}");
        let indicator = format!(
            "{{ratioMetric: {{counter: true, bad: {}, total: {}}}}}",
            source("bad_total"),
            source("all_total")
        );
        slo(&indicator, &format!("{{target: {target}}}"), "Occurrences")
    }

    fn alerts(slo: &Slo, speed: Speed) -> Vec<Rule> {
        let rules = group(slo, speed).rules;
        rules.into_iter().filter(|rule| matches!(rule.kind, Kind::Alert { .. })).collect()
    }

    #[test]
    fn each_tier_asks_two_windows_and_for_evidence() {
        let alerts = alerts(&ratio("0.999"), Speed::REAL);
        let tiers: Vec<_> = alerts.iter().filter_map(|rule| rule.labels.get("tier")).collect();
        assert_eq!(tiers, ["page-1h", "page-6h", "ticket-1d", "ticket-3d"]);
        assert_eq!(
            alerts[0].expr,
            "slo:error_ratio:increase1h{slo=\"a\"} > 14.4 * 0.001\n\
             and slo:error_ratio:increase5m{slo=\"a\"} > 14.4 * 0.001\n\
             and slo:errors:increase1h{slo=\"a\"} >= 5"
        );
        assert_eq!(alerts.len(), 5, "and one for silence");
    }

    #[test]
    fn a_generous_objective_has_thresholds_that_can_be_reached() {
        let alerts = alerts(&ratio("0.9"), Speed::REAL);
        let reached: Vec<bool> = alerts.iter().map(|rule| rule.expr.contains("> 0.5\n")).collect();
        assert_eq!(reached, [true, true, false, false, false], "14.4 and 6 times a tenth are above a half");
    }

    #[test]
    fn speed_divides_the_windows_and_keeps_the_names() {
        let (real, fast) = (ratio("0.999"), Speed::new(60).expect("60"));
        let at = |speed| group(&real, speed);
        let names = |group: &Group| group.rules.iter().map(Rule::told).collect::<Vec<_>>();
        assert_eq!(names(&at(Speed::REAL)), names(&at(fast)));
        assert_eq!((at(Speed::REAL).interval.as_str(), at(fast).interval.as_str()), ("1m", "1s"));
        let text = write(&[], &[at(fast)]);
        assert!(text.contains("sum(increase(bad_total[5s]))") && text.contains("[24m]"), "{text}");
        assert!(!text.contains("[1h]") && !text.contains("[5m]"), "{text}");
    }

    #[test]
    fn a_gauge_is_counted_in_minutes() {
        let gauge = slo(
            "{thresholdMetric: {metricSource: {type: Prometheus, spec: {query: age}}}}",
            "{target: 0.99, op: lte, value: 30, timeSliceWindow: 1m}",
            "Timeslices",
        );
        let group = group(&gauge, Speed::REAL);
        assert_eq!(group.rules[1].expr, "(max(age) > bool 30) / 60");
        assert!(
            group.rules.iter().all(|rule| !rule.expr.contains("rate(") && !rule.expr.contains("increase("))
        );
    }
}
