//! The functions of templates: what one is, and those that every dialect has.

use std::cmp::Ordering;

use super::value::Value;
use super::{Context, MAX_OUTPUT, MAX_WORK, printf};
use crate::matcher::{GoRegex, expanded_at_most};

type Result<T> = std::result::Result<T, String>;

/// A function by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    pub(super) name: &'static str,
    least: usize,
    most: usize,
    pub(super) run: Run,
    /// Whether it does much more with a text than to go over it.
    is_heavy: bool,
}

/// What a function does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    /// It looks at its arguments alone.
    Values(fn(&[Value]) -> Result<Value>),
    /// The first of its arguments for which this holds, or the last: what is behind that one is not looked at.
    First(fn(&Value) -> bool),
    /// What the data say: [`Context::call`].
    Context,
}

impl Function {
    /// # Errors
    /// There are too few or too many arguments, or the function cannot work with them.
    pub(super) fn call(&self, arguments: &[Value], from: &dyn Context) -> Result<Value> {
        self.takes(arguments.len())?;
        let answer = match self.run {
            Run::Values(run) => run(arguments),
            Run::First(stops) => {
                let found = arguments.iter().find(|v| stops(v)).or(arguments.last());
                found.cloned().ok_or_else(|| "missing value".to_owned())
            }
            Run::Context => from.call(self.name, arguments),
        };
        let fits = |value: Value| {
            if let Value::Text(text) = &value {
                bounded(text.len())?;
            }
            Ok(value)
        };
        answer.and_then(fits).map_err(|e: String| format!("error calling {}: {e}", self.name))
    }

    /// # Errors
    /// There are too few or too many arguments.
    pub(super) fn takes(&self, got: usize) -> Result<()> {
        if (self.least..=self.most).contains(&got) {
            return Ok(());
        }
        let least = if self.most > self.least { "at least " } else { "" };
        Err(format!("wrong number of args for {}: want {least}{} got {got}", self.name, self.least))
    }

    /// What a call costs of the work that a template may do.
    pub(super) fn cost(&self, arguments: &[Value]) -> usize {
        let bytes = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
        let bytes: usize = arguments.iter().map(bytes).sum();
        if self.is_heavy { HEAVY_CALL + bytes.saturating_mul(32) } else { CALL + bytes }
    }

    /// One that does much more with a text than to go over it: it compiles it, or makes values of it.
    pub(crate) const fn heavy(self) -> Self {
        Self { is_heavy: true, ..self }
    }

    /// One that may have more arguments, up to so many.
    pub(crate) const fn up_to(self, most: usize) -> Self {
        Self { most, ..self }
    }
}

/// What a call costs beside its texts, as if it were so many bytes.
const CALL: usize = 64;
const HEAVY_CALL: usize = 64 << 10;

const fn new(name: &'static str, least: usize, run: Run) -> Function {
    Function { name, least, most: least, run, is_heavy: false }
}

/// A function of so many arguments.
pub(crate) const fn of(
    name: &'static str,
    arguments: usize,
    run: fn(&[Value]) -> std::result::Result<Value, String>,
) -> Function {
    new(name, arguments, Run::Values(run))
}

/// A function of so many arguments or more.
pub(crate) const fn at_least(
    name: &'static str,
    arguments: usize,
    run: fn(&[Value]) -> std::result::Result<Value, String>,
) -> Function {
    of(name, arguments, run).up_to(usize::MAX)
}

/// A function of so many arguments that the data answer: [`Context::call`].
pub(crate) const fn of_context(name: &'static str, arguments: usize) -> Function {
    new(name, arguments, Run::Context)
}

/// # Errors
/// A text of so many bytes is longer than one may be.
pub(crate) fn bounded(bytes: usize) -> Result<()> {
    if bytes > MAX_OUTPUT { Err(format!("the text is longer than {MAX_OUTPUT} bytes")) } else { Ok(()) }
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
    bounded(piece.len().saturating_mul(n))?;
    Ok(piece.repeat(n))
}

/// A text with the first places of `from`, so many at most, replaced, within the bound of what a template may make.
pub(crate) fn replaced(s: &str, from: &str, to: &str, most: usize) -> Result<String> {
    let places = s.matches(from).take(most).count();
    bounded(s.len().saturating_add(places.saturating_mul(to.len())))?;
    Ok(s.replacen(from, to, most))
}

