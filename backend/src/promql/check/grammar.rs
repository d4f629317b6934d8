//! The grammar: expressions by the binding of their operators. A token that fits nowhere is told with what is being read,
//! as Prometheus' grammar does where it says so; else it is unexpected without more words.

use super::Mistake;
use super::durations::length;
use super::functions::named;
use super::labels::unquoted;
use super::lexer::{Kind, Lexer, Token};
use super::tree::{Binary, Expr, Node, Selector};
use crate::promql::MAX_DEPTH;
use crate::promql::print::quote;

/// How tightly `^` binds, which is tighter than a sign does.
pub(super) const POWER: u8 = 6;

/// How tightly an operator binds.
pub(super) fn binding(kind: Kind) -> Option<(&'static str, u8)> {
    let Kind::Operator(operator) = kind else { return None };
    let level = match operator {
        "or" => 1,
        "and" | "unless" => 2,
        "==" | "!=" | "<" | "<=" | ">" | ">=" | "</" | ">/" => 3,
        "+" | "-" => 4,
        "*" | "/" | "%" | "atan2" => 5,
        "^" => POWER,
        _ => return None,
    };
    Some((operator, level))
}

/// Reads one query.
#[derive(Debug)]
pub(super) struct Parser<'t> {
    lexer: Lexer<'t>,
    peeked: Option<Token<'t>>,
    /// What is being read, and what is expected there, of the innermost that says so.
    contexts: Vec<(&'static str, &'static str)>,
    /// Where the last token that was taken ended.
    pub(super) end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { lexer: Lexer::new(text), peeked: None, contexts: Vec::new(), end: 0, depth: 0 }
    }

    /// A whole query.
    pub(super) fn query(mut self) -> Result<Node, Mistake> {
        if self.peek()?.kind == Kind::End {
            return Err(Mistake { at: 0, message: "no expression found in input".to_owned() });
        }
        let expr = self.expression(0)?;
        self.at_end()?;
        Ok(expr)
    }

    /// One selector and no more.
    pub(super) fn only_selector(mut self) -> Result<Selector, Mistake> {
        let selector = match self.peek()? {
            Token { kind: Kind::Symbol("{"), .. } => self.selector(None)?,
            token if names_metric(token.kind) => {
                self.next()?;
                self.selector(Some(token))?
            }
            _ => return self.unexpected(),
        };
        self.at_end()?;
        Ok(selector)
    }

    fn at_end(&mut self) -> Result<(), Mistake> {
        if self.peek()?.kind == Kind::End { Ok(()) } else { self.unexpected() }
    }

    pub(super) fn peek(&mut self) -> Result<Token<'t>, Mistake> {
        match self.peeked {
            Some(token) => Ok(token),
            None => Ok(*self.peeked.insert(self.lexer.next()?)),
        }
    }

    pub(super) fn next(&mut self) -> Result<Token<'t>, Mistake> {
        let token = self.peek()?;
        self.peeked = None;
        self.end = token.end();
        Ok(token)
    }

    pub(super) fn is(&mut self, symbol: &str) -> Result<bool, Mistake> {
        Ok(matches!(self.peek()?.kind, Kind::Symbol(found) if found == symbol))
    }

    pub(super) fn accept(&mut self, symbol: &str) -> Result<bool, Mistake> {
        let found = self.is(symbol)?;
        if found {
            self.next()?;
        }
        Ok(found)
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), Mistake> {
        if self.accept(symbol)? { Ok(()) } else { self.unexpected() }
    }

    pub(super) fn within<T>(
        &mut self,
        context: &'static str,
        expected: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, Mistake>,
    ) -> Result<T, Mistake> {
        self.contexts.push((context, expected));
        let read = read(self)?;
        self.contexts.pop();
        Ok(read)
    }

    /// The next token fits nowhere.
    pub(super) fn unexpected<T>(&mut self) -> Result<T, Mistake> {
        let (context, expected) = self.contexts.last().copied().unwrap_or_default();
        self.unexpected_in(context, expected)
    }

    pub(super) fn unexpected_in<T>(&mut self, context: &str, expected: &str) -> Result<T, Mistake> {
        let token = self.peek()?;
        let mut message = format!("unexpected {}", described(&token));
        if !context.is_empty() {
            message += &format!(" in {context}");
        }
        if !expected.is_empty() {
            message += &format!(", expected {expected}");
        }
        Err(Mistake { at: token.start, message })
    }

    /// Goes one level down, which is bounded.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Mistake>,
    ) -> Result<T, Mistake> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(self.end));
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    /// An expression of operators that bind at least as tightly as `least`.
    fn expression(&mut self, least: u8) -> Result<Node, Mistake> {
        self.deeper(|parser| {
            let mut lhs = parser.operand()?;
            while parser.is_modifier()? {
                lhs = parser.modified(lhs)?;
            }
            while let Some((operator, level)) = binding(parser.peek()?.kind).filter(|(_, l)| *l >= least) {
                parser.next()?;
                let modifiers = parser.binary_modifiers()?;
                let rhs = parser.expression(if level == POWER { POWER } else { level + 1 })?;
                if modifiers.fills {
                    let message = "binop fill modifiers are experimental and not enabled".to_owned();
                    return Err(Mistake { at: lhs.start, message });
                }
                let (start, end, depth) = (lhs.start, rhs.end, lhs.depth.max(rhs.depth) + 1);
                let binary = Binary { operator, lhs, rhs, modifiers };
                lhs = node(start, end, depth, Expr::Binary(Box::new(binary)))?;
            }
            Ok(lhs)
        })
    }

    /// What stands between operators, a sign before it included.
    fn operand(&mut self) -> Result<Node, Mistake> {
        let token = self.peek()?;
        match token.kind {
            Kind::Operator("+" | "-") => {
                self.next()?;
                let of = self.expression(POWER)?;
                if matches!(of.expr, Expr::Number) {
                    return Ok(Node { start: token.start, ..of });
                }
                node(token.start, of.end, of.depth + 1, Expr::Unary(Box::new(of)))
            }
            Kind::Number | Kind::Duration => {
                self.next()?;
                length(&token)?;
                node(token.start, token.end(), 1, Expr::Number)
            }
            Kind::Text => {
                self.next()?;
                unquoted(&token)?;
                node(token.start, token.end(), 1, Expr::Text)
            }
            Kind::Symbol("(") => {
                self.next()?;
                let of = self.expression(0)?;
                self.expect(")")?;
                node(token.start, self.end, of.depth + 1, Expr::Paren(Box::new(of)))
            }
            Kind::Symbol("{") => {
                let selector = self.selector(None)?;
                node(token.start, self.end, 1, Expr::Selector(selector))
            }
            Kind::Aggregation(operator) => {
                self.next()?;
                let grouped = matches!(self.peek()?.kind, Kind::Keyword("by" | "without"));
                if grouped || self.is("(")? {
                    return self.aggregate(&token, operator);
                }
                self.metric(&token)
            }
            Kind::Name | Kind::Preprocessor(_) => {
                self.next()?;
                if self.is("(")? { self.call(&token) } else { self.metric(&token) }
            }
            kind if names_metric(kind) => {
                self.next()?;
                self.metric(&token)
            }
            _ => self.unexpected(),
        }
    }

    fn metric(&mut self, name: &Token<'t>) -> Result<Node, Mistake> {
        let selector = self.selector(Some(*name))?;
        node(name.start, self.end, 1, Expr::Selector(selector))
    }

    fn call(&mut self, name: &Token<'t>) -> Result<Node, Mistake> {
        let args = self.arguments()?;
        let mistake = |message: String| Mistake { at: name.start, message };
        let function = named(name.text)
            .ok_or_else(|| mistake(format!("unknown function with name {}", quote(name.text))))?;
        if function.experimental {
            return Err(mistake(format!("function {} is not enabled", quote(name.text))));
        }
        let depth = args.iter().map(|a| a.depth).max().unwrap_or(0) + 1;
        node(name.start, self.end, depth, Expr::Call { function, args })
    }

    /// Arguments in parentheses.
    fn arguments(&mut self) -> Result<Vec<Node>, Mistake> {
        self.expect("(")?;
        let mut args = Vec::new();
        if self.accept(")")? {
            return Ok(args);
        }
        loop {
            args.push(self.expression(0)?);
            let comma = self.peek()?;
            if !self.accept(",")? {
                self.expect(")")?;
                return Ok(args);
            }
            if !begins_expression(self.peek()?.kind) {
                let message = "trailing commas not allowed in function call args".to_owned();
                return Err(Mistake { at: comma.start, message });
            }
        }
    }

    fn aggregate(&mut self, name: &Token<'t>, operator: &'static str) -> Result<Node, Mistake> {
        let is_grouping = |kind: Kind| matches!(kind, Kind::Keyword("by" | "without"));
        let mut args = self.within("aggregation", "", |parser| {
            let first = is_grouping(parser.peek()?.kind);
            if first {
                parser.next()?;
                parser.grouping()?;
            }
            let args = parser.arguments()?;
            if !first && is_grouping(parser.peek()?.kind) {
                parser.next()?;
                parser.grouping()?;
            }
            Ok(args)
        })?;
        let mistake = |message: String| Mistake { at: name.start, message };
        if args.is_empty() {
            return Err(mistake("no arguments for aggregate expression provided".to_owned()));
        }
        if matches!(operator, "limitk" | "limit_ratio") {
            return Err(mistake(format!(
                "{operator}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
            )));
        }
        let takes = if matches!(operator, "topk" | "bottomk" | "count_values" | "quantile") { 2 } else { 1 };
        if args.len() != takes {
            return Err(mistake(format!(
                "wrong number of arguments for aggregate expression provided, expected {takes}, got {}",
                args.len()
            )));
        }
        let depth = args.iter().map(|a| a.depth).max().unwrap_or(0) + 1;
        let of = args.pop().map(Box::new);
        let param = args.pop().map(Box::new);
        let Some(of) = of else { return self.unexpected() };
        node(name.start, self.end, depth, Expr::Aggregate { operator, param, of })
    }
}

