//! What is wrong with rules before any of them has been evaluated: an alert that can never fire looks like one that has no
//! reason to.
//!
//! Each check is a file. What exists outside of the rules (metrics, runbooks, dashboards) the caller knows: see [`World`].

mod annotations;
mod labels;
mod matching;
mod series;
mod visit;

use std::{collections::BTreeSet, fmt};

use promql_parser::parser::{self, Expr};

use crate::rules::{Group, Kind, Rule};

/// What exists outside of the rules.
pub trait World {
    /// Whether something exposes a metric of this name, as it stands in a query.
    fn metric(&self, name: &str) -> bool;
    /// The known metric that is nearest to an unknown one.
    fn nearest(&self, name: &str) -> Option<String>;
    /// Whether histograms have a bucket with this bound.
    fn bucket(&self, bound: f64) -> bool;
    /// Whether this runbook is there; the path as it stands in `runbook_url`.
    fn runbook(&self, path: &str) -> bool;
    /// Whether there is a dashboard with this uid.
    fn dashboard(&self, uid: &str) -> bool;
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The group.
    pub group: String,
    /// The rule, as [`Rule::told`] says it.
    pub rule: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.group, self.rule, self.message)
    }
}

/// All mistakes of these groups, in the order of the rules.
pub fn lint(groups: &[Group], world: &dyn World) -> Vec<Finding> {
    let recorded = series::recorded(groups);
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for group in groups {
        for (index, rule) in group.rules.iter().enumerate() {
            let site = Site { group, rule, index, recorded: &recorded, world };
            let mut say = |message: String| {
                findings.push(Finding { group: group.name.clone(), rule: rule.told(), message });
            };
            if !seen.insert((rule.name(), site.all_labels())) {
                say("another rule makes the same series; one of them is lost".into());
            }
            match parser::parse(&rule.expr) {
                Err(error) => say(format!("not PromQL: {error}")),
                Ok(expr) => {
                    series::check(&site, &expr, &mut say);
                    matching::check(&site, &expr, &mut say);
                    labels::check(&site, &expr, &mut say);
                }
            }
            annotations::check(&site, &mut say);
        }
    }
    findings
}

/// A rule where it stands.
struct Site<'a> {
    group: &'a Group,
    rule: &'a Rule,
    index: usize,
    recorded: &'a series::Recorded,
    world: &'a dyn World,
}

impl Site<'_> {
    /// The labels that its group and itself put on.
    fn all_labels(&self) -> Vec<(String, String)> {
        let mut all = self.group.labels.clone();
        all.extend(self.rule.labels.clone());
        all.into_iter().collect()
    }

    fn is_alert(&self) -> bool {
        matches!(self.rule.kind, Kind::Alert { .. })
    }
}

/// The labels that a rule's result has of itself, as far as they can be known without data.
fn result_labels(site: &Site<'_>, expr: &Expr) -> matching::Labels {
    matching::labels(site.recorded, expr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Pairs;

    struct Known;
    impl World for Known {
        fn metric(&self, name: &str) -> bool {
            ["requests_total", "request_seconds_bucket"].contains(&name)
        }
        fn nearest(&self, _: &str) -> Option<String> {
            Some("requests_total".into())
        }
        fn bucket(&self, bound: f64) -> bool {
            bound == 0.5
        }
        fn runbook(&self, path: &str) -> bool {
            path == "runbooks/A.md"
        }
        fn dashboard(&self, uid: &str) -> bool {
            uid == "d"
        }
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Pairs {
        pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).into()
    }

    fn record(name: &str, expr: &str) -> Rule {
        Rule { comment: vec![], kind: Kind::Record(name.into()), expr: expr.into(), labels: Pairs::new() }
    }

    fn alert(expr: &str) -> Rule {
        let annotations = pairs([
            ("summary", "{{ $labels.slo }} is bad"),
            ("description", "It is."),
            ("runbook_url", "runbooks/A.md"),
            ("dashboard_url", "http://127.0.0.1:3000/d/d"),
        ]);
        let kind = Kind::Alert { name: "A".into(), hold: None, annotations };
        Rule { comment: vec![], kind, expr: expr.into(), labels: pairs([("severity", "page")]) }
    }

    fn found(rules: Vec<Rule>) -> Vec<String> {
        let labels = pairs([("slo", "a"), ("service", "s")]);
        let group = Group { name: "g".into(), comment: vec![], interval: "1m".into(), labels, rules };
        lint(&[group], &Known).into_iter().map(|finding| finding.message).collect()
    }

    fn base() -> Rule {
        record(
            "slo:errors:rate",
            "sum(rate(requests_total{status=~\"5..\"}[5m])) or sum(rate(requests_total[5m])) * 0",
        )
    }

    #[test]
    fn good_rules_have_no_finding() {
        let alert = alert("slo:errors:rate{slo=\"a\"} > 1 unless on() sum(rate(requests_total[5m])) > 0");
        assert_eq!(found(vec![base(), alert]), [""; 0]);
    }

    #[test]
    fn each_mistake_is_found() {
        let without = |key: &str| {
            let mut rule = alert("slo:errors:rate{slo=\"a\"} > 1");
            if let Kind::Alert { annotations, .. } = &mut rule.kind {
                annotations.remove(key);
            }
            rule
        };
        let saying = |key: &str, text: &str| {
            let mut rule = alert("slo:errors:rate{slo=\"a\"} > 1");
            if let Kind::Alert { annotations, .. } = &mut rule.kind {
                annotations.insert(key.into(), text.into());
            }
            rule
        };
        let mut unlabelled = alert("slo:errors:rate{slo=\"a\"} > 1");
        unlabelled.labels.clear();
        for (rule, word) in [
            (alert("sum(rate(request_total[5m])) > 1"), "did you mean requests_total?"),
            (alert("slo:errors:rates{slo=\"a\"} > 1"), "nothing records"),
            (alert("slo:errors:rate{slo=\"b\"} > 1"), "slo=\"b\""),
            (alert("slo:errors:rate{slo=\"a\"} > 1 and sum(rate(requests_total[5m])) > 0"), "never match"),
            (
                alert("sum by (route) (rate(requests_total[5m])) / sum(rate(requests_total[5m])) > 1"),
                "never match",
            ),
            (
                alert("slo:errors:rate{slo=\"a\"} > 1 and on(route) sum by (status) (requests_total) > 0"),
                "route",
            ),
            (alert("sum(rate(request_seconds_bucket{le=\"0.4\"}[5m])) > 1"), "no bucket"),
            (alert("slo:errors:rate{slo=\"a\"} >"), "not PromQL"),
            (alert("slo:errors:rate{slo=\"a\"}"), "whenever"),
            (without("runbook_url"), "runbook_url"),
            (without("summary"), "summary"),
            (saying("runbook_url", "runbooks/B.md"), "runbooks/B.md"),
            (saying("dashboard_url", "http://127.0.0.1:3000/d/x"), "no dashboard"),
            (saying("summary", "{{ $labels.route }}"), "route"),
            (unlabelled, "severity"),
        ] {
            let expr = rule.expr.clone();
            let found = found(vec![base(), rule]);
            assert!(found.len() == 1 && found[0].contains(word), "{expr}: {word}: {found:?}");
        }
        let late = found(vec![alert("slo:errors:rate{slo=\"a\"} > 1"), base()]);
        assert!(late.len() == 1 && late[0].contains("recorded below"), "{late:?}");
        let twice = found(vec![base(), base()]);
        assert!(twice.len() == 1 && twice[0].contains("same series"), "{twice:?}");
    }
}
