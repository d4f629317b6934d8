//! The rules of Grafana's dashboard linter and of its mixins, and some of our own, for dashboards as they are written.
//!
//! One file per rule. A rule looks at all dashboards at once and gives findings; it neither reads files nor asks a
//! backend. Exceptions are applied afterwards, by [`lint`], so that a rule need not know of them.

mod counters;
mod data_source;
mod grid;
mod identity;
mod legend;
mod link_targets;
mod links;
mod logql_syntax;
mod metrics;
mod promql_syntax;
mod quantile;
pub(crate) mod queries;
mod rate_interval;
mod selectors;
mod text;
mod unit;
mod variables;

use std::fmt;

use serde::Serialize;

use self::queries::Queries;
use super::{catalogue::Catalogue, exceptions, folder::Folder};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file of the dashboard.
    pub file: String,
    /// The panel's title; none where it is the dashboard as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<String>,
    /// The rule's name.
    pub rule: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.panel {
            Some(panel) => write!(f, "{}: {panel:?}: {}: {}", self.file, self.rule, self.message),
            None => write!(f, "{}: {}: {}", self.file, self.rule, self.message),
        }
    }
}

/// What the rules look at.
struct Site<'a> {
    folder: &'a Folder,
    queries: Queries<'a>,
    catalogue: &'a Catalogue,
}

/// What a rule notes: file, panel, message.
struct Notes<'n> {
    rule: &'static str,
    findings: &'n mut Vec<Finding>,
}

impl Notes<'_> {
    fn panel(&mut self, file: &str, panel: &str, message: impl Into<String>) {
        let (file, panel) = (file.to_owned(), Some(panel.to_owned()));
        let finding = Finding { file, panel, rule: self.rule, message: message.into() };
        // Several targets of one panel may break a rule in the same way.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Of one query of a panel, which is named by its letter.
    fn query<P>(&mut self, query: &queries::Query<'_, P>, message: &str) {
        let message = format!("target {}: {message}", query.target.ref_id);
        self.panel(query.file, &query.panel.name(), message);
    }

    fn dashboard(&mut self, file: &str, message: impl Into<String>) {
        let file = file.to_owned();
        self.findings.push(Finding { file, panel: None, rule: self.rule, message: message.into() });
    }
}

type Rule = fn(&Site<'_>, &mut Notes<'_>);

/// The rules by the names that exceptions use.
const RULES: [(&str, Rule); 16] = [
    ("identity", identity::check),
    ("text", text::check),
    ("unit", unit::check),
    ("legend", legend::check),
    ("grid", grid::check),
    ("links", links::check),
    ("link-targets", link_targets::check),
    ("data-source", data_source::check),
    ("variables", variables::check),
    ("promql", promql_syntax::check),
    ("logql", logql_syntax::check),
    ("metrics", metrics::check),
    ("selectors", selectors::check),
    ("rate-interval", rate_interval::check),
    ("counters", counters::check),
    ("quantile", quantile::check),
];

/// The names of the metrics in a PromQL expression.
pub(super) fn metrics_of(expr: &promql_parser::parser::Expr) -> Vec<String> {
    let mut found = Vec::new();
    queries::visit(expr, &mut |part, _| {
        found.extend(queries::selector(part).and_then(queries::metric).map(str::to_owned));
    });
    found
}

/// The names of the rules.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(name, _)| *name)
}

/// Applies all rules, and then the exceptions; one that fits no finding is a finding.
pub fn lint(folder: &Folder, catalogue: &Catalogue) -> Vec<Finding> {
    let site = Site { folder, queries: queries::prepare(folder), catalogue };
    let mut findings = Vec::new();
    for (rule, check) in RULES {
        check(&site, &mut Notes { rule, findings: &mut findings });
    }
    let uid = |file: &str| {
        let found = folder.files.iter().find(|f| f.name == file);
        found.and_then(|f| f.dashboard.uid.clone()).unwrap_or_default()
    };
    let covers = |entry: &exceptions::Lint, finding: &Finding| {
        entry.rule == finding.rule && entry.panel == finding.panel && entry.dashboard == uid(&finding.file)
    };
    let unused: Vec<_> = folder.lint.iter().filter(|e| !findings.iter().any(|f| covers(e, f))).collect();
    let unused: Vec<_> = unused.into_iter().map(outdated).collect();
    findings.retain(|finding| !folder.lint.iter().any(|entry| covers(entry, finding)));
    findings.extend(unused);
    findings.extend(folder.empty.iter().filter_map(|entry| misplaced(folder, entry)));
    findings.sort_by(|a, b| (&a.file, &a.panel).cmp(&(&b.file, &b.panel)));
    findings
}

