//! Splits LogQL into tokens, each with the column it starts at.

use super::LogqlError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    /// A number with its unit, as written: `5`, `1.5s`, `10KB`.
    Number(String),
    Symbol(&'static str),
}

/// Longest symbols first, so that `|=` is not read as `|`.
const SYMBOLS: [&str; 27] = [
    "|=", "|~", "|>", "!>", "!=", "!~", "=~", "==", ">=", "<=", "{", "}", "(", ")", "[", "]", ",", "|", "=",
    ">", "<", "+", "-", "*", "/", "%", "^",
];

pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, LogqlError> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let at = text.len() - rest.len();
        let col = text[..at].chars().count() + 1;
        let Some(first) = rest.chars().next() else { return Ok(out) };
        let wrong = |message: &str| LogqlError::Parse { col, message: message.to_owned() };
        let (token, used) = if first == '"' {
            quoted(rest).ok_or_else(|| wrong("literal not terminated"))?
        } else if first == '`' {
            let end = rest[1..].find('`').ok_or_else(|| wrong("literal not terminated"))?;
            (Token::Text(rest[1..=end].to_owned()), end + 2)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Name(rest[..end].to_owned()), end)
        } else if first.is_ascii_digit() {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != 'µ').unwrap_or(rest.len());
            (Token::Number(rest[..end].to_owned()), end)
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            return Err(wrong("syntax error: unexpected $unk"));
        };
        out.push((col, token));
        rest = &rest[used..];
    }
}

/// A double-quoted string with Go's escapes.
fn quoted(text: &str) -> Option<(Token, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((Token::Text(value), i + 1)),
            '\\' => {
                let (_, escaped) = chars.next()?;
                let digits = match escaped {
                    'n' => {
                        value.push('\n');
                        continue;
                    }
                    't' => {
                        value.push('\t');
                        continue;
                    }
                    'r' => {
                        value.push('\r');
                        continue;
                    }
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    c @ ('"' | '\\' | '\'') => {
                        value.push(c);
                        continue;
                    }
                    _ => return None,
                };
                let mut code = 0;
                for _ in 0..digits {
                    code = code * 16 + chars.next()?.1.to_digit(16)?;
                }
                value.push(char::from_u32(code)?);
            }
            c => value.push(c),
        }
    }
    None
}
