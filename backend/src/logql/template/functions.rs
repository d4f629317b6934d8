//! The functions of templates: those for text here, those for numbers in [`numbers`], `printf` in [`printf`].

mod numbers;
mod printf;

use super::Source;
use super::eval::Value;
use crate::logql::LogqlError;

/// A function by its name.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    least: usize,
    most: usize,
    run: Run,
}

type Result<T> = std::result::Result<T, String>;

#[derive(Debug, Clone, Copy)]
enum Run {
    Values(fn(&[Value]) -> Result<Value>),
    Entry(fn(&dyn Source) -> Value),
}

impl Function {
    /// # Errors
    /// There are too few or too many arguments, or the function cannot work with them.
    pub(super) fn call(&self, arguments: &[Value], from: &dyn Source) -> Result<Value> {
        let (name, got) = (self.name, arguments.len());
        if got < self.least || got > self.most {
            let want = if self.most == usize::MAX {
                format!("at least {}", self.least)
            } else {
                self.least.to_string()
            };
            return Err(format!("wrong number of args for {name}: want {want} got {got}"));
        }
        match self.run {
            Run::Values(run) => run(arguments).map_err(|e| format!("error calling {name}: {e}")),
            Run::Entry(run) => Ok(run(from)),
        }
    }
}

/// # Errors
/// There is no such function here.
pub(super) fn find(name: &str) -> std::result::Result<&'static Function, LogqlError> {
    let known = [TEXT, numbers::FUNCTIONS].into_iter().flatten().find(|f| f.name == name);
    known.ok_or_else(|| match name {
        _ if ELSEWHERE.contains(&name) => LogqlError::Unsupported(format!("the template function {name:?}")),
        _ => LogqlError::stage(format!("function {name:?} not defined")),
    })
}

/// What Go and Loki know beside.
const ELSEWHERE: [&str; 21] = [
    "b64enc",
    "b64dec",
    "fromJson",
    "date",
    "toDate",
    "toDateInZone",
    "unixToTime",
    "now",
    "call",
    "html",
    "index",
    "slice",
    "js",
    "print",
    "println",
    "urlquery",
    "range",
    "with",
    "define",
    "template",
    "block",
];

const fn of(name: &'static str, arguments: usize, run: fn(&[Value]) -> Result<Value>) -> Function {
    Function { name, least: arguments, most: arguments, run: Run::Values(run) }
}

const fn at_least(name: &'static str, arguments: usize, run: fn(&[Value]) -> Result<Value>) -> Function {
    Function { name, least: arguments, most: usize::MAX, run: Run::Values(run) }
}

/// An argument that has to be text.
fn text(value: &Value) -> Result<&str> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(format!("wrong type for value; expected string; got {}", kind(other))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "string",
        Value::Int(_) => "int",
        Value::Float(_) => "float64",
        Value::Bool(_) => "bool",
        Value::Time(_) => "time.Time",
    }
}

/// An argument that has to be a whole number.
fn int(value: &Value) -> Result<i64> {
    match value {
        Value::Int(n) => Ok(*n),
        other => Err(format!("wrong type for value; expected int; got {}", kind(other))),
    }
}

fn put(text: impl Into<String>) -> Result<Value> {
    Ok(Value::Text(text.into()))
}

/// The longest text that `repeat`, `indent` and the like may make.
const MAX_TEXT: usize = 1 << 20;

fn times(piece: &str, n: i64) -> Result<String> {
    let n = usize::try_from(n).map_err(|_| "strings: negative Repeat count".to_owned())?;
    if piece.len().saturating_mul(n) > MAX_TEXT {
        return Err(format!("the text is longer than {MAX_TEXT} bytes"));
    }
    Ok(piece.repeat(n))
}

fn regex(pattern: &str) -> Result<crate::matcher::GoRegex> {
    crate::matcher::compile(pattern)
}

fn any_of(cutset: &str) -> impl Fn(char) -> bool {
    move |c| cutset.contains(c)
}

