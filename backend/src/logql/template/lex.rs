//! Splits a template into its text and the words of its actions.

use super::eval::Value;
use crate::logql::LogqlError;

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
    /// `.name`.
    Field(String),
    Value(Value),
    Open,
    Close,
    Pipe,
}

/// # Errors
/// What is wrong, in Go's words where it has some.
pub(super) fn pieces(source: &str) -> Result<Vec<Piece>, LogqlError> {
    let mut found = Vec::new();
    let mut rest = source;
    let mut trim = false;
    loop {
        let (text, action) = rest.split_once("{{").map_or((rest, None), |(t, a)| (t, Some(a)));
        let text = if trim { text.trim_start() } else { text };
        let trims_before = action.is_some_and(|a| a.starts_with("- "));
        let text = if trims_before { text.trim_end() } else { text };
        if !text.is_empty() {
            found.push(Piece::Text(text.to_owned()));
        }
        let Some(action) = action else { return Ok(found) };
        let action = if trims_before { &action[2..] } else { action };
        let body = action.trim_start();
        if let Some(comment) = body.strip_prefix("/*") {
            let unclosed = || LogqlError::stage("unclosed comment");
            let after = comment.split_once("*/").ok_or_else(unclosed)?.1.trim_start();
            trim = after.starts_with('-');
            rest = after
                .trim_start_matches('-')
                .strip_prefix("}}")
                .ok_or_else(|| LogqlError::stage("comment ends before closing delimiter"))?;
            continue;
        }
        let (words, trims, after) = words(action)?;
        found.push(Piece::Action(words));
        (trim, rest) = (trims, after);
    }
}

/// The words up to `}}`, whether the text behind is trimmed, and that text.
fn words(action: &str) -> Result<(Vec<Word>, bool, &str), LogqlError> {
    let wrong = |what: &str| LogqlError::stage(what);
    let missing = |what: &str| LogqlError::Unsupported(format!("{what} in a template"));
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
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (word, after) = match c {
            '(' => (Word::Open, &rest[1..]),
            ')' => (Word::Close, &rest[1..]),
            '|' => (Word::Pipe, &rest[1..]),
            '"' => {
                let (text, used) =
                    crate::logql::lexer::quoted(rest).ok_or_else(|| wrong("unterminated quoted string"))?;
                (Word::Value(Value::Text(text)), &rest[used..])
            }
            '`' => {
                let (text, after) =
                    rest[1..].split_once('`').ok_or_else(|| wrong("unterminated raw quoted string"))?;
                (Word::Value(Value::Text(text.to_owned())), after)
            }
            '.' => {
                let end = rest[1..].find(|c| !is_word(c)).map_or(rest.len(), |e| e + 1);
                if end == 1 || rest[end..].starts_with('.') {
                    return Err(missing("anything but a single field, such as .name,"));
                }
                (Word::Field(rest[1..end].to_owned()), &rest[end..])
            }
            '-' | '+' | '0'..='9' => {
                let end = rest[1..]
                    .find(|c: char| !c.is_alphanumeric() && c != '.' && c != '_')
                    .map_or(rest.len(), |e| e + 1);
                let number = number(&rest[..end])
                    .ok_or_else(|| wrong(&format!("bad number syntax: {:?}", &rest[..end])))?;
                (Word::Value(number), &rest[end..])
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let word = match &rest[..end] {
                    "true" => Word::Value(Value::Bool(true)),
                    "false" => Word::Value(Value::Bool(false)),
                    name => Word::Name(name.to_owned()),
                };
                (word, &rest[end..])
            }
            '$' | ':' | '=' => {
                return Err(missing("a variable"));
            }
            c => return Err(wrong(&format!("unexpected {c:?} in command"))),
        };
        words.push(word);
        rest = after;
    }
}

fn number(text: &str) -> Option<Value> {
    text.parse().map(Value::Int).ok().or_else(|| text.parse().map(Value::Float).ok())
}
