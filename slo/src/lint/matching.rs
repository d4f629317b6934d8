//! Two sides of an operator match only where they have the same labels: `and` between a sum with labels and one without is
//! never true, and nothing says so.

use std::collections::BTreeSet;

use promql_parser::parser::{BinaryExpr, Expr, LabelModifier};

use super::{Site, series::Recorded, visit};

/// The labels of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Labels {
    /// A number, which has none and matches everything.
    Number,
    /// Those of whatever is scraped.
    Unknown,
    /// These.
    Exactly(BTreeSet<String>),
}

pub(super) fn check(site: &Site<'_>, expr: &Expr, say: &mut dyn FnMut(String)) {
    visit::visit(expr, &mut |part| {
        let Expr::Binary(binary) = part else { return };
        let sides = [labels(site.recorded, &binary.lhs), labels(site.recorded, &binary.rhs)];
        let [Labels::Exactly(left), Labels::Exactly(right)] = &sides else { return };
        match binary.modifier.as_ref().and_then(|m| m.matching.as_ref()) {
            Some(LabelModifier::Include(on)) => {
                for label in &on.labels {
                    if !(left.contains(label) && right.contains(label)) {
                        say(format!("on({label}): {label} is not a label of both sides of {}", binary.op));
                    }
                }
            }
            ignored => {
                let ignored: BTreeSet<String> = match ignored {
                    Some(LabelModifier::Exclude(labels)) => labels.labels.iter().cloned().collect(),
                    _ => BTreeSet::new(),
                };
                let differ: Vec<&str> = left
                    .symmetric_difference(right)
                    .filter(|l| !ignored.contains(*l))
                    .map(String::as_str)
                    .collect();
                if !differ.is_empty() {
                    say(format!(
                        "the sides of {} never match: only one has {}; use on() or by",
                        binary.op,
                        differ.join(", ")
                    ));
                }
            }
        }
    });
}

/// The labels of an expression, without the metric's name.
pub(super) fn labels(recorded: &Recorded, expr: &Expr) -> Labels {
    match expr {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Labels::Number,
        Expr::Paren(paren) => labels(recorded, &paren.expr),
        Expr::Unary(unary) => labels(recorded, &unary.expr),
        Expr::Subquery(subquery) => labels(recorded, &subquery.expr),
        Expr::VectorSelector(selector) => of_series(recorded, selector.name.as_deref()),
        Expr::MatrixSelector(matrix) => of_series(recorded, matrix.vs.name.as_deref()),
        Expr::Aggregate(aggregate) => match &aggregate.modifier {
            None => Labels::Exactly(BTreeSet::new()),
            Some(LabelModifier::Include(by)) => Labels::Exactly(by.labels.iter().cloned().collect()),
            Some(LabelModifier::Exclude(without)) => match labels(recorded, &aggregate.expr) {
                Labels::Exactly(all) => {
                    Labels::Exactly(all.into_iter().filter(|l| !without.labels.contains(l)).collect())
                }
                other => other,
            },
        },
        Expr::Call(call) => match call.func.name {
            "time" | "scalar" | "pi" => Labels::Number,
            "vector" => Labels::Exactly(BTreeSet::new()),
            name if name.starts_with("absent") || name.starts_with("label_") => Labels::Unknown,
            "histogram_quantile" => match of_arguments(recorded, &call.args.args) {
                Labels::Exactly(all) => Labels::Exactly(all.into_iter().filter(|l| l != "le").collect()),
                other => other,
            },
            _ => of_arguments(recorded, &call.args.args),
        },
        Expr::Binary(binary) => of_binary(recorded, binary),
        Expr::Extension(_) => Labels::Unknown,
    }
}

fn of_arguments(recorded: &Recorded, arguments: &[Box<Expr>]) -> Labels {
    let mut all = arguments.iter().map(|argument| labels(recorded, argument));
    all.find(|labels| *labels != Labels::Number).unwrap_or(Labels::Number)
}

fn of_binary(recorded: &Recorded, binary: &BinaryExpr) -> Labels {
    match (labels(recorded, &binary.lhs), labels(recorded, &binary.rhs)) {
        (Labels::Number, other) => other,
        (left, _) => left,
    }
}

fn of_series(recorded: &Recorded, name: Option<&str>) -> Labels {
    match name.and_then(|name| recorded.get(name)).and_then(|all| all.first()) {
        Some(series) => Labels::Exactly(series.labels.keys().cloned().collect()),
        None => Labels::Unknown,
    }
}
