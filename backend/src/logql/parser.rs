//! Recursive descent over LogQL's tokens: the cursor and stream selectors here, stages in [`stages`] with their
//! [`conditions`], metric queries in [`metric`].

mod conditions;
mod metric;
mod stages;

use super::LogqlError;
use super::ast::{Expr, Query};
use super::lexer::{Token, tokens};
use crate::matcher::Matcher;

const MAX_QUERY: usize = 16 * 1024;
const MAX_DEPTH: usize = 50;

/// Parses a query of either kind.
///
/// # Errors
/// [`LogqlError::Parse`] for what is not LogQL, [`LogqlError::Unsupported`] for what is but is not there.
pub(crate) fn parse(text: &str) -> Result<Expr, LogqlError> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expr()?;
    if parser.peek().is_some() { Err(parser.unexpected()) } else { Ok(expr) }
}

/// Parses a log query; a metric query is refused.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_log(text: &str) -> Result<Query, LogqlError> {
    match parse(text)? {
        Expr::Log(query) => Ok(query),
        Expr::Metric(_) => Err(LogqlError::stage("only log queries are supported here")),
    }
}

/// Parses a stream selector alone, which may be empty.
///
/// # Errors
/// It is none, or something follows.
pub(crate) fn parse_selector(text: &str) -> Result<Vec<Matcher>, LogqlError> {
    let mut parser = Parser::new(text)?;
    let selector = parser.matchers()?;
    if parser.peek().is_some() { Err(parser.unexpected()) } else { Ok(selector) }
}

pub(super) struct Parser<'t> {
    text: &'t str,
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Result<Self, LogqlError> {
        if text.len() > MAX_QUERY {
            return Err(LogqlError::stage(format!("the query is longer than {MAX_QUERY} bytes")));
        }
        Ok(Self { text, tokens: tokens(text)?, at: 0, depth: 0 })
    }

    fn peek(&self) -> Option<&Token> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(_, t)| t)
    }

    /// An error at the token that is next.
    fn wrong(&self, message: impl Into<String>) -> LogqlError {
        let at = self.tokens.get(self.at).map_or(self.text.len(), |(at, _)| *at);
        LogqlError::at(self.text, at, message)
    }

    fn unexpected(&self) -> LogqlError {
        if self.text.trim().is_empty() {
            return LogqlError::stage("syntax error: unexpected $end");
        }
        let name = self.peek().map_or_else(|| "$end".to_owned(), Token::name);
        self.wrong(format!("syntax error: unexpected {name}"))
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn is_keyword(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Keyword(k)) if *k == word)
    }

    fn accept_keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(word);
        self.at += usize::from(found);
        found
    }

    fn accept_function(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Function(f)) if *f == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), LogqlError> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<String, LogqlError> {
        match self.peek().cloned() {
            Some(Token::Name(name)) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn text(&mut self) -> Result<String, LogqlError> {
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Names in parentheses; there may be none.
    fn names(&mut self) -> Result<Vec<String>, LogqlError> {
        self.expect("(")?;
        let mut names = Vec::new();
        if self.accept(")") {
            return Ok(names);
        }
        loop {
            names.push(self.name()?);
            if !self.accept(",") {
                self.expect(")")?;
                return Ok(names);
            }
        }
    }

    /// Goes one level deeper for `parse`, as far as that is allowed.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, LogqlError>) -> Result<T, LogqlError> {
        if self.depth == MAX_DEPTH {
            return Err(self.wrong("the query is nested too deeply"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// A selector that a query may have: it must not match every stream there is.
    fn selector(&mut self) -> Result<Vec<Matcher>, LogqlError> {
        let selector = self.matchers()?;
        if selector.iter().any(|m| !m.matches("")) {
            return Ok(selector);
        }
        Err(LogqlError::stage(
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will",
        ))
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>, LogqlError> {
        self.expect("{")?;
        let mut matchers = Vec::new();
        if self.accept("}") {
            return Ok(matchers);
        }
        loop {
            let name = self.name()?;
            let (op, value) = self.matcher()?;
            matchers.push(Matcher::new(&name, op, &value).map_err(LogqlError::stage)?);
            if !self.accept(",") {
                self.expect("}")?;
                return Ok(matchers);
            }
        }
    }

    /// A matcher's operator and text.
    fn matcher(&mut self) -> Result<(&'static str, String), LogqlError> {
        let Some(Token::Symbol(op @ ("=" | "!=" | "=~" | "!~"))) = self.peek().cloned() else {
            return Err(self.unexpected());
        };
        self.at += 1;
        Ok((op, self.text()?))
    }
}

#[cfg(test)]
mod grammar;
#[cfg(test)]
mod tests;
