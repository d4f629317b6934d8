//! The functions of Loki's templates: those for text here, those for numbers in [`numbers`], for times in [`dates`], for other
//! ways to write a text in [`encodings`]; what every template has is in `crate::template`.

mod dates;
mod decimal;
mod encodings;
mod numbers;

use crate::template::{Function, Value, int, of, of_context, put, replace_all, replaced, text, times, title};
pub(crate) use encodings::query_escape;

type Result<T> = std::result::Result<T, String>;

/// All of them.
pub(super) const FUNCTIONS: &[&[Function]] =
    &[TEXT, numbers::FUNCTIONS, dates::FUNCTIONS, encodings::FUNCTIONS];

/// What Go and Loki know beside.
pub(super) const ELSEWHERE: &[&str] = &["call", "html", "js", "urlquery", "define", "template", "block"];

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
    Ok(format!("{pad}{}", replaced(text(&a[1])?, "\n", &format!("\n{pad}"), usize::MAX)?))
}

/// Bytes from and to, where those are ends of characters too.
fn slice(s: &str, from: usize, to: usize) -> Result<String> {
    let bytes = s.as_bytes().get(from..to).ok_or("slice bounds out of range")?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn align(a: &[Value], left: bool) -> Result<Value> {
    let (width, s) = (int(&a[0])?, text(&a[1])?);
    let Ok(width) = usize::try_from(width) else { return put(s) };
    let n = s.chars().count();
    if n >= width {
        let skip = if left { 0 } else { n - width };
        return put(s.chars().skip(skip).take(width).collect::<String>());
    }
    let pad = times(" ", (width - n) as i64)?;
    put(if left { format!("{s}{pad}") } else { format!("{pad}{s}") })
}

const TEXT: &[Function] = &[
    of_context(LINE, 0),
    of_context(TIMESTAMP, 0),
    of("ToLower", 1, |a| put(text(&a[0])?.to_lowercase())),
    of("lower", 1, |a| put(text(&a[0])?.to_lowercase())),
    of("ToUpper", 1, |a| put(text(&a[0])?.to_uppercase())),
    of("upper", 1, |a| put(text(&a[0])?.to_uppercase())),
    of("title", 1, |a| put(title(text(&a[0])?))),
    of("Replace", 4, |a| {
        let (s, from, to, n) = (text(&a[0])?, text(&a[1])?, text(&a[2])?, int(&a[3])?);
        put(replaced(s, from, to, usize::try_from(n).unwrap_or(usize::MAX))?)
    }),
    of("replace", 3, |a| put(replaced(text(&a[2])?, text(&a[0])?, text(&a[1])?, usize::MAX)?)),
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
    of("regexReplaceAll", 3, |a| put(replace_all(&regex(text(&a[0])?)?, text(&a[1])?, text(&a[2])?)?))
        .heavy(),
    of("regexReplaceAllLiteral", 3, |a| {
        let with = replaced(text(&a[2])?, "$", "$$", usize::MAX)?;
        put(replace_all(&regex(text(&a[0])?)?, text(&a[1])?, &with)?)
    })
    .heavy(),
    of("count", 2, |a| Ok(Value::Int(regex(text(&a[0])?)?.find_iter(text(&a[1])?).count() as i64))).heavy(),
    of("alignLeft", 2, |a| align(a, true)),
    of("alignRight", 2, |a| align(a, false)),
    of("default", 1, |a| Ok(a.get(1).filter(|given| !is_empty(given)).unwrap_or(&a[0]).clone()))
        .up_to(usize::MAX),
];
