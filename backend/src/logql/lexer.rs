//! Splits LogQL into tokens, each with the byte it starts at. What means something in LogQL is told from a name here,
//! where the function's parenthesis decides: `count` alone may be a label.

use super::LogqlError;
use super::units::{bytes, go_duration};
use crate::duration;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    /// A word that can be no name, in lower case.
    Keyword(&'static str),
    /// A function or operation, with its parenthesis (or grouping) behind it.
    Function(&'static str),
    Text(String),
    /// A number as written.
    Number(String),
    /// Nanoseconds.
    Duration(i64),
    Bytes(f64),
    /// What stands in brackets, nanoseconds.
    Range(i64),
    /// `--strict` and the like.
    Flag(&'static str),
    Symbol(&'static str),
}

/// Longest symbols first, so that `|=` is not read as `|`.
const SYMBOLS: [&str; 25] = [
    "|=", "|~", "|>", "!>", "!=", "!~", "=~", "==", ">=", "<=", "{", "}", "(", ")", "]", ",", "|", "=", ">",
    "<", "+", "-", "*", "/", "%",
];

const FLAGS: [&str; 2] = ["--strict", "--keep-empty"];

const KEYWORDS: [&str; 24] = [
    "by",
    "without",
    "bool",
    "offset",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "or",
    "and",
    "unless",
    "json",
    "regexp",
    "logfmt",
    "unpack",
    "pattern",
    "label_format",
    "line_format",
    "decolorize",
    "drop",
    "keep",
    "variants",
    "of",
    "unwrap",
];

const FUNCTIONS: [&str; 33] = [
    "rate",
    "rate_counter",
    "count_over_time",
    "bytes_rate",
    "bytes_over_time",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "stdvar_over_time",
    "stddev_over_time",
    "quantile_over_time",
    "first_over_time",
    "last_over_time",
    "absent_over_time",
    "vector",
    "sum",
    "avg",
    "max",
    "min",
    "count",
    "stddev",
    "stdvar",
    "bottomk",
    "topk",
    "sort",
    "sort_desc",
    "label_replace",
    "approx_topk",
    "bytes",
    "duration",
    "duration_seconds",
    "ip",
];

impl Token {
    /// What Loki's parser calls it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Name(_) => "IDENTIFIER".to_owned(),
            Self::Keyword(word) | Self::Function(word @ ("label_replace" | "ip")) => (*word).to_owned(),
            Self::Function(word @ ("bytes" | "duration" | "duration_seconds")) => {
                format!("{}_CONV", word.to_uppercase())
            }
            Self::Function(word) => word.to_uppercase(),
            Self::Text(_) => "STRING".to_owned(),
            Self::Number(_) => "NUMBER".to_owned(),
            Self::Duration(_) => "DURATION".to_owned(),
            Self::Bytes(_) => "BYTES".to_owned(),
            Self::Range(_) => "RANGE".to_owned(),
            Self::Flag(_) => "FUNCTION_FLAG".to_owned(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
        }
    }
}

pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, LogqlError> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(after) = comment(rest) {
            rest = after;
            continue;
        }
        let at = text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(out) };
        let wrong = |message: String| LogqlError::at(text, at, message);
        let flag = FLAGS.iter().find(|f| is_flag(rest, f));
        let negative = (first == '-').then(|| unit_end(rest, 1, is_duration)).flatten();
        let negative = negative.and_then(|end| Some((go_duration(&rest[..end])?, end)));
        let unfinished = || wrong("literal not terminated".to_owned());
        let (token, used) = match first {
            '"' => {
                let (value, used) = quoted(rest).ok_or_else(unfinished)?;
                (Token::Text(value), used)
            }
            '`' => {
                let end = rest[1..].find('`').ok_or_else(unfinished)?;
                (Token::Text(rest[1..=end].replace('\r', "")), end + 2)
            }
            '[' => {
                // Loki has lost the line by then.
                let wrong = |message: String| match wrong(message) {
                    LogqlError::Parse { col, message, .. } => LogqlError::Parse { line: 0, col, message },
                    other => other,
                };
                let end =
                    rest.find(']').ok_or_else(|| wrong("missing closing ']' in duration".to_owned()))?;
                (Token::Range(duration::read(&rest[1..end]).map_err(wrong)?), end + 1)
            }
            '-' => match (flag, negative) {
                (Some(flag), _) => (Token::Flag(flag), flag.len()),
                (None, Some((ns, end))) => (Token::Duration(ns), end),
                (None, None) => (Token::Symbol("-"), 1),
            },
            c if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) => {
                number(rest)
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                (word(&rest[..end], &rest[end..]), end)
            }
            c => match SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
                Some(symbol) => (Token::Symbol(symbol), symbol.len()),
                None if c == '^' => (Token::Symbol("^"), 1),
                // Loki takes anything else for a name.
                None => (Token::Name(c.to_string()), c.len_utf8()),
            },
        };
        out.push((at, token));
        rest = &rest[used..];
    }
}

/// What follows the comment that `text` starts with.
fn comment(text: &str) -> Option<&str> {
    if let Some(block) = text.strip_prefix("/*") {
        return block.split_once("*/").map(|(_, after)| after);
    }
    (text.starts_with('#') || text.starts_with("//"))
        .then(|| text.split_once('\n').map_or("", |(_, after)| after))
}

fn word(text: &str, after: &str) -> Token {
    let lower = text.to_lowercase();
    if let Some(function) = FUNCTIONS.iter().find(|f| **f == lower) {
        let is_called = is_called(after);
        return if is_called { Token::Function(function) } else { Token::Name(text.to_owned()) };
    }
    match KEYWORDS.iter().find(|k| **k == lower) {
        Some(keyword) => Token::Keyword(keyword),
        None => Token::Name(text.to_owned()),
    }
}

