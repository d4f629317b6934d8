//! Conditions on labels, as routes, inhibitions, silences and filters have them.
//!
//! They are written in two ways that mostly agree: the classic one and the one that knows all of UTF-8. Where both can read a
//! text and disagree, the classic one is right, as in Alertmanager.

mod classic;
mod utf8;

use std::fmt;

use super::labels::{self, Labels};
use crate::matcher::{GoRegex, compile};

/// How a value is compared. The order is that in which a route's key lists equal names and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    Equal,
    NotEqual,
    Matches,
    NotMatches,
}

impl Op {
    /// From the two marks that the API writes.
    pub(crate) fn of(is_equal: bool, is_regex: bool) -> Self {
        match (is_equal, is_regex) {
            (true, false) => Self::Equal,
            (false, false) => Self::NotEqual,
            (true, true) => Self::Matches,
            (false, true) => Self::NotMatches,
        }
    }

    pub(crate) fn is_equal(self) -> bool {
        matches!(self, Self::Equal | Self::Matches)
    }

    pub(crate) fn is_regex(self) -> bool {
        matches!(self, Self::Matches | Self::NotMatches)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        }
    }
}

/// One condition on one label; a label that is not there has the empty value.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    pub(crate) name: String,
    pub(crate) op: Op,
    pub(crate) value: String,
    regex: Option<GoRegex>,
}

/// What two matchers are compared by.
type Written = (String, Op, String);

impl Matcher {
    /// # Errors
    /// The regex does not compile.
    pub(crate) fn new(name: &str, op: Op, value: &str) -> Result<Self, String> {
        let regex = match op.is_regex() {
            // Compiled alone first, so that an unbalanced parenthesis cannot escape the anchors.
            true => Some(compile(value).and_then(|_| compile(&format!("^(?:{value})$")))?),
            false => None,
        };
        Ok(Self { name: name.to_owned(), op, value: value.to_owned(), regex })
    }

    fn of((name, op, value): Written) -> Result<Self, String> {
        Self::new(&name, op, &value)
    }

    /// Whether a value fulfils it.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        let same = self.regex.as_ref().map_or_else(|| self.value == value, |regex| regex.is_match(value));
        same == self.op.is_equal()
    }

    /// What it is, without what is made of it.
    pub(crate) fn key(&self) -> (&str, &str, Op) {
        (&self.name, &self.value, self.op)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, op, value, .. } = self;
        if name.chars().any(is_reserved) {
            return write!(f, "{name:?}{}{value:?}", op.text());
        }
        let value = value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        write!(f, "{name}{}\"{value}\"", op.text())
    }
}

/// Conditions that all have to hold, in the order in which a route's key has them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matchers(Vec<Matcher>);

impl Matchers {
    pub(crate) fn new(mut matchers: Vec<Matcher>) -> Self {
        matchers.sort_by(|a, b| a.key().cmp(&b.key()));
        Self(matchers)
    }

    /// Whether all of them hold.
    pub(crate) fn match_all(&self, set: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.accepts(labels::value(set, &matcher.name)))
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "{{{}}}", texts.join(","))
    }
}

/// Reads any number of conditions, such as `a="1", b!~"x.*"`, in braces or not.
///
/// # Errors
/// Neither way of writing them reads it.
pub(crate) fn read(text: &str) -> Result<Vec<Matcher>, String> {
    either(utf8::matchers(text), classic::matchers(text))
}

/// Reads one condition, without braces.
///
/// # Errors
/// As [`read`], or there is not exactly one.
pub(crate) fn read_one(text: &str) -> Result<Matcher, String> {
    if text.starts_with('{') || text.ends_with('}') {
        return Err(format!("unexpected open or close brace: {text}"));
    }
    let new = utf8::matchers(text).and_then(|found| match found.len() {
        1 => Ok(found),
        0 => Err("no matchers".to_owned()),
        n => Err(format!("expected 1 matcher, found {n}")),
    });
    let mut found = either(new, classic::matcher(text).map(|found| vec![found]))?;
    found.pop().ok_or_else(|| "no matchers".to_owned())
}

fn either(
    new: Result<Vec<Written>, String>,
    classic: Result<Vec<Written>, String>,
) -> Result<Vec<Matcher>, String> {
    // A regex that does not compile makes a way of reading fail as a whole.
    let compiled = |found: Vec<Written>| found.into_iter().map(Matcher::of).collect::<Result<Vec<_>, _>>();
    let same = |a: &[Matcher], b: &[Matcher]| a.iter().map(Matcher::key).eq(b.iter().map(Matcher::key));
    match (new.and_then(compiled), classic.and_then(compiled)) {
        (Ok(new), Ok(classic)) if !same(&new, &classic) => Ok(classic),
        (Ok(new), _) => Ok(new),
        (Err(_), classic) => classic,
    }
}

/// What cannot stand in a name or value without quotes.
fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(text: &str) -> Result<String, String> {
        read(text).map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn both_ways_of_writing_are_read() {
        for (text, found) in [
            (r#"severity="page""#, r#"severity="page""#),
            ("severity=page", r#"severity="page""#),
            (r#" { a = "1" , b!="2", c=~"x|y",d!~z.* , } "#.trim(), r#"a="1" b!="2" c=~"x|y" d!~"z.*""#),
            ("", ""),
            ("{}", ""),
            (r#""a b"="c""#, r#""a b"="c""#),
            ("größe=x", r#"größe="x""#),
            // Only the classic way takes these.
            ("a=", r#"a="""#),
            ("a=b c", r#"a="b c""#),
            ("a=~(x|y)!", r#"a=~"(x|y)!""#),
            (r#"a="\d""#, r#"a="\\d""#),
            // Both take it, and the classic one means what is written.
            (r#"a="\t""#, r#"a="\\t""#),
        ] {
            assert_eq!(printed(text).as_deref(), Ok(found), "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in ["a", "=b", "a=~(", "1a==\"", "a=\"b", "a=b\"c\""] {
            assert!(printed(text).is_err(), "{text}: {:?}", printed(text));
        }
        assert!(read_one("a=b,c=d").is_err() || read_one("a=b,c=d").is_ok_and(|m| m.value == "b,c=d"));
        assert!(read_one("{a=b}").is_err_and(|e| e.contains("brace")));
        assert!(read_one("").is_err());
    }

    #[test]
    fn a_label_that_is_not_there_is_empty_and_a_regex_is_anchored() {
        let set = labels::of([("a", "xy")]);
        for (text, holds) in [
            ("a=xy", true),
            ("a=x", false),
            ("a=~x", false),
            ("a=~x.", true),
            ("a!~x|y", true),
            ("b=\"\"", true),
            ("b!=c", true),
            ("b=~\".+\"", false),
        ] {
            assert_eq!(Matchers::new(read(text).expect(text)).match_all(&set), holds, "{text}");
        }
    }

    #[test]
    fn the_key_of_a_route_is_sorted() {
        let matchers = Matchers::new(read(r#"b="2",a!="1",a="1""#).expect("valid"));
        assert_eq!(matchers.to_string(), r#"{a="1",a!="1",b="2"}"#);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}", near in r#"[ab ,={}!~"\\nx0u]{0,20}"#) {
            let _ = (read(&text), read(&near), read_one(&text), read_one(&near));
        }

        #[test]
        fn what_is_printed_is_read_again(name in "[a-z]{1,5}", value in "[a-z\\\\\" \\n{}]{0,8}") {
            let matcher = Matcher::new(&name, Op::NotEqual, &value).expect("no regex");
            let again = read_one(&matcher.to_string()).expect("read");
            prop_assert_eq!(again.key(), matcher.key());
        }
    }
}
