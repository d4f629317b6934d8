//! Functions over a range: runs what `rate` and `over_time` define over the windows of each series.

use promql_parser::parser::{Call, Expr};

use super::QueryError;
use super::eval::Evaluator;
use super::numeric::quantile;
use super::over_time;
use super::rate::{extrapolated, last_two, regression};
use super::select::Window;
use super::value::{Grid, Row, merge};
use crate::labels::NAME;

/// Evaluates a function whose argument is a range vector; `None` when it is not one.
pub(super) fn call(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: Grid,
) -> Result<Option<Vec<Row>>, QueryError> {
    let simple: fn(&Window<'_>, f64) -> Option<f64> = match call.func.name {
        "rate" => |w, range| extrapolated(w, true, true, range),
        "increase" => |w, range| extrapolated(w, true, false, range),
        "delta" => |w, range| extrapolated(w, false, false, range),
        "irate" => |w, _| last_two(w, true),
        "idelta" => |w, _| last_two(w, false),
        "deriv" => |w, _| regression(w, w.samples.first().map_or(0, |s| s.t)).map(|(slope, _)| slope),
        "sum_over_time" => return each(evaluator, call, grid, over_time::growing_sum).map(Some),
        "quantile_over_time" => return over_quantile(evaluator, call, grid).map(Some),
        "predict_linear" => return predict(evaluator, call, grid).map(Some),
        name => {
            let Some(f) = over_time::named(name) else { return Ok(None) };
            return each(evaluator, call, grid, || |_, w: &Window<'_>, _| f(w)).map(Some);
        }
    };
    each(evaluator, call, grid, || |_, window: &Window<'_>, range| simple(window, range)).map(Some)
}

/// Runs a function over each window: it is given the step, the window and the range's length in seconds. For each series
/// one is made anew, so that it may remember.
fn each<F: FnMut(usize, &Window<'_>, f64) -> Option<f64>>(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: Grid,
    make: impl Fn() -> F,
) -> Result<Vec<Row>, QueryError> {
    let arg = range_argument(call)?;
    let keeps_name = matches!(call.func.name, "first_over_time" | "last_over_time");
    let wants_counter = matches!(call.func.name, "rate" | "increase");
    let mut rows = Vec::new();
    evaluator.each_window(arg, grid, |labels, windows| {
        let range_s = windows.range_ms as f64 / 1000.0;
        let mut f = make();
        let points = windows.map(|i, window| f(i, &window, range_s));
        let row_labels = if keeps_name { labels.clone() } else { labels.without_name() };
        let row = Row { labels: row_labels, points };
        if wants_counter && row.has_any() {
            // Prometheus says of a subquery that it stands at the very start.
            let is_subquery = matches!(arg, Expr::Subquery(_));
            let at = if is_subquery { Some(0) } else { evaluator.place_of_arg(call, 0) };
            evaluator.notes().maybe_no_counter(labels.get(NAME), at);
        }
        rows.push(row);
        Ok(())
    })?;
    merge(rows)
}

fn range_argument(call: &Call) -> Result<&Expr, QueryError> {
    let i = usize::from(call.func.name == "quantile_over_time");
    call.args.args.get(i).map(|a| &**a).ok_or_else(|| QueryError::execution("an argument is missing"))
}

fn scalar_argument(
    evaluator: &Evaluator<'_>,
    call: &Call,
    i: usize,
    grid: Grid,
) -> Result<Vec<f64>, QueryError> {
    let arg = call.args.args.get(i).ok_or_else(|| QueryError::execution("an argument is missing"))?;
    evaluator.scalar(arg, grid)
}

fn over_quantile(evaluator: &Evaluator<'_>, call: &Call, grid: Grid) -> Result<Vec<Row>, QueryError> {
    let q = scalar_argument(evaluator, call, 0, grid)?;
    let place = evaluator.place_of_arg(call, 0);
    each(evaluator, call, grid, || {
        |i: usize, window: &Window<'_>, _| {
            evaluator.notes().bad_quantile(q[i], place);
            Some(quantile(q[i], window.values().collect()))
        }
    })
}

fn predict(evaluator: &Evaluator<'_>, call: &Call, grid: Grid) -> Result<Vec<Row>, QueryError> {
    let ahead = scalar_argument(evaluator, call, 1, grid)?;
    each(evaluator, call, grid, || {
        |i: usize, window: &Window<'_>, _| {
            regression(window, grid.time(i)).map(|(slope, intercept)| slope * ahead[i] + intercept)
        }
    })
}