/// The rule of the lists themselves; it has no exceptions.
const LISTS: &str = "lists";

fn outdated(entry: &exceptions::Lint) -> Finding {
    let known = rules().any(|rule| rule == entry.rule);
    let message = match known {
        true => format!(
            "the exception from {:?} for {:?} in {} fits no finding any more; delete it",
            entry.rule,
            entry.panel.as_deref().unwrap_or("the dashboard"),
            entry.dashboard
        ),
        false => format!(
            "there is no rule {:?}; the rules are {}",
            entry.rule,
            rules().collect::<Vec<_>>().join(", ")
        ),
    };
    Finding { file: exceptions::LINT_FILE.to_owned(), panel: entry.panel.clone(), rule: LISTS, message }
}

/// An entry of the panels that may be empty must name a panel, and targets, that are there.
fn misplaced(folder: &Folder, entry: &exceptions::Empty) -> Option<Finding> {
    let file = folder.files.iter().find(|f| f.dashboard.uid.as_deref() == Some(&entry.dashboard));
    let finding = |message: String| {
        let file = exceptions::EMPTY_FILE.to_owned();
        Some(Finding { file, panel: Some(entry.panel.clone()), rule: LISTS, message })
    };
    let Some(file) = file else {
        return finding(format!(
            "there is no dashboard with the uid {:?}; correct or delete the entry",
            entry.dashboard
        ));
    };
    let panels = super::walk::panels(&file.dashboard);
    let Some(placed) = panels.iter().find(|p| p.panel.name() == entry.panel) else {
        return finding(format!("{} has no panel of this title; correct or delete the entry", file.name));
    };
    let missing =
        entry.targets.iter().find(|t| !placed.panel.targets.iter().any(|target| target.ref_id == **t));
    match missing {
        Some(target) => finding(format!("the panel has no target {target:?}; correct the entry")),
        None => None,
    }
}

#[cfg(test)]
mod testing {
    //! Small dashboards for the tests of the rules.

    use serde_json::{Value, json};

    use super::*;
    use crate::dashboards::catalogue::catalogue;

    /// A dashboard that breaks no rule.
    pub(super) fn good() -> Value {
        json!({
            "uid": "firedrill-good", "title": "Good", "description": "What it is for.", "tags": ["firedrill"],
            "templating": {"list": [
                {"name": "datasource", "type": "datasource", "label": "Metrics", "query": "prometheus", "current": {"value": "prom"}},
                {"name": "service", "type": "query", "label": "Service", "refresh": 2, "includeAll": true, "multi": true,
                 "datasource": {"type": "prometheus", "uid": "${datasource}"},
                 "query": {"query": "label_values(http_server_request_duration_seconds_count, service)"}}]},
            "panels": [{
                "id": 1, "type": "timeseries", "title": "Requests (req/s)", "description": "A fall to zero is bad.",
                "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8}, "fieldConfig": {"defaults": {"unit": "reqps"}},
                "links": [{"title": "All services", "url": "/d/firedrill-good?${__url_time_range}&var-service=$__all"}],
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "targets": [{"refId": "A", "legendFormat": "{{service}}",
                    "expr": "sum by (service) (rate(http_server_request_duration_seconds_count{service=~\"$service\"}[$__rate_interval]))"}]}]
        })
    }

    /// The good one with its query replaced.
    pub(super) fn asking(expr: &str) -> Value {
        let mut dashboard = good();
        dashboard["panels"][0]["targets"][0]["expr"] = json!(expr);
        dashboard
    }

