//! A regex in a label filter, as Loki runs it: where it can do without a regex engine, it does, and then `foo.*` and
//! `foo(ab|cd)` look for a text anywhere in the value, while what is left to the engine has to match all of it. Whoever writes
//! a query for Loki gets the same lines here.

mod read;

use crate::matcher::{GoRegex, whole};
use read::Re;

/// A test of a label's value.
#[derive(Debug, Clone)]
pub(crate) struct LabelRegex {
    regex: GoRegex,
    simple: Option<Simple>,
    /// Whether upper and lower case are the same; the texts are in lower case then.
    folds: bool,
}

/// What needs no regex engine.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Simple {
    Always,
    NotEmpty,
    Equals(String),
    Contains(String),
    Any(Vec<Simple>),
}

impl LabelRegex {
    /// # Errors
    /// It is no regex.
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let regex = whole(source)?;
        let folded = source.strip_prefix("(?i)").map(str::to_lowercase);
        let simple = read::read(folded.as_deref().unwrap_or(source)).as_ref().and_then(simplify);
        Ok(Self { regex, simple, folds: folded.is_some() })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        self.regex.source()
    }

    pub(crate) fn is_simple(&self) -> bool {
        self.simple.is_some()
    }

    pub(crate) fn is_match(&self, value: &str) -> bool {
        match &self.simple {
            Some(simple) if self.folds => simple.is_match(&value.to_lowercase()),
            Some(simple) => simple.is_match(value),
            None => self.regex.is_match(value),
        }
    }
}

impl Simple {
    fn is_match(&self, value: &str) -> bool {
        match self {
            Self::Always => true,
            Self::NotEmpty => !value.is_empty(),
            Self::Equals(text) => value == text,
            Self::Contains(text) => value.contains(text.as_str()),
            Self::Any(all) => all.iter().any(|one| one.is_match(value)),
        }
    }
}

fn contains(text: String) -> Simple {
    if text.is_empty() { Simple::Always } else { Simple::Contains(text) }
}

/// Any of several; one that always holds does not count among others.
fn any(all: Vec<Simple>) -> Simple {
    let mut all: Vec<Simple> = if all.iter().all(|one| *one == Simple::Always) {
        vec![Simple::Always]
    } else {
        all.into_iter().filter(|one| *one != Simple::Always).collect()
    };
    if all.len() == 1 { all.remove(0) } else { Simple::Any(all) }
}

fn simplify(re: &Re) -> Option<Simple> {
    Some(match re {
        Re::Empty | Re::AnyText => Simple::Always,
        Re::SomeText => Simple::NotEmpty,
        Re::Literal(text) => Simple::Equals(text.clone()),
        Re::Group(inner) => return simplify(inner),
        Re::Choice(all) => any(all.iter().map(|one| simplify(one.bare())).collect::<Option<_>>()?),
        Re::Sequence(parts) => return sequence(parts, None),
        Re::Class => return None,
    })
}

/// At most three parts: one text, choices behind it, and `.*`.
fn sequence(parts: &[Re], base: Option<&str>) -> Option<Simple> {
    let parts: Vec<&Re> = parts.iter().map(Re::bare).filter(|part| **part != Re::Empty).collect();
    if parts.len() > 3 {
        return None;
    }
    let mut base = base.map(str::to_owned);
    let mut has_text = false;
    let mut found: Vec<Simple> = Vec::new();
    for part in parts {
        match (part, &mut base) {
            (Re::Literal(_), _) if has_text => return None,
            (Re::Literal(text), base) => {
                has_text = true;
                base.get_or_insert_default().push_str(text);
            }
            (Re::Choice(all), Some(base)) => {
                for one in all {
                    found.push(continued(base, one)?);
                }
            }
            (Re::AnyText, _) => {}
            _ => return None,
        }
    }
    if !found.is_empty() {
        return Some(any(found));
    }
    base.map(contains)
}

/// A text that goes on as one of several choices.
fn continued(base: &str, choice: &Re) -> Option<Simple> {
    match choice {
        Re::Empty | Re::AnyText => Some(contains(base.to_owned())),
        Re::Literal(text) => Some(contains(format!("{base}{text}"))),
        Re::Sequence(parts) => sequence(parts, Some(base)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::LabelRegex;

    #[test]
    fn what_is_simple_looks_for_a_text_and_the_rest_matches_whole_values() {
        for (regex, value, matches, is_simple) in [
            ("foo", "foo", true, true),
            ("foo", "xfoo", false, true),
            ("foo.*", "xfoo", true, true),
            (".*foo", "foox", true, true),
            ("foo|bar", "xbar", false, true),
            ("foo|.*bar", "xbarx", true, true),
            ("foo(ab|cd)", "xfoocdx", true, true),
            ("foo(a|b)", "xfooa", false, false),
            // Go reads these as err(or|) and G(ET|OT).
            ("error|err", "xerrx", true, true),
            ("GET|GOT", "aGETb", true, true),
            ("t1|t2", "xt1", false, false),
            ("t[12]", "t1", true, false),
            ("a.b", "axb", true, false),
            ("a.b", "xaxb", false, false),
            (".*", "", true, true),
            (".+", "", false, true),
            ("", "anything", true, true),
            ("foo|", "", false, true),
            ("(foo)", "foo", true, true),
            (r"a\.b", "a.b", true, true),
            ("(?i)Foo", "FOO", true, true),
            ("(?i)foo.*", "xFOO", true, true),
            ("(?i)f[o]", "FO", true, false),
            ("foo.*bar.*", "foobar", true, false),
        ] {
            let label = LabelRegex::new(regex).expect(regex);
            assert_eq!(
                (label.is_match(value), label.is_simple()),
                (matches, is_simple),
                "{regex} of {value}"
            );
        }
    }
}
