//! `sort` and `sort_desc`. Prometheus' other ways to sort are behind a feature flag.

use promql_parser::parser::Expr;

use super::dates;
use super::value::{Grid, Row};

/// Functions whose value depends on the time of evaluation, whatever their arguments are; so does that of dates.
const OF_TIME: [&str; 2] = ["time", "predict_linear"];

/// Whether Prometheus evaluates an expression at every step, and not once for all of them, at the first. What is fixed by
/// `@` it evaluates once, as if by an instant query. It takes an aggregation for fixed that has a parameter which is not.
pub(super) fn varies(expr: &Expr) -> bool {
    match expr {
        Expr::VectorSelector(v) => v.at.is_none(),
        Expr::MatrixSelector(m) => m.vs.at.is_none(),
        Expr::Subquery(s) => s.at.is_none(),
        Expr::Call(c) => {
            let args = || c.args.args.iter();
            let is_of_samples = args().all(|a| matches!(unwrapped(a), Expr::VectorSelector(_)));
            let of_time = OF_TIME.contains(&c.func.name)
                || dates::named(c.func.name).is_some()
                || c.func.name == "timestamp" && !is_of_samples;
            of_time || args().any(|a| varies(a))
        }
        Expr::Aggregate(a) => varies(&a.expr),
        Expr::Binary(b) => varies(&b.lhs) || varies(&b.rhs),
        Expr::Unary(u) => varies(&u.expr),
        Expr::Paren(p) => varies(&p.expr),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => false,
    }
}

/// What stands in parentheses.
pub(super) fn unwrapped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(p) => unwrapped(&p.expr),
        other => other,
    }
}

/// Orders an instant answer by value, NaN last; a range answer is ordered by labels.
pub(super) fn sorted(mut rows: Vec<Row>, descending: bool, grid: Grid) -> Vec<Row> {
    if grid.len == 1 {
        rows.sort_by(|a, b| {
            let (a, b) = (a.points[0], b.points[0]);
            match (a.is_nan(), b.is_nan()) {
                (true, true) => std::cmp::Ordering::Equal,
                (true, false) => std::cmp::Ordering::Greater,
                (false, true) => std::cmp::Ordering::Less,
                (false, false) if descending => b.partial_cmp(&a).unwrap_or(std::cmp::Ordering::Equal),
                (false, false) => a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal),
            }
        });
    }
    rows
}
