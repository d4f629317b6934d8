//! The query as text: what the grammar crate does not know, and where calls and their arguments stand, which it does
//! not tell. Annotations name those places. No meaning here, only words, numbers, texts and brackets.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ptr;

use promql_parser::parser::Expr;

/// Words that may stand before a parenthesis without being called.
const NOT_CALLED: [&str; 17] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "and",
    "or",
    "unless",
    "atan2",
    "fill",
    "fill_left",
    "fill_right",
    "offset",
    "min_of",
    "max_of",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Quoted,
    Symbol(u8),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Splits a query; whitespace and comments are left out. Anything is accepted: the grammar decides what is right.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut i = 0;
    let run = |from: usize, accept: &dyn Fn(u8) -> bool| {
        bytes[from..].iter().position(|b| !accept(*b)).map_or(bytes.len(), |n| from + n)
    };
    while let Some(&b) = bytes.get(i) {
        let start = i;
        let digit_next = bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
        let kind = match b {
            b if b.is_ascii_whitespace() => {
                i += 1;
                continue;
            }
            b'#' => {
                i = run(i, &|b| b != b'\n');
                continue;
            }
            b'"' | b'\'' | b'`' => {
                i += 1;
                while bytes.get(i).is_some_and(|c| *c != b) {
                    i += if b != b'`' && bytes[i] == b'\\' { 2 } else { 1 };
                }
                i = (i + 1).min(bytes.len());
                Kind::Quoted
            }
            b if b.is_ascii_digit() || b == b'.' && digit_next => {
                i = run(i, &|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
                Kind::Number
            }
            b if b.is_ascii_alphabetic() || matches!(b, b'_' | b':') => {
                i = run(i, &|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':'));
                Kind::Word
            }
            b => {
                i += 1;
                Kind::Symbol(b)
            }
        };
        found.push(Token { kind, start, end: i });
    }
    found
}

/// Numbers without the underscores that may stand between their digits.
pub(super) fn plain_numbers(text: &str) -> Cow<'_, str> {
    if !text.contains('_') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let between_digits = |i: usize| {
        bytes[..i].last().is_some_and(|b| b.is_ascii_hexdigit() || matches!(b, b'x' | b'X'))
            && bytes.get(i + 1).is_some_and(u8::is_ascii_hexdigit)
    };
    let mut plain = String::with_capacity(text.len());
    let mut from = 0;
    for token in tokens(text).into_iter().filter(|t| t.kind == Kind::Number) {
        for i in (token.start..token.end).filter(|i| bytes[*i] == b'_' && between_digits(*i)) {
            plain.push_str(&text[from..i]);
            from = i + 1;
        }
    }
    plain.push_str(&text[from..]);
    Cow::Owned(plain)
}

/// Whether a duration stands where a number does, as in `x > 5m`.
pub(super) fn names_duration(text: &str) -> bool {
    let tokens = tokens(text);
    let of = |token: &Token| text.get(token.start..token.end).unwrap_or_default();
    let is_duration = |token: &Token| {
        let text = of(token);
        let unit = text.ends_with(['s', 'm', 'h', 'd', 'w', 'y']);
        token.kind == Kind::Number && unit && !text.starts_with("0x") && !text.starts_with("0X")
    };
    // What stands before it, a sign aside.
    let before = |i: usize| {
        let previous = tokens[..i].iter().rev().map(of).find(|t| !matches!(*t, "-" | "+"));
        previous.unwrap_or_default().to_ascii_lowercase()
    };
    let is_range = |word: &str| matches!(word, "[" | "offset") || word.ends_with(':');
    tokens.iter().enumerate().any(|(i, token)| is_duration(token) && !is_range(&before(i)))
}

/// Where a call stands, and each of its arguments: bytes from the start of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) start: usize,
    pub(super) args: Vec<usize>,
}