/// An expression, unless it is nested too deeply.
pub(super) fn node(start: usize, end: usize, depth: usize, expr: Expr) -> Result<Node, Mistake> {
    if depth > MAX_DEPTH {
        return Err(too_deep(start));
    }
    Ok(Node { start, end, depth, expr })
}

fn too_deep(at: usize) -> Mistake {
    Mistake { at, message: "the query is nested too deeply".to_owned() }
}

/// Words that are names of metrics where one may stand.
fn names_metric(kind: Kind) -> bool {
    match kind {
        Kind::Name | Kind::MetricName | Kind::Aggregation(_) | Kind::Preprocessor(_) => true,
        Kind::Operator(word) => matches!(word, "and" | "or" | "unless"),
        Kind::Keyword(word) => !matches!(word, "bool" | "on" | "ignoring" | "group_left" | "group_right"),
        _ => false,
    }
}

/// Whether an expression may begin with it.
pub(super) fn begins_expression(kind: Kind) -> bool {
    names_metric(kind)
        || matches!(
            kind,
            Kind::Number | Kind::Duration | Kind::Text | Kind::Symbol("(" | "{") | Kind::Operator("+" | "-")
        )
}

/// A token as messages show it.
fn described(token: &Token<'_>) -> String {
    let shown = if token.text.len() > 10 {
        let cut: String = token.text.chars().take(10).collect();
        quote(&cut) + "..."
    } else {
        quote(token.text)
    };
    match token.kind {
        Kind::End => "end of input".to_owned(),
        Kind::Name => format!("identifier {}", quote(token.text)),
        Kind::MetricName => format!("metric identifier {}", quote(token.text)),
        Kind::Text => format!("string {shown}"),
        Kind::Number => format!("number {shown}"),
        Kind::Duration => format!("duration {shown}"),
        Kind::Symbol(_) | Kind::Preprocessor(_) => shown,
        Kind::Operator(_) => format!("<op:{}>", token.text),
        Kind::Aggregation(_) => format!("<aggr:{}>", token.text),
        Kind::Keyword(_) => format!("<{}>", token.text),
    }
}
