//! Conditions on labels.

use super::Parser;
use crate::logql::LogqlError;
use crate::logql::ast::{Compare, Condition, Unit};
use crate::logql::ip::IpFilter;
use crate::logql::label_regex::LabelRegex;
use crate::logql::lexer::Token;
use crate::logql::print::quote;
use crate::logql::units::{plain, seconds};
use crate::matcher::Op;

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Result<Condition, LogqlError> {
        self.conditions(0)
    }

    /// Conditions joined by operators that bind at least as strong as `least`. `and` binds stronger than `or`; a comma, or
    /// mere adjacency, takes all that follows for its right side: `a, b or c` is `a, (b or c)`.
    fn conditions(&mut self, least: u8) -> Result<Condition, LogqlError> {
        self.nested(|parser| {
            let mut left = parser.comparison()?;
            loop {
                let is_next = matches!(parser.peek(), Some(Token::Name(_) | Token::Symbol("(")));
                left = if parser.accept(",") || is_next {
                    Condition::And(Box::new(left), Box::new(parser.conditions(0)?))
                } else if least <= 1 && parser.accept_keyword("or") {
                    Condition::Or(Box::new(left), Box::new(parser.conditions(2)?))
                } else if least <= 2 && parser.accept_keyword("and") {
                    Condition::And(Box::new(left), Box::new(parser.conditions(3)?))
                } else {
                    return Ok(left);
                };
            }
        })
    }

    fn comparison(&mut self) -> Result<Condition, LogqlError> {
        if self.accept("(") {
            let inner = self.condition()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.name()?;
        let Some(Token::Symbol(op)) = self.peek().cloned() else { return Err(self.unexpected()) };
        let is_matcher = matches!(op, "=~" | "!~");
        let Some(compared) = compare(op).map(Some).or(is_matcher.then_some(None)) else {
            return Err(self.unexpected());
        };
        self.at += 1;
        if let Some(Token::Text(text)) = self.peek().cloned()
            && matches!(op, "=" | "!=" | "=~" | "!~")
        {
            self.at += 1;
            return match op {
                "=~" | "!~" => {
                    let regex = LabelRegex::new(&text).map_err(LogqlError::stage)?;
                    Ok(Condition::Regex { name, keep: op == "=~", regex })
                }
                op => Ok(Condition::Text { name, op: Op::new(op, &text).map_err(LogqlError::stage)? }),
            };
        }
        let Some(compared) = compared else { return Err(self.unexpected()) };
        if matches!(op, "=" | "!=") && self.accept_function("ip") {
            let pattern = self.parenthesised()?;
            let wrong = |e| LogqlError::stage(format!("stage '| {name}{op}ip({})' : {e}", quote(&pattern)));
            let filter = IpFilter::parse(&pattern).map_err(wrong)?;
            return Ok(Condition::Ip { name, keep: op == "=", filter });
        }
        let (value, unit) = self.quantity()?;
        Ok(Condition::Number { name, op: compared, value, unit })
    }

    fn quantity(&mut self) -> Result<(f64, Unit), LogqlError> {
        let sign = match self.peek() {
            Some(Token::Symbol("-")) => Some(-1.0),
            Some(Token::Symbol("+")) => Some(1.0),
            _ => None,
        };
        self.at += usize::from(sign.is_some());
        let quantity = match self.peek() {
            Some(Token::Number(text)) => plain(text).map(|value| (sign.unwrap_or(1.0) * value, Unit::Plain)),
            Some(Token::Duration(ns)) if sign.is_none() => Some((seconds(*ns), Unit::Seconds)),
            Some(Token::Bytes(size)) if sign.is_none() => Some((*size, Unit::Bytes)),
            _ => None,
        };
        let quantity = quantity.ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(quantity)
    }
}

/// A comparison of numbers.
pub(super) fn compare(op: &str) -> Option<Compare> {
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