/// Whether Go's templates and sprig's `default` take it for empty.
fn is_empty(value: &Value) -> bool {
    !value.is_true()
}

fn indent(a: &[Value]) -> Result<String> {
    let pad = times(" ", int(&a[0])?)?;
    Ok(format!("{pad}{}", text(&a[1])?.replace('\n', &format!("\n{pad}"))))
}

/// Bytes from and to, where those are ends of characters too.
fn slice(s: &str, from: usize, to: usize) -> Result<String> {
    let bytes = s.as_bytes().get(from..to).ok_or("slice bounds out of range")?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn align(a: &[Value], left: bool) -> Result<Value> {
    let (width, s) = (usize::try_from(int(&a[0])?).unwrap_or(0), text(&a[1])?);
    let n = s.chars().count();
    if n >= width {
        let skip = if left { 0 } else { n - width };
        return put(s.chars().skip(skip).take(width).collect::<String>());
    }
    let pad = times(" ", (width - n) as i64)?;
    put(if left { format!("{s}{pad}") } else { format!("{pad}{s}") })
}

/// The first letter of each word in upper case.
fn title(s: &str) -> String {
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

fn query_escape(s: &str) -> String {
    let mut out = String::new();
    for b in s.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn query_unescape(s: &str) -> Result<String> {
    let mut out = Vec::new();
    let mut bytes = s.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                let (high, low) = (digit(), digit());
                high.zip(low).map(|(h, l)| (h * 16 + l) as u8).ok_or("invalid URL escape")?
            }
            b => b,
        });
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The order of two values of one kind.
fn order(a: &Value, b: &Value) -> Result<Option<std::cmp::Ordering>> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Ok(Some(a.cmp(b))),
        _ => Err("incompatible types for comparison".to_owned()),
    }
}

fn is(a: &[Value], accept: fn(std::cmp::Ordering) -> bool) -> Result<Value> {
    Ok(Value::Bool(order(&a[0], &a[1])?.is_some_and(accept)))
}

