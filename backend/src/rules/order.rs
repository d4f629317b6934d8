//! Whether rules can be evaluated one after the other, each over a whole stretch of time at once, instead of all of them at
//! each moment: if none asks for what it or a later one makes, nor for what is to come.

use std::collections::HashMap;

use promql_parser::parser::{AtModifier, Expr, Offset, SubqueryExpr, VectorSelector};

use super::alert::{ALERTS, ALERTS_FOR_STATE};
use super::definition::{Rule, Text};
use crate::labels::NAME;
use crate::matcher::Matcher;
use crate::promql::matchers_of;

/// Whether these rules, in their order, are independent in that way.
pub(super) fn is_column_by_column(rules: &[&Rule]) -> bool {
    let mut makers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, rule) in rules.iter().enumerate() {
        for name in names(rule) {
            makers.entry(name).or_default().push(i);
        }
    }
    rules.iter().enumerate().all(|(i, rule)| {
        let mut fits = !asks_in_labels(rule);
        each_look(rule.query.expr(), &mut |look| {
            fits = fits
                && match look {
                    Look::Selector(selector) => {
                        looks_back(selector.at.as_ref(), selector.offset.as_ref())
                            && asks_before(i, selector, rules, &makers)
                    }
                    Look::Subquery(subquery) => looks_back(subquery.at.as_ref(), subquery.offset.as_ref()),
                };
        });
        fits
    })
}

/// The names of the series that a rule makes.
fn names(rule: &Rule) -> Vec<&str> {
    if rule.alert().is_some() { vec![ALERTS, ALERTS_FOR_STATE] } else { vec![&*rule.name] }
}

/// Whether what its labels will be has to be asked for at each moment.
fn asks_in_labels(rule: &Rule) -> bool {
    rule.labels.iter().any(|(_, text)| match text {
        Text::Plain(_) => false,
        Text::Template(template) => template.calls("query"),
    })
}

fn looks_back(at: Option<&AtModifier>, offset: Option<&Offset>) -> bool {
    at.is_none() && !matches!(offset, Some(Offset::Neg(d)) if !d.is_zero())
}

/// Whether no rule from `i` on makes what the selector asks for.
fn asks_before(
    i: usize,
    selector: &VectorSelector,
    rules: &[&Rule],
    makers: &HashMap<&str, Vec<usize>>,
) -> bool {
    let Ok(matchers) = matchers_of(selector) else { return false };
    let may_match = |at: &usize| *at >= i && may_make(rules[*at], &matchers);
    match matchers.iter().find(|m| m.name == NAME).and_then(Matcher::exact) {
        Some(name) => !makers.get(name).into_iter().flatten().any(may_match),
        None => !(i..rules.len()).any(|at| may_match(&at)),
    }
}

/// Whether a rule may make a series that satisfies the matchers: unless one of its labels, which are known, does not.
fn may_make(rule: &Rule, matchers: &[Matcher]) -> bool {
    matchers.iter().all(|matcher| {
        if matcher.name == NAME {
            return names(rule).iter().any(|name| matcher.matches(name));
        }
        if rule.alert().is_some() && matcher.name == "alertname" {
            return matcher.matches(&rule.name);
        }
        let own = rule.labels.iter().find(|(name, _)| **name == *matcher.name);
        own.and_then(|(_, text)| text.fixed()).is_none_or(|value| matcher.matches(value))
    })
}

/// A place where an expression looks at samples.
enum Look<'e> {
    Selector(&'e VectorSelector),
    Subquery(&'e SubqueryExpr),
}

/// Every such place.
fn each_look<'e>(expr: &'e Expr, f: &mut impl FnMut(Look<'e>)) {
    match expr {
        Expr::VectorSelector(selector) => f(Look::Selector(selector)),
        Expr::MatrixSelector(matrix) => f(Look::Selector(&matrix.vs)),
        Expr::Aggregate(a) => {
            a.param.iter().for_each(|param| each_look(param, f));
            each_look(&a.expr, f);
        }
        Expr::Binary(b) => {
            each_look(&b.lhs, f);
            each_look(&b.rhs, f);
        }
        Expr::Call(c) => c.args.args.iter().for_each(|arg| each_look(arg, f)),
        Expr::Unary(u) => each_look(&u.expr, f),
        Expr::Paren(p) => each_look(&p.expr, f),
        Expr::Subquery(s) => {
            f(Look::Subquery(s));
            each_look(&s.expr, f);
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::file;

    fn fits(rules: &str) -> bool {
        let text = format!("groups: [{{name: g, rules: [{rules}]}}]");
        let groups = file::read("f", &text).unwrap_or_else(|e| panic!("{e:?}: {text}"));
        is_column_by_column(&groups[0].rules.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_only_asks_for_what_was_made_before_fits() {
        for rules in [
            "{record: a, expr: x}, {record: b, expr: 'a + rate(y[5m])'}, {alert: A, expr: b > a}",
            // Of one name, and of other labels.
            "{record: a, expr: 'a{n=\"2\"}', labels: {n: '1'}}",
            "{alert: A, expr: x}, {record: n, expr: 'count(ALERTS{alertname=\"A\"})'}",
            "{record: a, expr: 'sum_over_time(x[1h] offset 5m)'}",
            "{record: a, expr: x, labels: {b: '{{ query }}'}}",
        ] {
            assert!(fits(rules), "{rules}");
        }
    }

    #[test]
    fn what_asks_for_itself_or_what_follows_or_the_future_does_not() {
        for rules in [
            "{record: a, expr: a + 1}",
            "{record: b, expr: a}, {record: a, expr: x}",
            "{record: b, expr: 'sum({n=\"1\"})'}, {record: a, expr: x, labels: {n: '1'}}",
            "{record: a, expr: 'count(ALERTS)'}, {alert: A, expr: x}",
            "{alert: A, expr: 'x unless ALERTS{alertname=\"A\"}'}",
            "{record: a, expr: x offset -5m}",
            "{record: a, expr: x @ 10}",
            "{record: a, expr: 'max_over_time(x[1h:1m] offset -1m)'}",
            "{alert: A, expr: x, labels: {b: '{{ query \"a\" | first | value }}'}}",
        ] {
            assert!(!fits(rules), "{rules}");
        }
    }
}
