//! A syntax check of LogQL, log and metric queries alike: is it well formed, and which stream selectors does it have.
//!
//! Lean on purpose: it knows the grammar, not the meaning. Templates inside `line_format`, patterns and whether an
//! aggregation takes a parameter are left to Loki, which `check` asks. The embedded backend's own parser is not used:
//! it refuses what that backend cannot answer, and a dashboard may ask more.

mod lexer;

use lexer::{Token, tokens};

/// The names and values of one selector's matchers.
pub type Selector = Vec<(String, String)>;

/// Deeper than any query a person writes; the parser calls itself.
const MOST_DEPTH: usize = 50;
const COMPARISONS: [&str; 7] = ["=", "==", "!=", ">", ">=", "<", "<="];
const LINE_FILTERS: [&str; 6] = ["|=", "|~", "!=", "!~", "|>", "!>"];

/// Parses a query and gives its stream selectors.
///
/// # Errors
/// It is not LogQL; where and why.
pub fn parse(text: &str) -> Result<Vec<Selector>, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, selectors: Vec::new() };
    parser.expression()?;
    match parser.peek() {
        None => Ok(parser.selectors),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
    selectors: Vec<Selector>,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.tokens.get(self.at) {
            Some((at, token)) => format!("{token} at character {}, where {wanted} belongs", at + 1),
            None => format!("it ends where {wanted} belongs"),
        }
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        self.at += usize::from(found);
        found
    }

    fn want(&mut self, symbol: &str) -> Result<(), String> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(symbol)) }
    }

    fn word(&mut self) -> Option<String> {
        let Some(Token::Name(name)) = self.peek() else { return None };
        let name = name.clone();
        self.at += 1;
        Some(name)
    }

    fn keyword(&mut self, words: &[&str]) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(name)) if words.contains(&name.as_str()));
        self.at += usize::from(found);
        found
    }

    fn text(&mut self) -> Result<String, String> {
        let Some(Token::Text(text)) = self.peek() else { return Err(self.unexpected("a quoted text")) };
        let text = text.clone();
        self.at += 1;
        Ok(text)
    }

    fn number(&mut self) -> bool {
        let sign = self.take("-");
        let found = matches!(self.peek(), Some(Token::Number(_)));
        self.at += usize::from(found);
        self.at -= usize::from(sign && !found);
        found
    }

    /// Operands with operators between them; which binds stronger does not matter for being well formed.
    fn expression(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(format!("it is nested deeper than {MOST_DEPTH}"));
        }
        self.operand()?;
        while let Some(Token::Symbol(s)) = self.peek() {
            if !["+", "-", "*", "/", "%", "^", "==", "!=", ">", ">=", "<", "<="].contains(s) {
                break;
            }
            self.at += 1;
            self.joining()?;
            self.operand()?;
        }
        while self.keyword(&["and", "or", "unless"]) {
            self.joining()?;
            self.expression()?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// `bool`, `on (…)`, `group_left (…)` after an operator.
    fn joining(&mut self) -> Result<(), String> {
        self.keyword(&["bool"]);
        if self.keyword(&["on", "ignoring"]) {
            self.names()?;
            if self.keyword(&["group_left", "group_right"]) && self.is("(") {
                self.names()?;
            }
        }
        Ok(())
    }

    fn operand(&mut self) -> Result<(), String> {
        if self.number() {
            return Ok(());
        }
        if self.is("{") {
            return self.log();
        }
        if self.take("(") {
            self.expression()?;
            return self.want(")");
        }
        let Some(function) = self.word() else {
            return Err(self.unexpected("a selector, a function or a number"));
        };
        self.grouping()?;
        self.want("(")?;
        if self.number() && !self.take(",") && !self.is(")") {
            return Err(self.unexpected(", or )"));
        }
        if !self.is(")") {
            self.expression()?;
        }
        while self.take(",") {
            self.text()?;
        }
        self.want(")").map_err(|e| format!("{e} (in {function})"))?;
        self.grouping()
    }

    /// `by (a, b)` or `without (a)`.
    fn grouping(&mut self) -> Result<(), String> {
        if self.keyword(&["by", "without"]) { self.names() } else { Ok(()) }
    }

    fn names(&mut self) -> Result<(), String> {
        self.want("(")?;
        while let Some(_name) = self.word() {
            if !self.take(",") {
                break;
            }
        }
        self.want(")")
    }

    /// A selector, its stages, and the range that makes it an argument.
    fn log(&mut self) -> Result<(), String> {
        self.selector()?;
        self.range()?;
        loop {
            if let Some(Token::Symbol(s)) = self.peek()
                && LINE_FILTERS.contains(s)
            {
                self.at += 1;
                self.needle()?;
                while self.keyword(&["or"]) {
                    self.needle()?;
                }
            } else if self.take("|") {
                self.stage()?;
            } else {
                break;
            }
        }
        self.range()
    }

    fn range(&mut self) -> Result<(), String> {
        if self.take("[") {
            match self.peek() {
                Some(Token::Number(text)) if text.ends_with(|c: char| c.is_ascii_alphabetic()) => {
                    self.at += 1;
                }
                _ => return Err(self.unexpected("a duration such as 5m")),
            }
            self.want("]")?;
        }
        if self.keyword(&["offset"]) && !self.number() {
            return Err(self.unexpected("a duration such as 5m"));
        }
        Ok(())
    }

    fn needle(&mut self) -> Result<(), String> {
        if self.keyword(&["ip"]) {
            self.want("(")?;
            self.text()?;
            return self.want(")");
        }
        self.text().map(drop)
    }

    fn selector(&mut self) -> Result<(), String> {
        self.want("{")?;
        let mut matchers = Selector::new();
        while let Some(name) = self.word() {
            if !["=", "!=", "=~", "!~"].iter().any(|op| self.take(op)) {
                return Err(self.unexpected("one of = != =~ !~"));
            }
            matchers.push((name, self.text()?));
            if !self.take(",") {
                break;
            }
        }
        self.want("}")?;
        if matchers.is_empty() {
            return Err("the stream selector is empty; Loki wants at least one label".to_owned());
        }
        self.selectors.push(matchers);
        Ok(())
    }

    fn stage(&mut self) -> Result<(), String> {
        let start = self.at;
        match self.word().as_deref() {
            Some("json" | "logfmt") => {
                while self.take("--strict") || self.take("--keep-empty") {}
                while let Some(_field) = self.word() {
                    if self.take("=") {
                        self.text()?;
                    }
                    if !self.take(",") {
                        break;
                    }
                }
                Ok(())
            }
            Some("unpack" | "decolorize") => Ok(()),
            Some("pattern" | "regexp" | "line_format") => self.text().map(drop),
            Some("label_format") => self.list(|this| {
                this.want("=")?;
                if this.word().is_some() { Ok(()) } else { this.text().map(drop) }
            }),
            Some("drop" | "keep") => {
                self.list(|this| match ["=", "!=", "=~", "!~"].iter().any(|op| this.take(op)) {
                    true => this.text().map(drop),
                    false => Ok(()),
                })
            }
            Some("unwrap") => {
                if self.word().is_none() {
                    return Err(self.unexpected("the label to unwrap"));
                }
                if self.is("(") { self.names() } else { Ok(()) }
            }
            _ => {
                self.at = start;
                self.condition()
            }
        }
    }

    fn list(&mut self, rest: impl Fn(&mut Self) -> Result<(), String>) -> Result<(), String> {
        loop {
            if self.word().is_none() {
                return Err(self.unexpected("a label"));
            }
            rest(self)?;
            if !self.take(",") {
                return Ok(());
            }
        }
    }

    /// `status >= 500 and (a = "b" or c =~ "d")`.
    fn condition(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(format!("it is nested deeper than {MOST_DEPTH}"));
        }
        loop {
            if self.take("(") {
                self.condition()?;
                self.want(")")?;
            } else {
                if self.word().is_none() {
                    return Err(self.unexpected("a stage or a label"));
                }
                if !COMPARISONS.iter().chain(&["=~", "!~"]).any(|op| self.take(op)) {
                    return Err(self.unexpected("a comparison"));
                }
                if !self.number() {
                    self.needle()?;
                }
            }
            if !self.take(",") && !self.keyword(&["and", "or"]) && !self.is("(") {
                self.depth -= 1;
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_every_kind_are_well_formed() {
        for query in [
            r#"{service_name="a"}"#,
            r#"{service_name=~"a|b", x!="c"} |= "error" or "fail" != `x` |~ "(?i)y" | json | level="error" | line_format "{{.msg}}""#,
            r#"{a="b"} | json status, route="http.route" | status >= 500 and (route="/x" or d > 1.5s) | drop x, y="z""#,
            r#"sum by (service_name) (rate({a=~".+"} | detected_level=~"error|warn" [1m]))"#,
            r#"sum(count_over_time({a="b"}[5m])) by (x) / sum(count_over_time({a="b"}[5m])) * 100"#,
            r#"topk(5, sum by (x) (rate({a="b"} [5m] offset 1h)))"#,
            r#"quantile_over_time(0.99, {a="b"} | logfmt | unwrap duration_seconds(took) | __error__="" [1m]) by (x)"#,
            r#"label_replace(rate({a="b"}[1m]), "x", "$1", "y", "(.*)")"#,
            r#"sum(rate({a="b"}[1m])) or vector(0)"#,
            "{a=\"b\"} # only these\n|= \"c\"",
        ] {
            assert_eq!(parse(query).err(), None, "{query}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (query, wanted) in [
            ("{a=b}", "quoted text"),
            ("{}", "empty"),
            ("{a=\"b\"", "}"),
            ("{a=\"b\"} |= c", "quoted text"),
            ("rate({a=\"b\"}[5])", "duration"),
            ("sum(rate({a=\"b\"}[5m])", ")"),
            ("{a=\"b\"} | json | status", "comparison"),
            ("{a=\"b} ", "not closed"),
            ("{a=\"b\"} }", "the end"),
            ("", "it ends"),
            ("{a=\"b\"} | unwrap", "unwrap"),
        ] {
            let error = parse(query).expect_err(query);
            assert!(error.contains(wanted), "{query}: {error}");
        }
        assert!(parse(&"(".repeat(10_000)).is_err());
    }

    #[test]
    fn selectors_are_found_wherever_they_stand() {
        let found = parse(r#"sum(rate({a="b"}[1m])) / sum(rate({c=~"d"}[1m]))"#).expect("well formed");
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(found, [pair("a", "b"), pair("c", "d")]);
    }
}
