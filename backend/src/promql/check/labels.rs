//! Conditions on labels in braces, and lists of labels in parentheses.

use promql_parser::util::unquote_string;

use super::Mistake;
use super::grammar::Parser;
use super::lexer::{Kind, Token};
use super::tree::{Condition, Selector};
use crate::labels::NAME;
use crate::matcher::Op;
use crate::promql::print::quote;

impl<'t> Parser<'t> {
    /// A selector, after its name if it has one.
    pub(super) fn selector(&mut self, name: Option<Token<'t>>) -> Result<Selector, Mistake> {
        let mut selector = Selector { name: name.map(|n| n.text.to_owned()), ..Selector::default() };
        if !self.is("{")? {
            return Ok(selector);
        }
        self.next()?;
        if self.accept("}")? {
            return Ok(selector);
        }
        loop {
            let condition = self.condition(name.is_some())?;
            selector.matchers.push(condition);
            if self.accept("}")? {
                return Ok(selector);
            }
            if !self.accept(",")? {
                return self.unexpected_in("label matching", "\",\" or \"}\"");
            }
            if self.accept("}")? {
                return Ok(selector);
            }
        }
    }

    fn condition(&mut self, of_metric: bool) -> Result<Condition, Mistake> {
        const CONTEXT: &str = "label matching";
        let label = self.peek()?;
        if !matches!(label.kind, Kind::Name | Kind::Text) {
            return self.unexpected_in(CONTEXT, "identifier or \"}\"");
        }
        self.next()?;
        let is_quoted = label.kind == Kind::Text;
        let name = if is_quoted { unquoted(&label)? } else { label.text.to_owned() };
        let operator = match self.peek()?.kind {
            Kind::Symbol("=") => "=",
            Kind::Operator(operator @ ("!=" | "=~" | "!~")) => operator,
            _ if is_quoted => {
                let name_of = NAME.to_owned();
                return Ok(Condition { name: name_of, operator: "=", value: name, takes_empty: false });
            }
            _ => return self.unexpected_in(CONTEXT, "label matching operator"),
        };
        self.next()?;
        let token = self.peek()?;
        if token.kind != Kind::Text {
            return self.unexpected_in(CONTEXT, "string");
        }
        self.next()?;
        let value = unquoted(&token)?;
        let is_regex = operator.ends_with('~');
        let plain = |c: char| c.is_alphanumeric() || "_-|.:/ ".contains(c);
        // To compile a regex takes longer than all the rest: only where it can be wrong, or must be tried.
        let takes_empty = if !is_regex || !of_metric || !value.chars().all(plain) {
            let op = Op::new(operator, &value).map_err(|message| Mistake { at: label.start, message })?;
            op.matches("")
        } else {
            false
        };
        Ok(Condition { name, operator, value, takes_empty })
    }

    /// Names of labels in parentheses.
    pub(super) fn grouping(&mut self) -> Result<Vec<String>, Mistake> {
        const CONTEXT: &str = "grouping opts";
        let mut names = Vec::new();
        if !self.accept("(")? {
            return self.unexpected_in(CONTEXT, "\"(\"");
        }
        if self.accept(")")? {
            return Ok(names);
        }
        loop {
            let label = self.peek()?;
            if !names_label(label.kind) {
                return self.unexpected_in(CONTEXT, "label");
            }
            self.next()?;
            let name = if label.kind == Kind::Text { unquoted(&label)? } else { label.text.to_owned() };
            if name.is_empty() {
                let message = "invalid label name for grouping: \"\"".to_owned();
                return Err(Mistake { at: label.start, message });
            }
            names.push(name);
            if self.accept(")")? {
                return Ok(names);
            }
            if !self.accept(",")? {
                return self.unexpected_in(CONTEXT, "\",\" or \")\"");
            }
            if self.accept(")")? {
                return Ok(names);
            }
        }
    }
}

/// The text that a token in quotes stands for.
pub(super) fn unquoted(token: &Token<'_>) -> Result<String, Mistake> {
    unquote_string(token.text).map_err(|why| Mistake {
        at: token.start,
        message: format!("error unquoting string {}: {why}", quote(token.text)),
    })
}

/// Words that are names of labels in a list of them.
fn names_label(kind: Kind) -> bool {
    match kind {
        Kind::Name | Kind::MetricName | Kind::Text | Kind::Aggregation(_) | Kind::Preprocessor(_) => true,
        Kind::Operator(word) => matches!(word, "and" | "or" | "unless" | "atan2"),
        Kind::Keyword(word) => word != "without",
        _ => false,
    }
}
