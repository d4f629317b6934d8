//! Arithmetic, and texts as numbers. The functions on whole numbers and those on fractions (`addf`, …) differ, as sprig's
//! do: what cannot be read counts as zero.

use super::Result;
use super::decimal::Decimal;
use crate::logql::units;
use crate::template::{Function, Value, at_least, int, of, text};

/// A whole number, whatever it comes as.
fn whole(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::Text(text) => read_whole(text).unwrap_or(0),
        _ => 0,
    }
}

/// Go's notations of whole numbers. What is behind a point of decimal digits is left out.
fn read_whole(text: &str) -> Option<i64> {
    let is_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let unsigned = |s: &str| is_digits(s.strip_prefix(['-', '+']).unwrap_or(s));
    let text = match text.split_once('.') {
        Some((whole, places)) if unsigned(whole) && is_digits(places) => match whole {
            "" | "-" | "+" => return Some(0),
            whole => whole,
        },
        _ => text,
    };
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    // One of them between two digits, or behind what tells the radix.
    if digits.contains("__") || digits.ends_with('_') || radix == 10 && digits.starts_with('_') {
        return None;
    }
    let digits = digits.replace('_', "");
    let sign = if negative { "-" } else { "" };
    if digits.starts_with(['-', '+']) {
        None
    } else {
        i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
    }
}

fn fraction(value: &Value) -> f64 {
    match value {
        Value::Int(n) => *n as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(*b),
        Value::Text(text) => units::plain(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

fn fold(a: &[Value], f: fn(i64, i64) -> Option<i64>) -> Result<Value> {
    let mut values = a.iter().map(whole);
    let first = values.next().unwrap_or(0);
    let folded = values.try_fold(first, f);
    folded.map(Value::Int).ok_or_else(|| "integer divide by zero or overflow".to_owned())
}

fn decimals(a: &[Value], f: fn(&Decimal, &Decimal) -> Result<Decimal>) -> Result<Value> {
    let mut values = a.iter().map(|value| Decimal::of(fraction(value)));
    let first = values.next().unwrap_or_else(|| Decimal::of(0.0))?;
    let folded = values.try_fold(first, |sum, value| f(&sum, &value?))?;
    Ok(Value::Float(folded.value()))
}

/// The first and the others, of which one that is no number wins, as in Go.
fn fractions(a: &[Value], f: fn(f64, f64) -> f64) -> Value {
    let either = |x: f64, y: f64| if x.is_nan() || y.is_nan() { f64::NAN } else { f(x, y) };
    Value::Float(a.iter().map(fraction).reduce(either).unwrap_or(0.0))
}

/// Up where what is left is at least a half, or another share; else down, which for what is below zero is away from it:
/// as sprig rounds.
fn round(a: &[Value]) -> Result<Value> {
    let up_from = match a.get(2) {
        None => 0.5,
        Some(Value::Float(share)) => *share,
        Some(Value::Int(share)) => *share as f64,
        Some(other) => return Err(format!("wrong type for value; expected float64; got {}", other.kind())),
    };
    let places = i32::try_from(int(&a[1])?).unwrap_or(if whole(&a[1]) < 0 { i32::MIN } else { i32::MAX });
    let power = 10f64.powi(places);
    let digits = power * fraction(&a[0]);
    let rounded = if digits.fract() >= up_from { digits.ceil() } else { digits.floor() };
    Ok(Value::Float(rounded / power))
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
    at_least("addf", 1, |a| decimals(a, |x, y| Ok(x.add(y)))),
    at_least("subf", 1, |a| decimals(a, |x, y| Ok(x.sub(y)))),
    at_least("mulf", 1, |a| decimals(a, |x, y| Ok(x.mul(y)))),
    at_least("divf", 1, |a| decimals(a, Decimal::div)),
    at_least("maxf", 1, |a| Ok(fractions(a, f64::max))),
    at_least("minf", 1, |a| Ok(fractions(a, f64::min))),
    of("floor", 1, |a| Ok(Value::Float(fraction(&a[0]).floor()))),
    of("ceil", 1, |a| Ok(Value::Float(fraction(&a[0]).ceil()))),
    of("round", 2, round).up_to(3),
    of("bytes", 1, |a| {
        let size = units::bytes(text(&a[0])?).ok_or("the text is not a size")?;
        Ok(Value::Float(size))
    }),
    of("duration", 1, seconds),
    of("duration_seconds", 1, seconds),
];

fn seconds(a: &[Value]) -> Result<Value> {
    let ns = units::go_duration(text(&a[0])?).ok_or("the text is not a duration")?;
    Ok(Value::Float(units::seconds(ns)))
}
