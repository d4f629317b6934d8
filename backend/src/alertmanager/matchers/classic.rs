//! The classic way: a name of ASCII, an operator, and the rest, in quotes or not. It is tolerant: what looks like no escape
//! is none.

use super::{Op, Written};

/// Any number of conditions, with commas between them outside of quotes, in braces or not.
pub(super) fn matchers(text: &str) -> Result<Vec<Written>, String> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            ',' if !quoted => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            '"' => {
                quoted ^= !escaped;
                escaped = false;
            }
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
        part.push(c);
    }
    if !part.trim().is_empty() {
        parts.push(part);
    }
    parts.iter().map(|part| matcher(part)).collect()
}

/// One condition.
pub(super) fn matcher(text: &str) -> Result<Written, String> {
    let bad = || format!("bad matcher format: {text}");
    let rest = text.trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).ok_or_else(bad)?;
    let (name, rest) = rest.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let rest = rest.trim_start();
    let ops = [("=~", Op::Matches), ("=", Op::Equal), ("!=", Op::NotEqual), ("!~", Op::NotMatches)];
    let found = ops.into_iter().find_map(|(written, op)| Some((op, rest.strip_prefix(written)?)));
    let (op, rest) = found.ok_or_else(bad)?;
    Ok((name.to_owned(), op, value(rest.trim())?))
}

/// A value, its quotes taken off and its escapes undone.
fn value(raw: &str) -> Result<String, String> {
    let unescaped = || format!("matcher value contains unescaped double quote: {raw}");
    let quoted = raw.strip_prefix('"');
    let mut value = String::new();
    let mut rest = quoted.unwrap_or(raw).chars();
    let mut open = quoted.is_some();
    while let Some(c) = rest.next() {
        match (c, rest.as_str().chars().next()) {
            ('\\', Some('n')) => {
                rest.next();
                value.push('\n');
            }
            ('\\', Some(c @ ('"' | '\\'))) => {
                rest.next();
                value.push(c);
            }
            ('"', None) if open => open = false,
            ('"', _) => return Err(unescaped()),
            (c, _) => value.push(c),
        }
    }
    if open { Err(unescaped()) } else { Ok(value) }
}
