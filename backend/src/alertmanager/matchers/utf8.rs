//! The way that knows all of UTF-8: a name and a value, each in double quotes with Go's escapes or without quotes and
//! without reserved characters.

use super::{Op, Written, is_reserved};
use crate::logql::quoted;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Op(Op),
    Text(String),
}

/// Any number of conditions, in braces or not, with a comma after the last one or not.
pub(super) fn matchers(text: &str) -> Result<Vec<Written>, String> {
    let tokens = tokens(text)?;
    let mut rest = tokens.as_slice();
    let braces = rest.first() == Some(&Token::Open);
    if braces {
        rest = &rest[1..];
    }
    let mut found = Vec::new();
    loop {
        match rest {
            [Token::Text(name), Token::Op(op), Token::Text(value), after @ ..] => {
                found.push((name.clone(), *op, value.clone()));
                rest = match after {
                    [Token::Comma, after @ ..] => after,
                    [] | [Token::Close, ..] => after,
                    _ => return Err("expected a comma or close brace".to_owned()),
                };
            }
            [] if !braces => return Ok(found),
            [Token::Close] if braces => return Ok(found),
            _ => return Err("expected a label name, an operator and a label value".to_owned()),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '{' => (Token::Open, 1),
            '}' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '=' if rest.starts_with("=~") => (Token::Op(Op::Matches), 2),
            '=' => (Token::Op(Op::Equal), 1),
            '!' if rest.starts_with("!=") => (Token::Op(Op::NotEqual), 2),
            '!' if rest.starts_with("!~") => (Token::Op(Op::NotMatches), 2),
            '"' => {
                let (value, length) = quoted(rest).ok_or_else(|| format!("{rest}: invalid input"))?;
                (Token::Text(value), length)
            }
            c if is_reserved(c) => return Err(format!("{rest}: invalid input")),
            _ => {
                let length = rest.find(is_reserved).unwrap_or(rest.len());
                (Token::Text(rest[..length].to_owned()), length)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_gos() {
        let value = |text: &str| matchers(text).ok().and_then(|mut found| Some(found.pop()?.2));
        assert_eq!(value(r#"a="\x41\102\u00e9\"\\\t""#).as_deref(), Some("ABé\"\\\t"));
        for wrong in [r#"a="\q""#, r#"a="\u12""#, r#"a="\x4""#, r#"a="\ud800""#] {
            assert_eq!(value(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn braces_come_in_pairs() {
        for (text, count) in [
            ("{a=b}", Some(1)),
            ("{a=b", None),
            ("a=b}", None),
            ("{a=b}c", None),
            ("{{a=b}}", None),
            ("{a=b,}", Some(1)),
            ("{,}", None),
        ] {
            assert_eq!(matchers(text).ok().map(|found| found.len()), count, "{text}");
        }
    }
}
