//! Reading `key=value` lines, as go-logfmt does: a key is anything above a space but `=` and `"`, a value is bare or
//! quoted.

use super::json::{Stop, unescape};

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) String);

/// Calls `field` for each pair; a key without a value has an empty one. `Ok(Some)` is what made `field` stop.
///
/// # Errors
/// What is wrong, where `strict`; otherwise what is wrong is stepped over.
pub(crate) fn each_pair(
    line: &str,
    strict: bool,
    mut field: impl FnMut(&str, &str) -> Result<(), Stop>,
) -> Result<Option<Stop>, Fault> {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(|c: char| c <= ' ');
        if rest.is_empty() {
            return Ok(None);
        }
        match pair(rest) {
            Ok((key, value, after)) => {
                if let Err(stop) = field(key, &value) {
                    return Ok(Some(stop));
                }
                rest = after;
            }
            Err((what, at, _)) if strict => {
                return Err(Fault(format!(
                    "logfmt syntax error at pos {} : {what}",
                    line.len() - at.len() + 1
                )));
            }
            Err((_, _, after)) => rest = after,
        }
    }
}

type Pair<'l> = (&'l str, std::borrow::Cow<'l, str>, &'l str);
/// What is wrong, where, and where to go on.
type Wrong<'l> = (String, &'l str, &'l str);

/// The pair that `text` starts with, and what follows.
fn pair(text: &str) -> Result<Pair<'_>, Wrong<'_>> {
    let skip = |at: &str| at.find(|c: char| c <= ' ').unwrap_or(at.len());
    let unexpected = |c: char, at| Err((format!("unexpected {c:?}"), at, &at[skip(at)..]));
    let end = text.find(|c: char| c <= ' ' || c == '=' || c == '"').unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    if key.contains('\u{fffd}') {
        return Err(("invalid key".to_owned(), rest, &rest[skip(rest)..]));
    }
    match rest.as_bytes().first() {
        Some(b'"') => return unexpected('"', rest),
        Some(b'=') if key.is_empty() => return unexpected('=', rest),
        Some(b'=') => {}
        _ => return Ok((key, "".into(), rest)),
    }
    let rest = &rest[1..];
    if let Some(inner) = rest.strip_prefix('"') {
        let Some(end) = quote(inner) else {
            let end = &rest[rest.len()..];
            return Err(("unterminated quoted value".to_owned(), end, end));
        };
        let after = &inner[end + 1..];
        return match unescape(&inner[..end]) {
            Some(value) => Ok((key, value.into(), after)),
            None => Err(("invalid quoted value".to_owned(), after, after)),
        };
    }
    let end = rest.find(|c: char| c <= ' ' || c == '=' || c == '"').unwrap_or(rest.len());
    let (value, after) = rest.split_at(end);
    match after.chars().next() {
        Some(c @ ('=' | '"')) => unexpected(c, after),
        _ => Ok((key, value.into(), after)),
    }
}

/// Where the closing quote is.
fn quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|b| {
        let ends = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(line: &str, strict: bool) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let ended = each_pair(line, strict, |k, v| {
            found.push(format!("{k}={v}"));
            Ok(())
        });
        (found, ended.is_ok())
    }

    #[test]
    fn values_are_bare_or_quoted_or_missing() {
        let (found, ok) = pairs(r#" a=b msg="x \"y\"" bare c= "#, true);
        assert!(ok);
        assert_eq!(found, ["a=b", "msg=x \"y\"", "bare=", "c="]);
    }

    #[test]
    fn a_fault_ends_a_strict_reading_only() {
        assert!(!pairs(r#"a="b"#, true).1);
        assert!(pairs(r#"a="b"#, false).1);
        assert_eq!(pairs("=x b=1 c=d=e f", false).0, ["b=1", "f="]);
        assert_eq!(pairs(r#"a=1 b="open c=2"#, false).0, ["a=1"]);
        assert_eq!(pairs(r#"a="\q" b=2"#, false).0, ["b=2"]);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,60}", broken in r#"[=" a\\é]{0,40}"#) {
            let _ = (pairs(&line, true), pairs(&line, false), pairs(&broken, true), pairs(&broken, false));
        }
    }
}
