//! The functions of templates: what one is, and those that every dialect has.

use std::cmp::Ordering;

use super::value::Value;
use super::{Context, MAX_OUTPUT, printf};

type Result<T> = std::result::Result<T, String>;

/// A function by its name.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) run: Run,
}

/// What a function does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// It looks at its arguments alone.
    Values(fn(&[Value]) -> Result<Value>),
    /// What the data say: [`Context::call`].
    Context,
}

impl Function {
    /// # Errors
    /// There are too few or too many arguments, or the function cannot work with them.
    pub(super) fn call(&self, arguments: &[Value], from: &dyn Context) -> Result<Value> {
        let (name, got) = (self.name, arguments.len());
        if got < self.least || got > self.most {
            let want = if self.most == usize::MAX {
                format!("at least {}", self.least)
            } else {
                self.least.to_string()
            };
            return Err(format!("wrong number of args for {name}: want {want} got {got}"));
        }
        let answer = match self.run {
            Run::Values(run) => run(arguments),
            Run::Context => from.call(name, arguments),
        };
        answer.map_err(|e| format!("error calling {name}: {e}"))
    }
}

/// A function of so many arguments.
pub(crate) const fn of(
    name: &'static str,
    arguments: usize,
    run: fn(&[Value]) -> std::result::Result<Value, String>,
) -> Function {
    Function { name, least: arguments, most: arguments, run: Run::Values(run) }
}

/// A function of so many arguments or more.
pub(crate) const fn at_least(
    name: &'static str,
    arguments: usize,
    run: fn(&[Value]) -> std::result::Result<Value, String>,
) -> Function {
    Function { name, least: arguments, most: usize::MAX, run: Run::Values(run) }
}

/// An argument that has to be text.
pub(crate) fn text(value: &Value) -> Result<&str> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(format!("wrong type for value; expected string; got {}", other.kind())),
    }
}

/// An argument that has to be a whole number.
pub(crate) fn int(value: &Value) -> Result<i64> {
    match value {
        Value::Int(n) => Ok(*n),
        other => Err(format!("wrong type for value; expected int; got {}", other.kind())),
    }
}

/// Text as a result.
pub(crate) fn put(text: impl Into<String>) -> Result<Value> {
    Ok(Value::Text(text.into()))
}

/// A piece so many times, within the bound of what a template may make.
pub(crate) fn times(piece: &str, n: i64) -> Result<String> {
    let n = usize::try_from(n).map_err(|_| "strings: negative Repeat count".to_owned())?;
    if piece.len().saturating_mul(n) > MAX_OUTPUT {
        return Err(format!("the text is longer than {MAX_OUTPUT} bytes"));
    }
    Ok(piece.repeat(n))
}

/// The first letter of each word in upper case.
pub(crate) fn title(s: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        let inside = before.is_alphanumeric() || before == '_' || before == '\'';
        if inside {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        before = c;
    }
    out
}

/// The order of two values of one kind.
fn order(a: &Value, b: &Value) -> Result<Option<Ordering>> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Ok(Some(a.cmp(b))),
        _ => Err("incompatible types for comparison".to_owned()),
    }
}

fn is(a: &[Value], accept: fn(Ordering) -> bool) -> Result<Value> {
    Ok(Value::Bool(order(&a[0], &a[1])?.is_some_and(accept)))
}

fn length(value: &Value) -> Result<Value> {
    let n = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => return Err(format!("len of type {}", other.kind())),
    };
    Ok(Value::Int(n as i64))
}

/// Functions of Go's templates themselves.
pub(super) const CORE: &[Function] = &[
    of("not", 1, |a| Ok(Value::Bool(!a[0].is_true()))),
    at_least("and", 1, |a| Ok(a.iter().find(|v| !v.is_true()).unwrap_or(&a[a.len() - 1]).clone())),
    at_least("or", 1, |a| Ok(a.iter().find(|v| v.is_true()).unwrap_or(&a[a.len() - 1]).clone())),
    at_least("eq", 2, |a| {
        let equal = |b| order(&a[0], b).map(|o| o == Some(Ordering::Equal));
        a[1..].iter().try_fold(false, |any, b| Ok(any || equal(b)?)).map(Value::Bool)
    }),
    of("ne", 2, |a| Ok(Value::Bool(order(&a[0], &a[1])? != Some(Ordering::Equal)))),
    of("lt", 2, |a| is(a, Ordering::is_lt)),
    of("le", 2, |a| is(a, Ordering::is_le)),
    of("gt", 2, |a| is(a, Ordering::is_gt)),
    of("ge", 2, |a| is(a, Ordering::is_ge)),
    of("len", 1, |a| length(&a[0])),
    at_least("printf", 1, |a| put(printf::print(text(&a[0])?, &a[1..])?)),
];
