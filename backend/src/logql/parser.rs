//! Recursive descent over LogQL's tokens.

use super::lexer::{Token, tokens};
use super::{Compare, Condition, LineFilter, LogqlError, Pattern, Query, Stage, Unit};
use crate::matcher::{Matcher, Op, compile};

const MAX_QUERY: usize = 16 * 1024;
const MAX_DEPTH: usize = 50;
const MAX_STAGES: usize = 100;

/// Parses a log query.
///
/// # Errors
/// [`LogqlError::Parse`] for what is not LogQL, [`LogqlError::Unsupported`] for what is but is not there yet.
pub(crate) fn parse(text: &str) -> Result<Query, LogqlError> {
    let mut parser = Parser::new(text)?;
    if let Some(Token::Name(name)) = parser.peek() {
        return Err(match parser.tokens.get(1) {
            Some((_, Token::Symbol("(") | Token::Name(_))) => {
                LogqlError::Unsupported(format!("the metric query {name}()"))
            }
            _ => parser.unexpected(),
        });
    }
    if matches!(parser.peek(), Some(Token::Symbol("(") | Token::Number(_))) {
        return Err(LogqlError::Unsupported("a metric query".to_owned()));
    }
    let selector = parser.selector()?;
    if !selector.iter().any(|m| !m.matches("")) {
        return Err(LogqlError::Parse {
            col: 1,
            message: "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will".to_owned(),
        });
    }
    let mut stages = Vec::new();
    while parser.peek().is_some() {
        if stages.len() == MAX_STAGES {
            return Err(LogqlError::Unsupported(format!("a query of more than {MAX_STAGES} stages")));
        }
        stages.push(parser.stage()?);
    }
    Ok(Query { selector, stages })
}

