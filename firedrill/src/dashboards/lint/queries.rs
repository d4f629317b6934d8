//! The queries of all dashboards, expanded and parsed once for all rules.
//!
//! Offline there are no values, so variables get ones that parse anywhere, and each macro of time gets a length that
//! nobody writes by hand: so a rule sees in the parsed query which macro stood there.

use std::time::Duration;

use promql_parser::{
    label::Matcher,
    parser::{self, Call, Expr, VectorSelector},
};

use crate::dashboards::{
    expand::{
        interval,
        value::{Binding, Bindings, Flavour, interpolate},
    },
    folder::{File, Folder},
    logql::{self, Selector},
    model::{DataSource, Panel, Target, Variable},
    plan::{self, Api},
    walk,
};

/// What `$__rate_interval` is in a parsed query.
pub(super) const RATE_INTERVAL: Duration = Duration::from_secs(4 * 3600 + 7 * 60 + 13);
/// What `$__range` is.
pub(super) const RANGE: Duration = Duration::from_secs(5 * 3600 + 11 * 60 + 17);
/// What `$__interval` is.
pub(super) const INTERVAL: Duration = Duration::from_secs(6 * 3600 + 19 * 60 + 23);

/// One query.
pub(super) struct Query<'a, Parsed> {
    pub(super) file: &'a str,
    pub(super) panel: &'a Panel,
    pub(super) target: &'a Target,
    /// Parsed; or why it is not.
    pub(super) parsed: Result<Parsed, String>,
}

/// All queries.
pub(super) struct Queries<'a> {
    pub(super) promql: Vec<Query<'a, Expr>>,
    pub(super) logql: Vec<Query<'a, Vec<Selector>>>,
}

/// Finds and parses them.
pub(super) fn prepare(folder: &Folder) -> Queries<'_> {
    let mut queries = Queries { promql: Vec::new(), logql: Vec::new() };
    for file in &folder.files {
        let bindings = bindings(file);
        for placed in walk::asking(&file.dashboard) {
            let panel = placed.panel;
            for target in &panel.targets {
                let (name, source) = (file.name.as_str(), plan::data_source(panel, target));
                match parse(target, source, &bindings) {
                    Some(Syntax::Promql(parsed)) => {
                        queries.promql.push(Query { file: name, panel, target, parsed });
                    }
                    Some(Syntax::Logql(parsed)) => {
                        queries.logql.push(Query { file: name, panel, target, parsed });
                    }
                    None => {}
                }
            }
        }
    }
    queries
}

/// Why a query that stands outside of a panel's targets, such as in a link, cannot be parsed.
pub(super) fn wrong(file: &File, target: &Target) -> Option<String> {
    match parse(target, target.datasource.as_ref(), &bindings(file))? {
        Syntax::Promql(parsed) => parsed.err(),
        Syntax::Logql(parsed) => parsed.err(),
    }
}

/// A query in its language, or why it is none.
enum Syntax {
    Promql(Result<Expr, String>),
    Logql(Result<Vec<Selector>, String>),
}

/// The query of a target; none where it has no text, or its data source has no language that is known here.
fn parse(target: &Target, source: Option<&DataSource>, bindings: &Bindings) -> Option<Syntax> {
    let text = target.expr.as_deref().filter(|text| !text.trim().is_empty())?;
    match api_of(source, bindings)? {
        Api::Prometheus => {
            Some(Syntax::Promql(parser::parse(&expanded(text, bindings, Flavour::Prometheus))))
        }
        Api::Loki => Some(Syntax::Logql(logql::parse(&expanded(text, bindings, Flavour::Loki)))),
        _ => None,
    }
}

/// The kind of a data source by its type, or by the variable that holds it.
pub(super) fn api_of(source: Option<&DataSource>, bindings: &Bindings) -> Option<Api> {
    plan::api(source, bindings).ok()
}

