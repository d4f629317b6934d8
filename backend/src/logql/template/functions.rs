//! The functions of Loki's templates: those for text here, those for numbers in [`numbers`]; what every template has is in
//! `crate::template`.

mod decimal;
mod numbers;

use crate::template::{Function, Run, Value, int, of, put, text, times, title};

type Result<T> = std::result::Result<T, String>;

/// All of them.
pub(super) const FUNCTIONS: &[&[Function]] = &[TEXT, numbers::FUNCTIONS];

/// What Go and Loki know beside.
pub(super) const ELSEWHERE: &[&str] = &[
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

/// What a line itself says: its text and its time.
pub(super) const LINE: &str = "__line__";
pub(super) const TIMESTAMP: &str = "__timestamp__";

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

pub(crate) fn query_escape(s: &str) -> String {
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

const TEXT: &[Function] = &[
    Function { name: LINE, least: 0, most: 0, run: Run::Context },
    Function { name: TIMESTAMP, least: 0, most: 0, run: Run::Context },
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
];