/// A text with what a regex finds replaced by an expansion, within the bound of what a template may make.
pub(crate) fn replace_all(regex: &GoRegex, s: &str, with: &str) -> Result<String> {
    if expanded_at_most(with, s) > MAX_WORK {
        return Err(format!("the replacement may become longer than {MAX_OUTPUT} bytes"));
    }
    let (mut out, mut end) = (String::new(), 0);
    for found in regex.captures_iter(s) {
        let Some(place) = found.get(0) else { continue };
        out.push_str(&s[end..place.start()]);
        found.expand(with, &mut out);
        end = place.end();
        bounded(out.len())?;
    }
    out.push_str(&s[end..]);
    Ok(out)
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

/// Whether two values are equal. Nothing is equal to nothing alone.
fn equal(a: &Value, b: &Value) -> Result<bool> {
    match (a, b) {
        (Value::Nothing, other) | (other, Value::Nothing) => Ok(*other == Value::Nothing),
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        _ => Ok(order(a, b)? == Some(Ordering::Equal)),
    }
}

fn length(value: &Value) -> Result<Value> {
    let n = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) | Value::Object(entries) => entries.len(),
        other => return Err(format!("len of type {}", other.kind())),
    };
    Ok(Value::Int(n as i64))
}

/// A part of a text or list, from one place up to another.
fn slice(a: &[Value]) -> Result<Value> {
    let len = match &a[0] {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        other => return Err(format!("can't slice item of type {}", other.kind())),
    };
    let place = |i: usize, otherwise: usize| match a.get(i).map(int).transpose()? {
        None => Ok(otherwise),
        Some(n) => {
            usize::try_from(n).ok().filter(|n| *n <= len).ok_or_else(|| format!("index out of range: {n}"))
        }
    };
    let (from, to) = (place(1, 0)?, place(2, len)?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match &a[0] {
        Value::List(items) => Value::List(items[from..to].into()),
        Value::Text(text) => Value::Text(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()),
        _ => Value::Nothing,
    })
}

/// Values one behind the other; Go puts a space where neither neighbour is text.
fn print(a: &[Value]) -> Result<Value> {
    let mut out = String::new();
    for (i, value) in a.iter().enumerate() {
        let beside = i > 0 && !matches!((&a[i - 1], value), (Value::Text(_), _) | (_, Value::Text(_)));
        out += if beside { " " } else { "" };
        out += &value.print()?;
        bounded(out.len())?;
    }
    put(out)
}

fn print_line(a: &[Value]) -> Result<Value> {
    let mut out = String::new();
    for (i, value) in a.iter().enumerate() {
        out += if i > 0 { " " } else { "" };
        out += &value.print()?;
        bounded(out.len())?;
    }
    put(out + "\n")
}

/// Functions of Go's templates themselves.
pub(super) const CORE: &[Function] = &[
    of("not", 1, |a| Ok(Value::Bool(!a[0].is_true()))),
    new("and", 1, Run::First(|value| !value.is_true())).up_to(usize::MAX),
    new("or", 1, Run::First(Value::is_true)).up_to(usize::MAX),
    at_least("eq", 2, |a| {
        a[1..].iter().try_fold(false, |any, b| Ok(any || equal(&a[0], b)?)).map(Value::Bool)
    }),
    of("ne", 2, |a| Ok(Value::Bool(!equal(&a[0], &a[1])?))),
    of("lt", 2, |a| is(a, Ordering::is_lt)),
    of("le", 2, |a| is(a, Ordering::is_le)),
    of("gt", 2, |a| is(a, Ordering::is_gt)),
    of("ge", 2, |a| is(a, Ordering::is_ge)),
    of("len", 1, |a| length(&a[0])),
    at_least("index", 1, |a| a[1..].iter().try_fold(a[0].clone(), |value, key| value.at(key))),
    of("slice", 1, slice).up_to(3),
    at_least("printf", 1, |a| put(printf::print(text(&a[0])?, &a[1..])?)),
    at_least("print", 0, print),
    at_least("println", 0, print_line),
];
