//! Walks through an expression.

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{Expr, VectorSelector},
};

/// Visits every part, from the outermost on.
pub(super) fn visit<'e>(expr: &'e Expr, f: &mut dyn FnMut(&'e Expr)) {
    f(expr);
    match expr {
        Expr::Aggregate(aggregate) => {
            visit(&aggregate.expr, f);
            if let Some(parameter) = &aggregate.param {
                visit(parameter, f);
            }
        }
        Expr::Unary(unary) => visit(&unary.expr, f),
        Expr::Binary(binary) => {
            visit(&binary.lhs, f);
            visit(&binary.rhs, f);
        }
        Expr::Paren(paren) => visit(&paren.expr, f),
        Expr::Subquery(subquery) => visit(&subquery.expr, f),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| visit(argument, f)),
        _ => {}
    }
}

/// The selector of a part that is one.
pub(super) fn selector(expr: &Expr) -> Option<&VectorSelector> {
    match expr {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        _ => None,
    }
}

/// The value that a selector wants a label to have exactly.
pub(super) fn wanted<'s>(selector: &'s VectorSelector, label: &str) -> Option<&'s str> {
    let equal = |m: &&Matcher| m.name == label && m.op == MatchOp::Equal;
    selector.matchers.matchers.iter().find(equal).map(|m| m.value.as_str())
}
