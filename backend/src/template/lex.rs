//! Splits a template into its text and the words of its actions.

use super::{TemplateError, Value};

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Action(Vec<Word>),
}

/// A word of an action.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// A function or keyword.
    Name(String),
    /// `.`, `.name`, `.name.of.it`.
    Dot(Vec<String>),
    /// `$name`, `$name.of.it`.
    Variable(String, Vec<String>),
    Value(Value),
    Open,
    /// A closing parenthesis, and the fields named behind it.
    Close(Vec<String>),
    Pipe,
    Comma,
    /// `:=`.
    Declare,
    /// `=`.
    Assign,
}

/// # Errors
/// What is wrong, in Go's words where it has some.
pub(super) fn pieces(source: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut found = Vec::new();
    let mut rest = source;
    let mut trim = false;
    loop {
        let (text, action) = rest.split_once("{{").map_or((rest, None), |(t, a)| (t, Some(a)));
        let text = if trim { text.trim_start() } else { text };
        let trims_before =
            action.is_some_and(|a| a.strip_prefix('-').is_some_and(|a| a.starts_with(char::is_whitespace)));
        let text = if trims_before { text.trim_end() } else { text };
        if !text.is_empty() {
            found.push(Piece::Text(text.to_owned()));
        }
        let Some(action) = action else { return Ok(found) };
        let action = if trims_before { &action[1..] } else { action };
        let body = action.trim_start();
        if let Some(comment) = body.strip_prefix("/*") {
            let unclosed = || TemplateError::wrong("unclosed comment");
            let after = comment.split_once("*/").ok_or_else(unclosed)?.1.trim_start();
            trim = after.starts_with('-');
            rest = after
                .trim_start_matches('-')
                .strip_prefix("}}")
                .ok_or_else(|| TemplateError::wrong("comment ends before closing delimiter"))?;
            continue;
        }
        let (words, trims, after) = words(action)?;
        found.push(Piece::Action(words));
        (trim, rest) = (trims, after);
    }
}

/// The words up to `}}`, whether the text behind is trimmed, and that text.
fn words(action: &str) -> Result<(Vec<Word>, bool, &str), TemplateError> {
    let wrong = |what: &str| TemplateError::wrong(what);
    let mut words = Vec::new();
    let mut rest = action;
    loop {
        let before = rest;
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("}}") {
            return Ok((words, false, after));
        }
        if before.len() > rest.len()
            && let Some(after) = rest.strip_prefix("-}}")
        {
            return Ok((words, true, after));
        }
        let c = rest.chars().next().ok_or_else(|| wrong("unclosed action"))?;
        let (word, after) = match c {
            '(' => (Word::Open, &rest[1..]),
            ')' => {
                let (path, after) = fields(&rest[1..])?;
                (Word::Close(path), after)
            }
            '|' => (Word::Pipe, &rest[1..]),
            ',' => (Word::Comma, &rest[1..]),
            ':' if rest.starts_with(":=") => (Word::Declare, &rest[2..]),
            '=' => (Word::Assign, &rest[1..]),
            '"' => {
                let (text, used) =
                    crate::logql::quoted(rest).ok_or_else(|| wrong("unterminated quoted string"))?;
                (Word::Value(Value::Text(text)), &rest[used..])
            }
            '`' => {
                let (text, after) =
                    rest[1..].split_once('`').ok_or_else(|| wrong("unterminated raw quoted string"))?;
                (Word::Value(Value::Text(text.to_owned())), after)
            }
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => number(rest)?,
            '.' => match fields(rest)? {
                (path, after) if path.is_empty() => (Word::Dot(path), &after[1..]),
                (path, after) => (Word::Dot(path), after),
            },
            '$' => {
                let (name, after) = name(&rest[1..]);
                let (path, after) = fields(after)?;
                (Word::Variable(format!("${name}"), path), after)
            }
            '-' | '+' | '0'..='9' => number(rest)?,
            c if c.is_alphabetic() || c == '_' => {
                let (name, after) = name(rest);
                let word = match name {
                    "true" => Word::Value(Value::Bool(true)),
                    "false" => Word::Value(Value::Bool(false)),
                    "nil" => Word::Value(Value::Nothing),
                    name => Word::Name(name.to_owned()),
                };
                (word, after)
            }
            c => return Err(wrong(&format!("unexpected {c:?} in command"))),
        };
        words.push(word);
        rest = after;
    }
}

/// Letters, digits and underscores, and what follows them.
fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len()))
}

/// `.name.of.it`, and what follows; nothing where there is no name behind the first point.
fn fields(text: &str) -> Result<(Vec<String>, &str), TemplateError> {
    let mut path = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('.') {
        let (name, after) = name(after);
        match (name.is_empty(), path.is_empty()) {
            (true, true) if !after.starts_with('.') => break,
            (true, _) => return Err(TemplateError::wrong("unexpected . after term")),
            _ => path.push(name.to_owned()),
        }
        rest = after;
    }
    Ok((path, rest))
}

fn number(text: &str) -> Result<(Word, &str), TemplateError> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_');
    let first = text.chars().next().map_or(0, char::len_utf8);
    let from = |start: usize| text[start..].find(|c| !inside(c)).map_or(text.len(), |e| e + start);
    let mut end = from(first);
    // The sign of an exponent.
    if text[..end].ends_with(['e', 'E']) && text[end..].starts_with(['+', '-']) {
        end = from(end + 1);
    }
    let digits = &text[..end];
    let value = digits.parse().map(Value::Int).ok().or_else(|| digits.parse().map(Value::Float).ok());
    match value {
        Some(value) => Ok((Word::Value(value), &text[end..])),
        None => Err(TemplateError::wrong(format!("bad number syntax: {digits:?}"))),
    }
}
