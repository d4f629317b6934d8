//! What stands behind an expression (`offset`, `@`, a range in brackets) and between an operator and its right side.

use super::Mistake;
use super::durations::{Length, length};
use super::grammar::{Parser, begins_expression, node};
use super::lexer::Kind;
use super::tree::{Expr, Modifiers, Node, Shift};

impl Parser<'_> {
    /// Whether a modifier of the expression before it comes next.
    pub(super) fn is_modifier(&mut self) -> Result<bool, Mistake> {
        Ok(matches!(
            self.peek()?.kind,
            Kind::Symbol("[") | Kind::Operator("@") | Kind::Keyword("offset" | "anchored" | "smoothed")
        ))
    }

    /// The expression with the modifier that comes next.
    pub(super) fn modified(&mut self, of: Node) -> Result<Node, Mistake> {
        let token = self.next()?;
        match token.kind {
            Kind::Keyword("offset") => self.offset(of),
            Kind::Operator("@") => self.at(of),
            Kind::Keyword(word) => Err(Mistake {
                at: of.start,
                message: format!("{word} modifier is experimental and not enabled"),
            }),
            _ => self.range(of, token.start),
        }
    }

    fn offset(&mut self, mut of: Node) -> Result<Node, Mistake> {
        let length = self.within("offset", "number, duration, step(), or range()", Self::offset_duration)?;
        let start = of.start;
        let mistake = |message: &str| Mistake { at: start, message: message.to_owned() };
        let shift = shift(&mut of).ok_or_else(|| {
            mistake(
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )
        })?;
        if shift.offset {
            return Err(mistake("offset may not be set multiple times"));
        }
        shift.offset = !matches!(length, Length::Literal { seconds: 0.0, .. });
        of.end = self.end;
        Ok(of)
    }

    fn at(&mut self, mut of: Node) -> Result<Node, Mistake> {
        let start = of.start;
        let mistake = |message: &str| Mistake { at: start, message: message.to_owned() };
        self.within("@", "timestamp", |parser| {
            let token = parser.peek()?;
            if let Kind::Preprocessor("start" | "end") = token.kind {
                parser.next()?;
                parser.expect("(")?;
                return parser.expect(")");
            }
            let signed = matches!(token.kind, Kind::Operator("+" | "-"));
            if signed {
                parser.next()?;
            }
            let number = parser.peek()?;
            if !matches!(number.kind, Kind::Number | Kind::Duration) {
                return parser.unexpected();
            }
            parser.next()?;
            let seconds = length(&number)?;
            if !seconds.is_finite() || seconds >= i64::MAX as f64 {
                let sign = if token.text == "-" { "-" } else { "" };
                let shown = match seconds {
                    s if s.is_nan() => "NaN".to_owned(),
                    s if s.is_infinite() => if sign.is_empty() { "+Inf" } else { "-Inf" }.to_owned(),
                    s => format!("{sign}{s:.6}"),
                };
                return Err(mistake(&format!("timestamp out of bounds for @ modifier: {shown}")));
            }
            Ok(())
        })?;
        let shift = shift(&mut of).ok_or_else(|| {
            mistake(
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )
        })?;
        if shift.at {
            return Err(mistake("@ <timestamp> may not be set multiple times"));
        }
        shift.at = true;
        of.end = self.end;
        Ok(of)
    }

    /// After a bracket that opens at `open`.
    fn range(&mut self, of: Node, open: usize) -> Result<Node, Mistake> {
        self.within(
            "subquery or range selector",
            "number, duration, step(), or range()",
            Self::positive_duration,
        )?;
        let (start, depth, shift) = (of.start, of.depth + 1, Shift::default());
        if self.accept("]")? {
            let refused = match &of.expr {
                Expr::Selector(s) if s.shift.offset => "no offset modifiers allowed before range",
                Expr::Selector(s) if s.shift.at => "no @ modifiers allowed before range",
                Expr::Selector(_) => {
                    return node(start, self.end, depth, Expr::Matrix { selector: Box::new(of), shift });
                }
                _ => "ranges only allowed for vector selectors",
            };
            return Err(Mistake { at: open, message: refused.to_owned() });
        }
        if !self.accept(":")? {
            return self.unexpected_in("subquery or range", "\":\" or \"]\"");
        }
        if !self.accept("]")? {
            self.within(
                "subquery selector",
                "number, duration, step(), range(), or \"]\"",
                Self::positive_duration,
            )?;
            if !self.accept("]")? {
                return self.unexpected_in("subquery selector", "\"]\"");
            }
        }
        node(start, self.end, depth, Expr::Subquery { of: Box::new(of), shift })
    }

    /// What may stand between an operator and its right side.
    pub(super) fn binary_modifiers(&mut self) -> Result<Modifiers, Mistake> {
        let mut found = Modifiers::default();
        if self.peek()?.kind == Kind::Keyword("bool") {
            self.next()?;
            found.returns_bool = true;
        }
        if let Kind::Keyword(word @ ("on" | "ignoring")) = self.peek()?.kind {
            self.next()?;
            found.on = word == "on";
            found.labels = self.grouping()?;
            if let Kind::Keyword("group_left" | "group_right") = self.peek()?.kind {
                self.next()?;
                found.groups = true;
                // Labels may be left out, but only before what may follow them.
                let kind = self.peek()?.kind;
                let is_fill = matches!(kind, Kind::Keyword("fill" | "fill_left" | "fill_right"));
                if self.is("(")? || !is_fill && !begins_expression(kind) {
                    found.include = self.grouping()?;
                }
            }
        }
        if let Kind::Keyword(first @ ("fill" | "fill_left" | "fill_right")) = self.peek()?.kind {
            self.next()?;
            found.fills = true;
            self.fill()?;
            let other = match first {
                "fill_left" => "fill_right",
                "fill_right" => "fill_left",
                _ => return Ok(found),
            };
            if self.peek()?.kind == Kind::Keyword(other) {
                self.next()?;
                self.fill()?;
            }
        }
        Ok(found)
    }

    /// A number in parentheses.
    fn fill(&mut self) -> Result<(), Mistake> {
        self.expect("(")?;
        if matches!(self.peek()?.kind, Kind::Operator("+" | "-")) {
            self.next()?;
        }
        let number = self.peek()?;
        if !matches!(number.kind, Kind::Number | Kind::Duration) {
            return self.unexpected();
        }
        self.next()?;
        length(&number)?;
        self.expect(")")
    }
}

/// The modifiers of what can have any.
fn shift(of: &mut Node) -> Option<&mut Shift> {
    match &mut of.expr {
        Expr::Selector(selector) => Some(&mut selector.shift),
        Expr::Matrix { shift, .. } | Expr::Subquery { shift, .. } => Some(shift),
        _ => None,
    }
}