/// Parses a stream selector alone.
pub(super) fn parse_selector(text: &str) -> Result<Vec<Matcher>, LogqlError> {
    let mut parser = Parser::new(text)?;
    let selector = parser.selector()?;
    if parser.peek().is_some() { Err(parser.unexpected()) } else { Ok(selector) }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self, LogqlError> {
        if text.len() > MAX_QUERY {
            return Err(LogqlError::Parse {
                col: 1,
                message: format!("the query is longer than {MAX_QUERY} bytes"),
            });
        }
        Ok(Self { tokens: tokens(text)?, at: 0, depth: 0 })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, t)| t)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn col(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(col, _)| *col)
    }

    fn wrong(&self, message: impl Into<String>) -> LogqlError {
        LogqlError::Parse { col: self.col(), message: message.into() }
    }

    fn unexpected(&self) -> LogqlError {
        self.wrong(match self.peek() {
            None => "syntax error: unexpected $end".to_owned(),
            Some(Token::Name(_)) => "syntax error: unexpected IDENTIFIER".to_owned(),
            Some(Token::Text(_)) => "syntax error: unexpected STRING".to_owned(),
            Some(Token::Number(_)) => "syntax error: unexpected NUMBER".to_owned(),
            Some(Token::Symbol(s)) => format!("syntax error: unexpected {s}"),
        })
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(n)) if n == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), LogqlError> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<String, LogqlError> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn text(&mut self) -> Result<String, LogqlError> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn selector(&mut self) -> Result<Vec<Matcher>, LogqlError> {
        self.expect("{")?;
        let mut matchers = Vec::new();
        while !self.accept("}") {
            let name = self.name()?;
            let Some(Token::Symbol(op @ ("=" | "!=" | "=~" | "!~"))) = self.peek().cloned() else {
                return Err(self.unexpected());
            };
            self.at += 1;
            let value = self.text()?;
            matchers.push(Matcher::new(&name, op, &value).map_err(|e| self.wrong(e))?);
            if !self.accept(",") && !matches!(self.peek(), Some(Token::Symbol("}"))) {
                return Err(self.unexpected());
            }
        }
        Ok(matchers)
    }

    fn stage(&mut self) -> Result<Stage, LogqlError> {
        match self.next() {
            Some(Token::Symbol(op @ ("|=" | "|~" | "!=" | "!~"))) => self.line_filter(op).map(Stage::Line),
            Some(Token::Symbol(op @ ("|>" | "!>"))) => {
                Err(LogqlError::Unsupported(format!("the filter {op}")))
            }
            Some(Token::Symbol("|")) => self.pipe_stage(),
            _ => {
                self.at -= 1;
                Err(self.unexpected())
            }
        }
    }

    fn line_filter(&mut self, op: &str) -> Result<LineFilter, LogqlError> {
        let mut patterns = Vec::new();
        loop {
            if matches!(self.peek(), Some(Token::Name(n)) if n == "ip") {
                return Err(LogqlError::Unsupported("the filter ip()".to_owned()));
            }
            let text = self.text()?;
            patterns.push(if op.ends_with('~') {
                Pattern::Matches(compile(&text).map_err(|e| self.wrong(e))?)
            } else {
                Pattern::Contains(text)
            });
            if !self.accept_word("or") {
                return Ok(LineFilter { keep: op.starts_with('|'), patterns });
            }
        }
    }

    fn pipe_stage(&mut self) -> Result<Stage, LogqlError> {
        let next_is_operator =
            matches!(self.tokens.get(self.at + 1), Some((_, Token::Symbol(s))) if COMPARISONS.contains(s));
        let word = match self.peek() {
            Some(Token::Name(word)) if !next_is_operator => word.clone(),
            _ => return self.condition().map(Stage::Label),
        };
        let ends = matches!(
            self.tokens.get(self.at + 1),
            None | Some((_, Token::Symbol("|" | "|=" | "|~" | "!=" | "!~")))
        );
        match word.as_str() {
            "json" | "logfmt" if ends => {
                self.at += 1;
                Ok(if word == "json" { Stage::Json } else { Stage::Logfmt })
            }
            "json" | "logfmt" => Err(LogqlError::Unsupported(format!("the stage {word} with parameters"))),
            "line_format" | "label_format" | "regexp" | "pattern" | "unpack" | "unwrap" | "decolorize"
            | "drop" | "keep" | "distinct" => Err(LogqlError::Unsupported(format!("the stage {word}"))),
            _ => self.condition().map(Stage::Label),
        }
    }

    /// `or` binds weakest; `and`, a comma and mere adjacency mean the same.
    fn condition(&mut self) -> Result<Condition, LogqlError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong("the query is nested too deeply"));
        }
        let mut left = self.conjunction()?;
        while self.accept_word("or") {
            left = Condition::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Condition, LogqlError> {
        let mut left = self.comparison()?;
        while self.accept_word("and") || self.accept(",") {
            left = Condition::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Condition, LogqlError> {
        if self.accept("(") {
            let inner = self.condition()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.name()?;
        let Some(Token::Symbol(op)) =
            self.next().filter(|t| matches!(t, Token::Symbol(s) if COMPARISONS.contains(s)))
        else {
            self.at -= 1;
            return Err(self.unexpected());
        };
        let negative = self.accept("-");
        match self.next() {
            Some(Token::Text(text)) if !negative => {
                let op = Op::new(op, &text).map_err(|e| self.wrong(e))?;
                Ok(Condition::Text { name, op })
            }
            Some(Token::Number(text)) => {
                let op = compare(op).ok_or_else(|| self.wrong(format!("{op} does not compare numbers")))?;
                let (value, unit) = number(&text)
                    .ok_or_else(|| self.wrong(format!("{text:?} is not a number, a duration or a size")))?;
                Ok(Condition::Number { name, op, value: if negative { -value } else { value }, unit })
            }
            Some(Token::Name(name)) if name == "ip" => {
                Err(LogqlError::Unsupported("the filter ip()".to_owned()))
            }
            _ => {
                self.at -= 1;
                Err(self.unexpected())
            }
        }
    }
}

const COMPARISONS: [&str; 9] = ["=", "==", "!=", "=~", "!~", ">", ">=", "<", "<="];

fn compare(op: &str) -> Option<Compare> {
    Some(match op {
        "=" | "==" => Compare::Equal,
        "!=" => Compare::NotEqual,
        "<" => Compare::Less,
        "<=" => Compare::LessOrEqual,
        ">" => Compare::Greater,
        ">=" => Compare::GreaterOrEqual,
        _ => return None,
    })
}

/// Reads `5`, `1h30m`, `1.5KB`.
fn number(text: &str) -> Option<(f64, Unit)> {
    if let Ok(value) = text.parse() {
        return Some((value, Unit::Plain));
    }
    seconds(text).map(|s| (s, Unit::Seconds)).or_else(|| bytes(text).map(|b| (b, Unit::Bytes)))
}

/// Reads a Go duration, in seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |r| (-1.0, r));
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += value
            * match &rest[..unit] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Some(sign * total)
}

/// Reads a size: decimal units, or binary ones with an `i`.
pub(super) fn bytes(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let value: f64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return None,
    };
    Some(value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_there_yet_is_named() {
        for (query, named) in [
            ("count_over_time({a=\"b\"}[5m])", "count_over_time"),
            ("sum by (x) (rate({a=\"b\"}[5m]))", "sum"),
            ("{a=\"b\"} | line_format \"x\"", "line_format"),
            ("{a=\"b\"} | json x=\"y\"", "json with parameters"),
        ] {
            match parse(query) {
                Err(LogqlError::Unsupported(what)) => assert!(what.contains(named), "{what}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }

    #[test]
    fn errors_say_where() {
        let error = parse("{a=\"b\"} | json |").expect_err("incomplete");
        assert_eq!(error.to_string(), "parse error at line 1, col 16: syntax error: unexpected $end");
        assert!(parse("{a=~\".*\"}").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn durations_and_sizes_are_numbers() {
        assert_eq!(number("1m30s"), Some((90.0, Unit::Seconds)));
        assert_eq!(number("1.5KiB"), Some((1536.0, Unit::Bytes)));
        assert_eq!(number("12x"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}", tail in "[a-z_=~!|<>(){}\"` 0-9,.-]{0,60}") {
            let _ = parse(&text);
            let _ = parse(&format!("{{a=\"b\"}} {tail}"));
        }
    }
}
