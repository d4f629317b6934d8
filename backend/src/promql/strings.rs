//! Texts in quotes, as the grammar crate can take them: it compiles regexes in a dialect that is not Go's, and reads escapes
//! where a text between backticks has none. It is given regexes in digits, which mean nothing to it, and other such texts in
//! quotes of the usual kind. In lists of labels it knows fewer names than Prometheus: it is given all of them in quotes.

use std::borrow::Cow;
use std::fmt::Write as _;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::util::unquote_string;

use super::print::quote;
use super::text::{Kind, Token, tokens};

/// Begins a regex that is written in digits.
const MARK: char = 'x';

/// The query with its texts rewritten.
pub(super) fn plain(query: &str) -> Cow<'_, str> {
    let tokens = tokens(query);
    let mut plain = String::new();
    let mut copied = 0;
    let mut in_list = false;
    for (i, token) in tokens.iter().enumerate() {
        let Some(text) = query.get(token.start..token.end) else { continue };
        let before = |back: usize| i.checked_sub(back).map(|at| &tokens[at]);
        let written = match token.kind {
            Kind::Symbol(b'(') => {
                in_list = before(1).is_some_and(|t| lists_labels(&query[t.start..t.end], t.kind));
                None
            }
            Kind::Symbol(b')') => {
                in_list = false;
                None
            }
            Kind::Word if in_list => Some(quote(text)),
            Kind::Quoted => match regex_operator(before(2), before(1)) {
                Some(negated) => unquote_string(text).ok().map(|regex| in_digits(&regex, negated)),
                None if text.starts_with('`') && text.contains('\\') => {
                    unquote_string(text).ok().map(|text| quote(&text))
                }
                None => None,
            },
            _ => None,
        };
        if let Some(written) = written {
            plain.push_str(&query[copied..token.start]);
            plain.push_str(&written);
            copied = token.end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(query);
    }
    plain.push_str(&query[copied..]);
    Cow::Owned(plain)
}

/// Whether a list of labels follows a word.
fn lists_labels(word: &str, kind: Kind) -> bool {
    const BEFORE_LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
    kind == Kind::Word && BEFORE_LISTS.iter().any(|w| w.eq_ignore_ascii_case(word))
}

/// Whether two tokens are `=~` or `!~`, and if so, whether the latter.
fn regex_operator(first: Option<&Token>, second: Option<&Token>) -> Option<bool> {
    let (first, second) = (first?, second?);
    match (first.kind, second.kind) {
        (Kind::Symbol(b'='), Kind::Symbol(b'~')) if first.end == second.start => Some(false),
        (Kind::Symbol(b'!'), Kind::Symbol(b'~')) if first.end == second.start => Some(true),
        _ => None,
    }
}

/// A regex that the grammar crate takes, and thinks of that it cannot match nothing: whether it can has been looked at.
fn in_digits(regex: &str, negated: bool) -> String {
    let mut written = format!("\"{}{MARK}", if negated { "|" } else { "" });
    for byte in regex.bytes() {
        let _ = write!(written, "{byte:02x}");
    }
    written + "\""
}

/// The value of a condition, as it was written in the query.
pub(super) fn value_of(matcher: &Matcher) -> Cow<'_, str> {
    if !matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_)) {
        return Cow::Borrowed(&matcher.value);
    }
    let digits = matcher.value.trim_start_matches('|').trim_start_matches(MARK);
    let byte = |i: usize| digits.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    let regex = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    regex.map_or(Cow::Borrowed(&matcher.value), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use promql_parser::parser::{self, Expr};

    use super::*;

    #[test]
    fn regexes_come_back_as_they_were_written() {
        for regex in [r"a|b", r"\Qa.b\E", "", "é\\\"", ".*", "[[:foo:]"] {
            for operator in ["=~", "!~"] {
                let query = format!("up{{a {operator} {}}}", quote(regex));
                let Ok(Expr::VectorSelector(selector)) = parser::parse(&plain(&query)) else {
                    panic!("{query}")
                };
                assert_eq!(value_of(&selector.matchers.matchers[0]), regex, "{query}");
            }
        }
    }

    #[test]
    fn backslashes_between_backticks_are_themselves() {
        assert_eq!(plain(r#"f(`\d`, "\\", `x`)"#), r#"f("\\d", "\\", `x`)"#);
        assert!(matches!(plain(r#"up{a="`\\d`"} # `\d`"#), Cow::Borrowed(_)));
        assert_eq!(plain("sum BY (a, b:c) (by + on (on) x)"), r#"sum BY ("a", "b:c") (by + on ("on") x)"#);
    }
}
