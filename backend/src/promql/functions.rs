//! Functions of instant vectors and scalars, and the way to those of other files.

use promql_parser::parser::{Call, Expr};

use super::eval::Evaluator;
use super::value::{Grid, Row, Value, absent, is_present, merge};
use super::{QueryError, histogram, range, select};
use crate::labels::Labels;
use crate::matcher::{Op, anchored};

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
    let scalar_or = |i, default: f64| {
        if args.len() > i { scalar(i) } else { Ok(vec![default; grid.len]) }
    };
    let each = |f: fn(f64) -> f64| map(vector(0)?, |_, v| f(v));
    match call.func.name {
        "abs" => each(f64::abs),
        "ceil" => each(f64::ceil),
        "floor" => each(f64::floor),
        "sqrt" => each(f64::sqrt),
        "exp" => each(f64::exp),
        "ln" => each(f64::ln),
        "log2" => each(f64::log2),
        "log10" => each(f64::log10),
        "sgn" => each(|v| {
            if v > 0.0 {
                1.0
            } else if v < 0.0 {
                -1.0
            } else {
                v
            }
        }),
        "round" => {
            let to = scalar_or(1, 1.0)?;
            // The inverse keeps 0.1-like steps from adding their own rounding, as in Prometheus.
            map(vector(0)?, |i, v| {
                let inverse = 1.0 / to[i];
                (v * inverse + 0.5).floor() / inverse
            })
        }
        "clamp" => {
            let (min, max) = (scalar(1)?, scalar(2)?);
            let rows = vector(0)?.into_iter().map(|mut row| {
                for (i, v) in row.points.iter_mut().enumerate() {
                    if max[i] < min[i] {
                        *v = absent();
                    }
                }
                row
            });
            map(rows.collect(), |i, v| go_max(min[i], go_min(max[i], v)))
        }
        "clamp_min" => {
            let min = scalar(1)?;
            map(vector(0)?, |i, v| go_max(min[i], v))
        }
        "clamp_max" => {
            let max = scalar(1)?;
            map(vector(0)?, |i, v| go_min(max[i], v))
        }
        "time" => Ok(Value::Scalar(grid.times().map(|t| t as f64 / 1000.0).collect())),
        "pi" => Ok(Value::Scalar(vec![std::f64::consts::PI; grid.len])),
        "vector" => Ok(Value::Vector(vec![Row { labels: Labels::default(), points: scalar(0)? }])),
        "scalar" => Ok(Value::Scalar(to_scalar(&vector(0)?, grid))),
        "timestamp" => timestamp(evaluator, arg(0)?, grid),
        "absent" => Ok(Value::Vector(missing(&vector(0)?, arg(0)?, grid))),
        "absent_over_time" => {
            let mut rows = Vec::new();
            evaluator.each_window(arg(0)?, grid, |labels, windows| {
                rows.push(Row { labels: labels.clone(), points: windows.map(|_, _| Some(1.0)) });
                Ok(())
            })?;
            Ok(Value::Vector(missing(&rows, arg(0)?, grid)))
        }
        "sort" => Ok(Value::Vector(sorted(vector(0)?, false, grid))),
        "sort_desc" => Ok(Value::Vector(sorted(vector(0)?, true, grid))),
        "histogram_quantile" => histogram::eval(&scalar(0)?, vector(1)?, grid).map(Value::Vector),
        "label_replace" => {
            let text = |i| text(arg(i)?);
            label_replace(vector(0)?, text(1)?, text(2)?, text(3)?, text(4)?).map(Value::Vector)
        }
        "label_join" => {
            let names: Vec<&str> = args.iter().skip(3).map(|a| text(a)).collect::<Result<_, _>>()?;
            label_join(vector(0)?, text(arg(1)?)?, text(arg(2)?)?, &names).map(Value::Vector)
        }
        other => Err(QueryError::unsupported(format!("the function {other}()"))),
    }
}

/// Go's `math.Max`: NaN wins.
fn go_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// Go's `math.Min`: NaN wins.
fn go_min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn map(rows: Vec<Row>, f: impl Fn(usize, f64) -> f64) -> Result<Value, QueryError> {
    let rows =
        rows.into_iter().map(|row| Row { labels: row.labels.without_name(), points: row.points }.map(&f));
    merge(rows.collect()).map(Value::Vector)
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
    let mut inner = arg;
    while let Expr::Paren(p) = inner {
        inner = &p.expr;
    }
    // Of a selector it is the sample's own time; of anything computed, the step's.
    let rows = match inner {
        Expr::VectorSelector(selector) => evaluator.select_with(selector, grid, |s| s.t as f64 / 1000.0)?,
        _ => {
            let at = |row: Row| row.map(|i, _| grid.time(i) as f64 / 1000.0);
            evaluator.vector(arg, grid)?.into_iter().map(at).collect()
        }
    };
    map(rows, |_, v| v)
}

/// `1` wherever no row has a value, labelled by what the selector asked to be equal.
fn missing(rows: &[Row], arg: &Expr, grid: Grid) -> Vec<Row> {
    let points: Vec<f64> = (0..grid.len)
        .map(|i| if rows.iter().any(|r| is_present(r.points[i])) { absent() } else { 1.0 })
        .collect();
    let row = Row { labels: asked_for(arg), points };
    if row.has_any() { vec![row] } else { Vec::new() }
}

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

/// Orders an instant answer by value, NaN last; a range answer has no order by value.
fn sorted(mut rows: Vec<Row>, descending: bool, grid: Grid) -> Vec<Row> {
    if grid.len == 1 {
        rows.sort_by(|a, b| {
            let (a, b) = (a.points[0], b.points[0]);
            match (a.is_nan(), b.is_nan()) {
                (true, true) => std::cmp::Ordering::Equal,
                (true, false) => std::cmp::Ordering::Greater,
                (false, true) => std::cmp::Ordering::Less,
                (false, false) if descending => b.total_cmp(&a),
                (false, false) => a.total_cmp(&b),
            }
        });
    }
    rows
}

fn text(expr: &Expr) -> Result<&str, QueryError> {
    match expr {
        Expr::StringLiteral(s) => Ok(&s.val),
        Expr::Paren(p) => text(&p.expr),
        _ => Err(QueryError::execution("expected a string")),
    }
}

fn is_label_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn label_replace(
    rows: Vec<Row>,
    dst: &str,
    with: &str,
    src: &str,
    pattern: &str,
) -> Result<Vec<Row>, QueryError> {
    let regex = anchored(pattern).map_err(|_| {
        QueryError::Execution(format!("invalid regular expression in label_replace(): {pattern}"))
    })?;
    if !is_label_name(dst) {
        return Err(QueryError::Execution(format!(
            "invalid destination label name in label_replace(): {dst}"
        )));
    }
    let rows = rows.into_iter().map(|row| {
        let Some(found) = regex.captures(row.labels.get(src)) else { return row };
        let mut value = String::new();
        found.expand(with, &mut value);
        let labels = row.labels.with(dst, &value);
        Row { labels, ..row }
    });
    merge(rows.collect())
}

fn label_join(rows: Vec<Row>, dst: &str, separator: &str, names: &[&str]) -> Result<Vec<Row>, QueryError> {
    if !is_label_name(dst) {
        return Err(QueryError::Execution(format!("invalid destination label name in label_join(): {dst}")));
    }
    let rows = rows.into_iter().map(|row| {
        let values: Vec<&str> = names.iter().map(|n| row.labels.get(n)).collect();
        let labels = row.labels.with(dst, &values.join(separator));
        Row { labels, ..row }
    });
    merge(rows.collect())
}