const TEXT: &[Function] = &[
    Function { name: "__line__", least: 0, most: 0, run: Run::Entry(|f| Value::Text(f.line().to_owned())) },
    Function { name: "__timestamp__", least: 0, most: 0, run: Run::Entry(|f| Value::Time(f.ts_ns())) },
    of("ToLower", 1, |a| put(text(&a[0])?.to_lowercase())),
    of("lower", 1, |a| put(text(&a[0])?.to_lowercase())),
    of("ToUpper", 1, |a| put(text(&a[0])?.to_uppercase())),
    of("upper", 1, |a| put(text(&a[0])?.to_uppercase())),
    of("title", 1, |a| put(title(text(&a[0])?))),
    of("Replace", 4, |a| {
        let (s, from, to, n) = (text(&a[0])?, text(&a[1])?, text(&a[2])?, int(&a[3])?);
        put(usize::try_from(n).map_or_else(|_| s.replace(from, to), |n| s.replacen(from, to, n)))
    }),
    of("replace", 3, |a| put(text(&a[2])?.replace(text(&a[0])?, text(&a[1])?))),
    of("Trim", 2, |a| put(text(&a[0])?.trim_matches(any_of(text(&a[1])?)))),
    of("TrimLeft", 2, |a| put(text(&a[0])?.trim_start_matches(any_of(text(&a[1])?)))),
    of("TrimRight", 2, |a| put(text(&a[0])?.trim_end_matches(any_of(text(&a[1])?)))),
    of("TrimPrefix", 2, |a| put(text(&a[0])?.strip_prefix(text(&a[1])?).unwrap_or(text(&a[0])?))),
    of("TrimSuffix", 2, |a| put(text(&a[0])?.strip_suffix(text(&a[1])?).unwrap_or(text(&a[0])?))),
    of("TrimSpace", 1, |a| put(text(&a[0])?.trim())),
    of("trim", 1, |a| put(text(&a[0])?.trim())),
    of("trimAll", 2, |a| put(text(&a[1])?.trim_matches(any_of(text(&a[0])?)))),
    of("trimPrefix", 2, |a| put(text(&a[1])?.strip_prefix(text(&a[0])?).unwrap_or(text(&a[1])?))),
    of("trimSuffix", 2, |a| put(text(&a[1])?.strip_suffix(text(&a[0])?).unwrap_or(text(&a[1])?))),
    of("trunc", 2, |a| {
        let (n, s) = (int(&a[0])?, text(&a[1])?);
        let size = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
        if size >= s.len() {
            put(s)
        } else if n < 0 {
            put(slice(s, s.len() - size, s.len())?)
        } else {
            put(slice(s, 0, size)?)
        }
    }),
    of("substr", 3, |a| {
        let (from, to, s) = (int(&a[0])?, int(&a[1])?, text(&a[2])?);
        let end = usize::try_from(to).map_or(s.len(), |to| to.min(s.len()));
        put(slice(s, usize::try_from(from).unwrap_or(0), end)?)
    }),
    of("indent", 2, |a| put(indent(a)?)),
    of("nindent", 2, |a| put(format!("\n{}", indent(a)?))),
    of("repeat", 2, |a| put(times(text(&a[1])?, int(&a[0])?)?)),
    of("contains", 2, |a| Ok(Value::Bool(text(&a[1])?.contains(text(&a[0])?)))),
    of("hasPrefix", 2, |a| Ok(Value::Bool(text(&a[1])?.starts_with(text(&a[0])?)))),
    of("hasSuffix", 2, |a| Ok(Value::Bool(text(&a[1])?.ends_with(text(&a[0])?)))),
    of("regexReplaceAll", 3, |a| put(regex(text(&a[0])?)?.replace_all(text(&a[1])?, text(&a[2])?))),
    of("regexReplaceAllLiteral", 3, |a| {
        put(regex(text(&a[0])?)?.replace_all(text(&a[1])?, regex::NoExpand(text(&a[2])?)))
    }),
    of("count", 2, |a| Ok(Value::Int(regex(text(&a[0])?)?.find_iter(text(&a[1])?).count() as i64))),
    of("alignLeft", 2, |a| align(a, true)),
    of("alignRight", 2, |a| align(a, false)),
    of("urlencode", 1, |a| put(query_escape(text(&a[0])?))),
    of("urldecode", 1, |a| put(query_unescape(text(&a[0])?)?)),
    of("default", 2, |a| Ok(if is_empty(&a[1]) { a[0].clone() } else { a[1].clone() })),
    of("len", 1, |a| Ok(Value::Int(text(&a[0])?.len() as i64))),
    of("not", 1, |a| Ok(Value::Bool(!a[0].is_true()))),
    at_least("and", 1, |a| Ok(a.iter().find(|v| !v.is_true()).unwrap_or(&a[a.len() - 1]).clone())),
    at_least("or", 1, |a| Ok(a.iter().find(|v| v.is_true()).unwrap_or(&a[a.len() - 1]).clone())),
    at_least("eq", 2, |a| {
        let equal = |b| order(&a[0], b).map(|o| o == Some(std::cmp::Ordering::Equal));
        a[1..].iter().try_fold(false, |any, b| Ok(any || equal(b)?)).map(Value::Bool)
    }),
    of("ne", 2, |a| Ok(Value::Bool(order(&a[0], &a[1])? != Some(std::cmp::Ordering::Equal)))),
    of("lt", 2, |a| is(a, std::cmp::Ordering::is_lt)),
    of("le", 2, |a| is(a, std::cmp::Ordering::is_le)),
    of("gt", 2, |a| is(a, std::cmp::Ordering::is_gt)),
    of("ge", 2, |a| is(a, std::cmp::Ordering::is_ge)),
    at_least("printf", 1, |a| put(printf::print(text(&a[0])?, &a[1..])?)),
];
