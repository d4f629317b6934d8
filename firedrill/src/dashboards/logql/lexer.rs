//! The words of LogQL.

use std::fmt;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A label, a function, a keyword.
    Name(String),
    /// In double quotes or backticks; escapes stay as they are written.
    Text(String),
    /// With its unit: `5`, `1.5`, `5m`, `10KB`.
    Number(String),
    /// Everything else.
    Symbol(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) | Self::Number(text) => f.write_str(text),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Symbol(text) => f.write_str(text),
        }
    }
}

/// Longer ones before those that begin them.
const SYMBOLS: [&str; 32] = [
    "--keep-empty",
    "--strict",
    "|=",
    "|~",
    "|>",
    "!=",
    "!~",
    "!>",
    "=~",
    "==",
    ">=",
    "<=",
    "|",
    "=",
    ">",
    "<",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    ":",
    ".",
    "@",
];

/// Cuts a query into its words, each with the byte where it begins.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let while_ = |f: fn(char) -> bool| rest.find(|c| !f(c)).unwrap_or(rest.len());
        let (length, token) = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '`' => {
                let end = closing(rest, c)
                    .ok_or_else(|| format!("the quote at character {} is not closed", at + 1))?;
                (end + 1, Token::Text(rest[1..end].to_owned()))
            }
            c if c.is_ascii_digit() => {
                let length = while_(|c| c.is_ascii_alphanumeric() || c == '.' || c == 'µ');
                (length, Token::Number(rest[..length].to_owned()))
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = while_(|c| c.is_ascii_alphanumeric() || c == '_');
                (length, Token::Name(rest[..length].to_owned()))
            }
            other => {
                let symbol = SYMBOLS.into_iter().find(|s| rest.starts_with(s));
                let symbol =
                    symbol.ok_or_else(|| format!("{other:?} at character {} has no meaning here", at + 1))?;
                (symbol.len(), Token::Symbol(symbol))
            }
        };
        found.push((at, token));
        at += length;
    }
    Ok(found)
}

/// The byte of the quote that ends a text; a backslash escapes only between double quotes.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}
