//! A query as tokens, as Prometheus splits it: what a character means depends on the brackets around it. Each is read only
//! when the grammar looks at it, so that of several mistakes the one that Prometheus meets first is told.

mod literals;

use super::Mistake;

/// What a token is. Those that are written in one way only, or in any case of letters, carry that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    Name,
    /// A name with a colon, which only metrics have.
    MetricName,
    Text,
    Number,
    Duration,
    Symbol(&'static str),
    Operator(&'static str),
    Aggregation(&'static str),
    Keyword(&'static str),
    /// A function that stands where a time or a duration does.
    Preprocessor(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) text: &'t str,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

const OPERATORS: [&str; 4] = ["and", "or", "unless", "atan2"];
const AGGREGATIONS: [&str; 14] = [
    "sum",
    "avg",
    "count",
    "min",
    "max",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "count_values",
    "quantile",
    "limitk",
    "limit_ratio",
];
const KEYWORDS: [&str; 13] = [
    "offset",
    "smoothed",
    "anchored",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "fill",
    "fill_left",
    "fill_right",
    "bool",
];
const PREPROCESSORS: [&str; 6] = ["start", "end", "step", "range", "max_of", "min_of"];
const DURATION_WORDS: [&str; 4] = ["step", "range", "max_of", "min_of"];
/// The longer before what it begins with.
const SIGNS: [&str; 16] =
    ["==", "!=", "<=", "</", "<", ">=", ">/", ">", "+", "-", "*", "/", "%", "^", "@", "="];

/// Splits one query.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    pos: usize,
    /// Where the token that is being read begins.
    start: usize,
    parens: usize,
    in_braces: bool,
    in_brackets: bool,
    /// Since a bracket was opened: nothing but durations and their operators came.
    in_duration: bool,
    had_colon: bool,
    had_duration: bool,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}

/// A character as Go quotes it.
fn quoted(c: Option<char>) -> String {
    // What Go shows of the end of a text.
    format!("{:?}", c.unwrap_or(char::REPLACEMENT_CHARACTER))
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            pos: 0,
            start: 0,
            parens: 0,
            in_braces: false,
            in_brackets: false,
            in_duration: false,
            had_colon: false,
            had_duration: false,
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let found = self.peek().is_some_and(wanted);
        if found {
            self.advance();
        }
        found
    }

    fn accept_all(&mut self, wanted: impl Fn(char) -> bool + Copy) {
        while self.accept(wanted) {}
    }

    fn mistake<T>(&self, message: impl Into<String>) -> Result<T, Mistake> {
        Err(Mistake { at: self.start, message: message.into() })
    }

    fn token(&mut self, kind: Kind) -> Token<'t> {
        let token = Token { kind, start: self.start, text: &self.text[self.start..self.pos] };
        self.start = self.pos;
        token
    }

    /// The next token.
    ///
    /// # Errors
    /// There is none that begins here.
    pub(super) fn next(&mut self) -> Result<Token<'t>, Mistake> {
        loop {
            self.accept_all(is_space);
            self.start = self.pos;
            if self.in_duration && !self.in_braces || self.peek() != Some('#') {
                break;
            }
            self.accept_all(|c| !matches!(c, '\n' | '\r'));
        }
        if self.in_braces {
            self.inside_braces()
        } else if self.in_duration {
            self.inside_duration()
        } else {
            self.anywhere()
        }
    }

    fn symbol(&mut self, symbol: &'static str) -> Token<'t> {
        self.pos += symbol.len();
        self.token(Kind::Symbol(symbol))
    }

    fn anywhere(&mut self) -> Result<Token<'t>, Mistake> {
        let Some(c) = self.peek() else {
            return match (self.parens, self.in_brackets) {
                (0, false) => Ok(self.token(Kind::End)),
                (0, true) => self.mistake("unclosed left bracket"),
                _ => self.mistake("unclosed left parenthesis"),
            };
        };
        let next = self.rest()[c.len_utf8()..].chars().next();
        match (c, next) {
            (',', _) => Ok(self.symbol(",")),
            ('=', Some('~')) => self.mistake("unexpected character after '=': '~'"),
            ('!', next) if next != Some('=') => {
                self.mistake(format!("unexpected character after '!': {}", quoted(next)))
            }
            ('0'..='9', _) | ('.', Some('0'..='9')) => self.number(),
            ('"' | '\'', _) => self.string(c),
            ('`', _) => self.raw_string(),
            (':', _) if self.in_brackets => {
                if self.had_colon {
                    return self.mistake("unexpected colon ':'");
                }
                self.had_colon = true;
                Ok(self.symbol(":"))
            }
            _ if self.in_brackets && is_alpha(c) => match self.duration_word() {
                Some(token) => Ok(token),
                None => self.mistake(format!("unexpected character: {}, expected ':'", quoted(Some(c)))),
            },
            _ if is_alpha(c) || c == ':' => Ok(self.word()),
            ('(' | ')', _) => self.paren(c),
            ('{', _) => {
                self.in_braces = true;
                Ok(self.symbol("{"))
            }
            ('[', _) if self.in_brackets => self.mistake("unexpected left bracket '['"),
            ('[', _) => {
                (self.in_brackets, self.in_duration) = (true, true);
                self.had_colon = false;
                Ok(self.symbol("["))
            }
            (']', _) if !self.in_brackets => self.mistake("unexpected right bracket ']'"),
            (']', _) => {
                self.in_brackets = false;
                Ok(self.symbol("]"))
            }
            _ => match SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
                Some(sign) => {
                    self.pos += sign.len();
                    let kind = if *sign == "=" { Kind::Symbol(sign) } else { Kind::Operator(sign) };
                    Ok(self.token(kind))
                }
                None => self.mistake(format!("unexpected character: {}", quoted(Some(c)))),
            },
        }
    }

    fn paren(&mut self, c: char) -> Result<Token<'t>, Mistake> {
        if c == '(' {
            self.parens += 1;
            return Ok(self.symbol("("));
        }
        let token = self.symbol(")");
        match self.parens.checked_sub(1) {
            Some(left) => self.parens = left,
            None => return self.mistake("unexpected right parenthesis ')'"),
        }
        Ok(token)
    }

    /// After a bracket was opened, up to the first number.
    fn inside_duration(&mut self) -> Result<Token<'t>, Mistake> {
        let Some(c) = self.peek() else {
            return self.mistake("unexpected end of input in duration expression");
        };
        match c {
            ']' => {
                (self.in_brackets, self.in_duration, self.had_colon) = (false, false, false);
                Ok(self.symbol("]"))
            }
            ':' => {
                let token = self.symbol(":");
                if !self.had_duration {
                    return self.mistake("unexpected colon before duration in duration expression");
                }
                if self.had_colon {
                    return self.mistake("unexpected repeated colon in duration expression");
                }
                self.had_colon = true;
                Ok(token)
            }
            '(' | ')' => self.paren(c),
            ',' => Ok(self.symbol(",")),
            '+' | '-' | '*' | '/' | '%' | '^' => {
                let sign = SIGNS.iter().find(|sign| sign.len() == 1 && self.rest().starts_with(**sign));
                self.pos += 1;
                Ok(self.token(Kind::Operator(sign.copied().unwrap_or_default())))
            }
            c if is_alpha(c) => match self.duration_word() {
                Some(token) => Ok(token),
                None => {
                    self.mistake(format!("unexpected character in duration expression: {}", quoted(Some(c))))
                }
            },
            '0'..='9' | '.' if c != '.' || self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.had_duration = true;
                self.in_duration = false;
                self.number()
            }
            c => self.mistake(format!("unexpected character in duration expression: {}", quoted(Some(c)))),
        }
    }

    fn duration_word(&mut self) -> Option<Token<'t>> {
        let rest = self.rest();
        let end = rest.find(|c| !is_alpha(c)).unwrap_or(rest.len());
        let word = DURATION_WORDS.iter().find(|word| word.eq_ignore_ascii_case(&rest[..end]))?;
        self.pos += end;
        Some(self.token(Kind::Preprocessor(word)))
    }

    fn inside_braces(&mut self) -> Result<Token<'t>, Mistake> {
        let Some(c) = self.peek() else {
            return self.mistake("unexpected end of input inside braces");
        };
        let next = self.rest()[c.len_utf8()..].chars().next();
        match (c, next) {
            _ if is_alpha(c) => {
                self.accept_all(is_alphanumeric);
                Ok(self.token(Kind::Name))
            }
            (',', _) => Ok(self.symbol(",")),
            ('"' | '\'', _) => self.string(c),
            ('`', _) => self.raw_string(),
            ('=', Some('~')) => Ok(self.operator("=~")),
            ('=', _) => Ok(self.symbol("=")),
            ('!', Some('~')) => Ok(self.operator("!~")),
            ('!', Some('=')) => Ok(self.operator("!=")),
            ('!', next) => {
                self.mistake(format!("unexpected character after '!' inside braces: {}", quoted(next)))
            }
            ('{', _) => self.mistake("unexpected left brace '{'"),
            ('}', _) => {
                self.in_braces = false;
                Ok(self.symbol("}"))
            }
            (c, _) => self.mistake(format!("unexpected character inside braces: {}", quoted(Some(c)))),
        }
    }

    fn operator(&mut self, operator: &'static str) -> Token<'t> {
        self.pos += operator.len();
        self.token(Kind::Operator(operator))
    }

    fn word(&mut self) -> Token<'t> {
        self.accept_all(|c| is_alphanumeric(c) || c == ':');
        let word = &self.text[self.start..self.pos];
        let among = |known: &[&'static str]| known.iter().find(|k| k.eq_ignore_ascii_case(word)).copied();
        let is_called = || self.rest().trim_start_matches(is_space).starts_with('(');
        let kind = if let Some(word) = among(&OPERATORS) {
            Kind::Operator(word)
        } else if let Some(word) = among(&AGGREGATIONS) {
            Kind::Aggregation(word)
        } else if let Some(word) = among(&KEYWORDS).filter(|w| !w.starts_with("fill") || is_called()) {
            Kind::Keyword(word)
        } else if let Some(word) = among(&PREPROCESSORS) {
            Kind::Preprocessor(word)
        } else if among(&["inf", "nan"]).is_some() {
            Kind::Number
        } else if word.contains(':') {
            Kind::MetricName
        } else {
            Kind::Name
        };
        self.token(kind)
    }
}
