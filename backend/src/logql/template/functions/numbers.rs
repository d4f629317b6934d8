//! Arithmetic, and texts as numbers. The functions on whole numbers and those on fractions (`addf`, …) differ, as sprig's
//! do: what cannot be read counts as zero.

use super::Result;
use crate::logql::units;
use crate::template::{Function, Value, at_least, of, text};

/// A whole number, whatever it comes as.
fn whole(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::Text(text) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

fn fraction(value: &Value) -> f64 {
    match value {
        Value::Int(n) => *n as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(*b),
        Value::Text(text) => text.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

fn fold(a: &[Value], f: fn(i64, i64) -> Option<i64>) -> Result<Value> {
    let mut values = a.iter().map(whole);
    let first = values.next().unwrap_or(0);
    let folded = values.try_fold(first, f);
    folded.map(Value::Int).ok_or_else(|| "integer divide by zero or overflow".to_owned())
}

/// Sprig counts in decimal: 0.1 and 0.2 are 0.3. Fifteen digits of the binary result are the same for what is short.
fn fold_fractions(a: &[Value], f: fn(f64, f64) -> f64) -> Result<Value> {
    let folded = a.iter().map(fraction).reduce(f).unwrap_or(0.0);
    Ok(Value::Float(format!("{folded:.14e}").parse().unwrap_or(folded)))
}

/// Halves go away from zero, as sprig rounds.
fn round(value: f64, places: i64) -> f64 {
    let factor = 10f64.powi(i32::try_from(places.clamp(0, 15)).unwrap_or(0));
    (value * factor).round() / factor
}

pub(super) const FUNCTIONS: &[Function] = &[
    of("int", 1, |a| Ok(Value::Int(whole(&a[0])))),
    of("float64", 1, |a| Ok(Value::Float(fraction(&a[0])))),
    at_least("add", 1, |a| fold(a, i64::checked_add)),
    of("sub", 2, |a| fold(a, i64::checked_sub)),
    at_least("mul", 1, |a| fold(a, i64::checked_mul)),
    of("div", 2, |a| fold(a, i64::checked_div)),
    of("mod", 2, |a| fold(a, i64::checked_rem)),
    at_least("max", 1, |a| fold(a, |x, y| Some(x.max(y)))),
    at_least("min", 1, |a| fold(a, |x, y| Some(x.min(y)))),
    at_least("addf", 1, |a| fold_fractions(a, |x, y| x + y)),
    at_least("subf", 1, |a| fold_fractions(a, |x, y| x - y)),
    at_least("mulf", 1, |a| fold_fractions(a, |x, y| x * y)),
    at_least("divf", 1, |a| fold_fractions(a, |x, y| x / y)),
    at_least("maxf", 1, |a| Ok(Value::Float(a.iter().map(fraction).fold(f64::NEG_INFINITY, f64::max)))),
    at_least("minf", 1, |a| Ok(Value::Float(a.iter().map(fraction).fold(f64::INFINITY, f64::min)))),
    of("floor", 1, |a| Ok(Value::Float(fraction(&a[0]).floor()))),
    of("ceil", 1, |a| Ok(Value::Float(fraction(&a[0]).ceil()))),
    of("round", 2, |a| Ok(Value::Float(round(fraction(&a[0]), whole(&a[1]))))),
    of("bytes", 1, |a| {
        let size = units::bytes(text(&a[0])?).ok_or("the text is not a size")?;
        Ok(Value::Float(size))
    }),
    of("duration", 1, seconds),
    of("duration_seconds", 1, seconds),
    of("unixEpoch", 1, |a| epoch(a, 1_000_000_000)),
    of("unixEpochMillis", 1, |a| epoch(a, 1_000_000)),
    of("unixEpochNanos", 1, |a| epoch(a, 1)),
];

fn seconds(a: &[Value]) -> Result<Value> {
    let ns = units::go_duration(text(&a[0])?).ok_or("the text is not a duration")?;
    Ok(Value::Float(units::seconds(ns)))
}

/// The text of a time in some unit since 1970.
fn epoch(a: &[Value], unit: i64) -> Result<Value> {
    match a[0] {
        Value::Time(ns) => Ok(Value::Text(ns.div_euclid(unit).to_string())),
        _ => Err("wrong type for value; expected time.Time".to_owned()),
    }
}