/// A value for each variable: the first of those in its definition, else one that fits everywhere.
pub(super) fn bindings(file: &File) -> Bindings {
    let value = |variable: &Variable| -> String {
        let current = match &variable.current.value {
            serde_json::Value::Array(values) => values.first().and_then(|v| v.as_str()),
            value => value.as_str(),
        };
        let listed = variable.query.as_str().filter(|_| variable.kind != "query");
        let first = listed.and_then(|q| q.split(',').map(str::trim).find(|v| !v.is_empty()));
        match variable.kind.as_str() {
            // A data source variable asks for a plugin: that is the kind of whatever is chosen.
            "datasource" => variable.query.as_str().unwrap_or_default().to_owned(),
            "interval" => {
                current.filter(|c| interval::parse(c).is_some()).or(first).unwrap_or("1m").to_owned()
            }
            _ => current
                .filter(|c| !c.starts_with('$') && !c.is_empty())
                .or(first)
                .unwrap_or("value")
                .to_owned(),
        }
    };
    file.dashboard.templating.list.iter().map(|v| (v.name.clone(), Binding::one(value(v)))).collect()
}

fn expanded(text: &str, bindings: &Bindings, flavour: Flavour) -> String {
    let mut out = interpolate(text, bindings, flavour);
    for (name, value) in [
        ("__rate_interval_ms", "1000".to_owned()),
        ("__rate_interval", interval::exact(RATE_INTERVAL)),
        ("__interval_ms", "1000".to_owned()),
        ("__interval", interval::exact(INTERVAL)),
        ("__range_ms", "1000".to_owned()),
        ("__range_s", "1000".to_owned()),
        ("__range", interval::exact(RANGE)),
        ("__auto", interval::exact(INTERVAL)),
        ("__from", "1000".to_owned()),
        ("__to", "1000".to_owned()),
    ] {
        out = out.replace(&format!("${{{name}}}"), &value).replace(&format!("${name}"), &value);
    }
    out
}

/// Visits every part of an expression, with the parts around it from the outermost on.
pub(crate) fn visit<'e>(expr: &'e Expr, f: &mut dyn FnMut(&'e Expr, &[&'e Expr])) {
    fn inner<'e>(expr: &'e Expr, around: &mut Vec<&'e Expr>, f: &mut dyn FnMut(&'e Expr, &[&'e Expr])) {
        f(expr, around);
        around.push(expr);
        match expr {
            Expr::Aggregate(aggregate) => {
                inner(&aggregate.expr, around, f);
                if let Some(parameter) = &aggregate.param {
                    inner(parameter, around, f);
                }
            }
            Expr::Unary(unary) => inner(&unary.expr, around, f),
            Expr::Binary(binary) => {
                inner(&binary.lhs, around, f);
                inner(&binary.rhs, around, f);
            }
            Expr::Paren(paren) => inner(&paren.expr, around, f),
            Expr::Subquery(subquery) => inner(&subquery.expr, around, f),
            Expr::Call(call) => call.args.args.iter().for_each(|argument| inner(argument, around, f)),
            _ => {}
        }
        around.pop();
    }
    inner(expr, &mut Vec::new(), f);
}

/// The selector of a part that is one.
pub(crate) fn selector(expr: &Expr) -> Option<&VectorSelector> {
    match expr {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        _ => None,
    }
}

/// The metric that a selector names.
pub(crate) fn metric(selector: &VectorSelector) -> Option<&str> {
    let by_label = |m: &&Matcher| m.name == "__name__" && m.op == promql_parser::label::MatchOp::Equal;
    selector.name.as_deref().or_else(|| matchers(selector).find(by_label).map(|m| m.value.as_str()))
}

/// All conditions of a selector.
pub(super) fn matchers(selector: &VectorSelector) -> impl Iterator<Item = &Matcher> {
    selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten())
}

/// The nearest function around a part.
pub(super) fn call_around<'e>(around: &[&'e Expr]) -> Option<&'e Call> {
    around.iter().rev().find_map(|expr| match expr {
        Expr::Call(call) => Some(call),
        _ => None,
    })
}