    /// The good one with a second panel that asks Loki.
    pub(super) fn asking_loki(expr: &str) -> Value {
        let mut dashboard = good();
        let source = json!({"name": "loki_datasource", "type": "datasource", "label": "Logs", "query": "loki", "current": {"value": "loki"}});
        dashboard["templating"]["list"].as_array_mut().expect("a list").push(source);
        let panel = json!({"id": 2, "type": "logs", "title": "Errors", "description": "Any line is bad.",
            "gridPos": {"x": 0, "y": 8, "w": 24, "h": 8}, "datasource": {"type": "loki", "uid": "${loki_datasource}"},
            "links": [{"title": "Requests (req/s)", "url": "/d/firedrill-good?${__url_time_range}&${__all_variables}&viewPanel=panel-1"}],
            "targets": [{"refId": "A", "expr": expr}]});
        dashboard["panels"].as_array_mut().expect("a list").push(panel);
        dashboard
    }

    /// A folder of these dashboards, files in the order `a.json`, `b.json`.
    pub(super) fn folder(dashboards: &[Value]) -> Folder {
        let named =
            dashboards.iter().zip('a'..).map(|(json, name)| (format!("{name}.json"), json.to_string()));
        let mut folder = Folder::of(named).expect("dashboards");
        folder.data_sources = ["prom", "loki", "jaeger", "alertmanager"].map(str::to_owned).to_vec();
        folder
    }

    /// What one rule has to say of them.
    pub(super) fn said(rule: &str, dashboards: &[Value]) -> Vec<String> {
        let found = lint(&folder(dashboards), catalogue());
        found.into_iter().filter(|f| f.rule == rule).map(|f| f.to_string()).collect()
    }

    /// Fails unless the rule is silent about the first and says this of the second.
    pub(super) fn told_apart(rule: &str, good: Value, bad: Value, wanted: &str) {
        assert_eq!(said(rule, &[good]), [""; 0]);
        let said = said(rule, &[bad]);
        assert!(said.len() == 1 && said[0].contains(wanted), "{wanted:?} in {said:#?}");
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::*, *};
    use crate::dashboards::catalogue::catalogue;

    #[test]
    fn a_good_dashboard_has_no_finding() {
        let dashboards = [asking_loki("{service_name=~\"$service\"} | severity_text=\"ERROR\"")];
        assert_eq!(lint(&folder(&dashboards), catalogue()), []);
    }

    #[test]
    fn an_exception_silences_its_finding_and_is_one_when_nothing_is_left_to_silence() {
        let mut bad = good();
        bad["panels"][0]["fieldConfig"] = serde_json::json!({});
        let entry = exceptions::Lint {
            rule: "unit".to_owned(),
            dashboard: "firedrill-good".to_owned(),
            panel: Some("Requests (req/s)".to_owned()),
            reason: "told in the test".to_owned(),
        };
        let mut excused = folder(&[bad]);
        excused.lint = vec![entry.clone()];
        assert_eq!(lint(&excused, catalogue()), []);
        let mut outdated = folder(&[good()]);
        outdated.lint = vec![entry.clone()];
        let found = lint(&outdated, catalogue());
        assert!(found.len() == 1 && found[0].message.contains("delete it"), "{found:?}");
        outdated.lint = vec![exceptions::Lint { rule: "uint".to_owned(), ..entry }];
        assert!(lint(&outdated, catalogue())[0].message.contains("there is no rule"));
    }

    #[test]
    fn a_list_of_empty_panels_names_panels_that_are_there() {
        let entry = |panel: &str, target: &str| exceptions::Empty {
            dashboard: "firedrill-good".to_owned(),
            panel: panel.to_owned(),
            targets: vec![target.to_owned()],
            reason: "r".to_owned(),
            shown_by: "s".to_owned(),
        };
        let mut folder = folder(&[good()]);
        folder.empty = vec![entry("Requests (req/s)", "A")];
        assert_eq!(lint(&folder, catalogue()), []);
        folder.empty = vec![entry("Requests", "A"), entry("Requests (req/s)", "B")];
        let found = lint(&folder, catalogue());
        assert!(found.len() == 2 && found.iter().all(|f| f.rule == "lists"), "{found:?}");
    }
}
