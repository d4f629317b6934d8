//! `absent` and `absent_over_time`: one where there is nothing.

use promql_parser::parser::{Call, Expr};

use super::eval::Evaluator;
use super::value::{Grid, Row, absent, is_present};
use super::{QueryError, select};
use crate::labels::Labels;
use crate::matcher::Op;

/// Evaluates either of the two.
pub(super) fn call(
    evaluator: &Evaluator<'_>,
    call: &Call,
    arg: &Expr,
    grid: Grid,
) -> Result<Vec<Row>, QueryError> {
    if call.func.name == "absent" {
        return Ok(missing(&evaluator.vector(arg, grid)?, arg, grid));
    }
    let mut rows = Vec::new();
    evaluator.each_window(arg, grid, |labels, windows| {
        rows.push(Row { labels: labels.clone(), points: windows.map(|_, _| Some(1.0)) });
        Ok(())
    })?;
    Ok(missing(&rows, arg, grid))
}

/// `1` wherever no row has a value, labelled by what the selector asked to be equal.
fn missing(rows: &[Row], arg: &Expr, grid: Grid) -> Vec<Row> {
    let points: Vec<f64> = (0..grid.len)
        .map(|i| if rows.iter().any(|r| is_present(r.points[i])) { absent() } else { 1.0 })
        .collect();
    let row = Row { labels: asked_for(arg), points };
    if row.has_any() { vec![row] } else { Vec::new() }
}

/// The labels that a selector asks to equal something; of anything else, none.
fn asked_for(arg: &Expr) -> Labels {
    let selector = match arg {
        Expr::Paren(p) => return asked_for(&p.expr),
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(m) => &m.vs,
        _ => return Labels::default(),
    };
    let matchers = select::matchers_of(selector).unwrap_or_default();
    let times = |name: &str| matchers.iter().filter(|m| m.name == name).count();
    let equal = matchers.iter().filter_map(|m| match &m.op {
        // A label named twice cannot be known.
        Op::Equal(v) if times(&m.name) == 1 => Some((m.name.as_str(), v.as_str())),
        _ => None,
    });
    Labels::new(equal).without_name()
}