/// Whether a parenthesis follows, or a grouping and one.
fn is_called(after: &str) -> bool {
    let after = after.trim_start();
    let grouped = |word: &str| {
        after.get(..word.len()).is_some_and(|w| w.eq_ignore_ascii_case(word))
            && after[word.len()..].trim_start().starts_with('(')
    };
    after.starts_with('(') || grouped("by") || grouped("without")
}

fn is_flag(text: &str, flag: &str) -> bool {
    text.strip_prefix(flag).is_some_and(|after| !after.starts_with(|c: char| c.is_alphabetic() || c == '-'))
}

fn is_duration(c: char) -> bool {
    c.is_ascii_digit() || "nuµmshdwy.".contains(c)
}

fn is_size(c: char) -> bool {
    c.is_ascii_digit() || "BikKMGTP.".contains(c)
}

/// Where characters that may belong to a unit end, when there are any behind `from`.
fn unit_end(text: &str, from: usize, belongs: fn(char) -> bool) -> Option<usize> {
    let end = text[from..].find(|c| !belongs(c)).map_or(text.len(), |e| from + e);
    (end > from).then_some(end)
}

fn number(text: &str) -> (Token, usize) {
    let digits = number_end(text);
    if let Some(end) = unit_end(text, digits, is_duration)
        && let Some(ns) = duration::read(&text[..end]).ok().or_else(|| go_duration(&text[..end]))
    {
        return (Token::Duration(ns), end);
    }
    if let Some(end) = unit_end(text, digits, is_size)
        && let Some(size) = bytes(&text[..end])
    {
        return (Token::Bytes(size), end);
    }
    (Token::Number(text[..digits].to_owned()), digits)
}

/// Where a number ends; `1e-3` is one.
fn number_end(text: &str) -> usize {
    let digits =
        |from: usize| text[from..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |e| from + e);
    if text.starts_with('0') && text[1..].starts_with(['x', 'X', 'b', 'o', 'O']) {
        return text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    }
    let mut end = digits(0);
    if text[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

/// The double-quoted string, with Go's escapes, that `text` starts with, and how long it is there.
pub(crate) fn quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((value, i + 1)),
            '\n' => return None,
            '\\' => {
                let (_, escaped) = chars.next()?;
                let (mut code, digits, radix) = match escaped {
                    'x' => (0, 2, 16),
                    'u' => (0, 4, 16),
                    'U' => (0, 8, 16),
                    '0'..='7' => (escaped.to_digit(8)?, 2, 8),
                    simple => {
                        value.push(simple_escape(simple)?);
                        continue;
                    }
                };
                for _ in 0..digits {
                    code = u32::checked_mul(code, radix)? + chars.next()?.1.to_digit(radix)?;
                }
                value.push(char::from_u32(code)?);
            }
            c => value.push(c),
        }
    }
    None
}

fn simple_escape(c: char) -> Option<char> {
    Some(match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '"' | '\\' => c,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        let tokens = tokens(text).expect("tokens").into_iter().map(|(_, t)| t.name());
        tokens.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_functions_where_they_are_called() {
        assert_eq!(
            names("count(x) count by (y) COUNT BY(z) count by"),
            "COUNT ( IDENTIFIER ) COUNT by ( IDENTIFIER ) COUNT by ( IDENTIFIER ) IDENTIFIER by"
        );
        assert_eq!(
            names("ip=1 ip(2) json Bytes(a) bytes"),
            "IDENTIFIER = NUMBER ip ( NUMBER ) json BYTES_CONV ( IDENTIFIER ) IDENTIFIER"
        );
    }

    #[test]
    fn numbers_have_units() {
        let of = |text: &str| tokens(text).expect("tokens").into_iter().map(|(_, t)| t).collect::<Vec<_>>();
        assert_eq!(
            of("5m 1.5s -1h 2d"),
            [
                Token::Duration(300_000_000_000),
                Token::Duration(1_500_000_000),
                Token::Duration(-3_600_000_000_000),
                Token::Duration(172_800_000_000_000),
            ]
        );
        assert_eq!(of("5MB 1.5KiB 7B"), [Token::Bytes(5e6), Token::Bytes(1536.0), Token::Bytes(7.0)]);
        assert_eq!(
            names("1 1e3 .5 1-2 2--1 [5m] [1h30m]"),
            "NUMBER NUMBER NUMBER NUMBER - NUMBER NUMBER - - NUMBER RANGE RANGE"
        );
        assert!(tokens("[1.5m]").is_err() && tokens("[]").is_err() && tokens("[5m").is_err());
    }

    #[test]
    fn comments_and_flags_are_told_from_operators() {
        assert_eq!(names("a # b\n/* c */ d // e"), "IDENTIFIER IDENTIFIER");
        assert_eq!(names("--strict --keep-empty --x"), "FUNCTION_FLAG FUNCTION_FLAG - - IDENTIFIER");
        assert_eq!(names("a@`b`"), "IDENTIFIER IDENTIFIER STRING");
    }

    #[test]
    fn strings_have_gos_escapes() {
        let text = |t: &str| quoted(t).map(|(v, _)| v);
        assert_eq!(text(r#""a\n\x41\u00e9\101\"""#).as_deref(), Some("a\nAéA\""));
        assert_eq!(text(r#""\q""#), None);
        assert_eq!(text("\"open"), None);
    }
}
