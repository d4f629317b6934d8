//! Functions of instant vectors and scalars, and the way to those of other files.

use promql_parser::parser::{Call, Expr};

use super::eval::Evaluator;
use super::value::{Grid, Row, Value, absent, is_present, merge};
use super::{QueryError, absent as absence, dates, histogram, math, order, range, relabel};
use crate::labels::Labels;

pub(super) fn call(evaluator: &Evaluator<'_>, call: &Call, grid: Grid) -> Result<Value, QueryError> {
    if let Some(rows) = range::call(evaluator, call, grid)? {
        return Ok(Value::Vector(rows));
    }
    let args = &call.args.args;
    let arg = |i: usize| -> Result<&Expr, QueryError> {
        args.get(i).map(|a| &**a).ok_or_else(|| QueryError::execution("an argument is missing"))
    };
    let vector = |i| evaluator.vector(arg(i)?, grid);
    let scalar = |i| evaluator.scalar(arg(i)?, grid);
    let name = call.func.name;
    if let Some(f) = math::named(name) {
        return map(vector(0)?, |_, v| f(v));
    }
    if let Some(f) = dates::named(name) {
        // Without an argument they speak of the time of evaluation.
        let now = || Row { labels: Labels::default(), points: whole_seconds(grid) };
        let rows = if args.is_empty() { vec![now()] } else { vector(0)? };
        return map(rows, |_, v| f(v));
    }
    match name {
        "round" => {
            let to = if args.len() > 1 { scalar(1)? } else { vec![1.0; grid.len] };
            map(vector(0)?, |i, v| math::round(v, to[i]))
        }
        "clamp" => clamp(vector(0)?, &scalar(1)?, &scalar(2)?),
        "clamp_min" => clamp(vector(0)?, &scalar(1)?, &vec![f64::INFINITY; grid.len]),
        "clamp_max" => clamp(vector(0)?, &vec![f64::NEG_INFINITY; grid.len], &scalar(1)?),
        "time" => Ok(Value::Scalar(grid.times().map(|t| t as f64 / 1000.0).collect())),
        "pi" => Ok(Value::Scalar(vec![std::f64::consts::PI; grid.len])),
        "vector" => Ok(Value::Vector(vec![Row { labels: Labels::default(), points: scalar(0)? }])),
        "scalar" => Ok(Value::Scalar(to_scalar(&vector(0)?, grid))),
        "timestamp" => timestamp(evaluator, arg(0)?, grid),
        "absent" | "absent_over_time" => absence::call(evaluator, call, arg(0)?, grid).map(Value::Vector),
        "sort" | "sort_desc" => {
            let rows = vector(0)?;
            // A subquery's steps are a range, too.
            if grid.start != grid.end && order::varies(arg(0)?) {
                let at = evaluator.place(call);
                evaluator.notes().warn(
                    "sort is ineffective for range queries since results are always ordered by labels"
                        .to_owned(),
                    at,
                );
            }
            Ok(Value::Vector(order::sorted(rows, name == "sort_desc", grid)))
        }
        "histogram_quantile" => {
            histogram::quantiles(evaluator, call, &scalar(0)?, vector(1)?, grid).map(Value::Vector)
        }
        "histogram_fraction" => {
            let (lower, upper) = (scalar(0)?, scalar(1)?);
            histogram::fractions(evaluator, call, &lower, &upper, vector(2)?, grid).map(Value::Vector)
        }
        "histogram_avg" | "histogram_count" | "histogram_sum" | "histogram_stddev" | "histogram_stdvar" => {
            Err(QueryError::unsupported(format!("the function {name}(), of native histograms,")))
        }
        "label_replace" => {
            let text = |i| text(arg(i)?);
            relabel::replace(evaluator, vector(0)?, text(1)?, text(2)?, text(3)?, text(4)?).map(Value::Vector)
        }
        "label_join" => {
            let names: Vec<&str> = args.iter().skip(3).map(|a| text(a)).collect::<Result<_, _>>()?;
            relabel::join(evaluator, vector(0)?, text(arg(1)?)?, text(arg(2)?)?, &names).map(Value::Vector)
        }
        other => Err(QueryError::unsupported(format!("the function {other}()"))),
    }
}

fn whole_seconds(grid: Grid) -> Vec<f64> {
    grid.times().map(|t| (t / 1000) as f64).collect()
}

fn map(rows: Vec<Row>, f: impl Fn(usize, f64) -> f64) -> Result<Value, QueryError> {
    let rows =
        rows.into_iter().map(|row| Row { labels: row.labels.without_name(), points: row.points }.map(&f));
    merge(rows.collect()).map(Value::Vector)
}

fn clamp(mut rows: Vec<Row>, min: &[f64], max: &[f64]) -> Result<Value, QueryError> {
    for row in &mut rows {
        for (i, v) in row.points.iter_mut().enumerate() {
            if max[i] < min[i] {
                *v = absent();
            }
        }
    }
    map(rows, |i, v| math::max(min[i], math::min(max[i], v)))
}

fn to_scalar(rows: &[Row], grid: Grid) -> Vec<f64> {
    let at = |i: usize| {
        let mut present = rows.iter().map(|r| r.points[i]).filter(|v| is_present(*v));
        match (present.next(), present.next()) {
            (Some(only), None) => only,
            _ => f64::NAN,
        }
    };
    (0..grid.len).map(at).collect()
}

fn timestamp(evaluator: &Evaluator<'_>, arg: &Expr, grid: Grid) -> Result<Value, QueryError> {
    // Of a selector it is the sample's own time; of anything computed, the step's.
    let rows = match order::unwrapped(arg) {
        Expr::VectorSelector(selector) => evaluator.select_with(selector, grid, |s| s.t as f64 / 1000.0)?,
        _ => {
            let at = |row: Row| row.map(|i, _| grid.time(i) as f64 / 1000.0);
            evaluator.vector(arg, grid)?.into_iter().map(at).collect()
        }
    };
    map(rows, |_, v| v)
}

fn text(expr: &Expr) -> Result<&str, QueryError> {
    match expr {
        Expr::StringLiteral(s) => Ok(&s.val),
        Expr::Paren(p) => text(&p.expr),
        _ => Err(QueryError::execution("expected a string")),
    }
}