/// Calls and aggregations in the order they are written.
fn sites(text: &str) -> Vec<Site> {
    let tokens = tokens(text);
    let word = |i: usize| {
        let token = tokens.get(i).filter(|t| t.kind == Kind::Word)?;
        Some(text[token.start..token.end].to_ascii_lowercase())
    };
    let symbol = |i: usize, b: u8| tokens.get(i).is_some_and(|t| t.kind == Kind::Symbol(b));
    // The parenthesis that opens the arguments of the word at `i`, past a grouping that stands between them.
    let opening = |i: usize| {
        let grouped =
            word(i + 1).is_some_and(|w| matches!(w.as_str(), "by" | "without")) && symbol(i + 2, b'(');
        let at = if grouped {
            i + 3 + (i + 3..tokens.len()).take_while(|j| !symbol(*j, b')')).count() + 1
        } else {
            i + 1
        };
        symbol(at, b'(').then_some(at)
    };
    let mut found: Vec<Site> = Vec::new();
    let mut opens_at: HashMap<usize, usize> = HashMap::new();
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut awaits_argument: Option<usize> = None;
    for (i, token) in tokens.iter().enumerate() {
        if let Some(site) = awaits_argument.take()
            && token.kind != Kind::Symbol(b')')
        {
            found[site].args.push(token.start);
        }
        match token.kind {
            Kind::Word => {
                let preprocessor = i > 0 && symbol(i - 1, b'@');
                let called = word(i).is_some_and(|w| !NOT_CALLED.contains(&w.as_str())) && !preprocessor;
                if let Some(at) = opening(i).filter(|_| called) {
                    opens_at.insert(at, found.len());
                    found.push(Site { start: token.start, args: Vec::new() });
                }
            }
            Kind::Symbol(b'(' | b'[' | b'{') => {
                let site = opens_at.get(&i).copied();
                open.push(site);
                awaits_argument = site;
            }
            Kind::Symbol(b')' | b']' | b'}') => {
                open.pop();
            }
            Kind::Symbol(b',') => awaits_argument = open.last().copied().flatten(),
            _ => {}
        }
    }
    found
}

/// The place of each call of a parsed query.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<usize, Site>);

impl Places {
    /// Finds the places of `expr`, which `text` was parsed to. They hold while `expr` is not moved.
    pub(super) fn new(text: &str, expr: &Expr) -> Self {
        let mut nodes = Vec::new();
        calls(expr, &mut nodes);
        let sites = sites(text);
        // Should the two ever disagree, no place is better than a wrong one.
        let sites = if sites.len() == nodes.len() { sites } else { Vec::new() };
        Self(nodes.into_iter().zip(sites).collect())
    }

    /// The place of a node (a `Call` or `AggregateExpr`).
    pub(super) fn of<T>(&self, node: &T) -> Option<&Site> {
        self.0.get(&address(node))
    }
}

fn address<T>(node: &T) -> usize {
    ptr::from_ref(node).addr()
}

/// Addresses of calls and aggregations, outer before inner, left before right.
fn calls(expr: &Expr, found: &mut Vec<usize>) {
    match expr {
        Expr::Aggregate(a) => {
            found.push(address(a));
            a.param.iter().for_each(|p| calls(p, found));
            calls(&a.expr, found);
        }
        Expr::Call(c) => {
            found.push(address(c));
            c.args.args.iter().for_each(|a| calls(a, found));
        }
        Expr::Binary(b) => {
            calls(&b.lhs, found);
            calls(&b.rhs, found);
        }
        Expr::Unary(u) => calls(&u.expr, found),
        Expr::Paren(p) => calls(&p.expr, found),
        Expr::Subquery(s) => calls(&s.expr, found),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underscores_go_from_between_digits_only() {
        for (text, plain) in [
            ("1_000 + a_1_0", "1000 + a_1_0"),
            ("0x_1F_f", "0x1Ff"),
            (".1_2e1_0", ".12e10"),
            ("1__0 + 2_", "1__0 + 2_"),
            (r#"x{a="1_0"} # 1_0"#, r#"x{a="1_0"} # 1_0"#),
        ] {
            assert_eq!(plain_numbers(text), plain);
        }
    }

    #[test]
    fn calls_are_found_with_their_arguments() {
        let at = |text: &str| sites(text).into_iter().map(|s| (s.start, s.args)).collect::<Vec<_>>();
        assert_eq!(at("sum by (a, b) (rate(x[5m]))"), [(0, vec![15]), (15, vec![20])]);
        assert_eq!(at("quantile (0.5, x) by (a)"), [(0, vec![10, 15])]);
        assert_eq!(at("x @ end() + on (a) (time())"), [(20, vec![])]);
        assert_eq!(at(r#"abs(x{a="f(", b='\')'}) or (y)"#), [(0, vec![4])]);
        assert_eq!(at("min(\n# one (\nx)"), [(0, vec![13])]);
    }
}
