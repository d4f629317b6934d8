//! Regexes as Go reads them, which is how PromQL and LogQL mean them: what the engine here reads otherwise is written for it.
//! `\d`, `\w`, `\s` and `\b` know ASCII alone; a brace that repeats nothing is a brace; in a class there are no set
//! operations.

use std::ops::Deref;
use std::sync::Arc;

use regex::Regex;

/// A regex, with the text that it was made of.
#[derive(Debug, Clone)]
pub(crate) struct GoRegex {
    source: Arc<str>,
    regex: Regex,
}

impl GoRegex {
    pub(super) fn new(source: &str, regex: Regex) -> Self {
        Self { source: source.into(), regex }
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }
}

impl Deref for GoRegex {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.regex
    }
}

/// Writes a regex of Go's for the engine here.
pub(super) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => escape(after, in_class, &mut out),
            '[' if !in_class => {
                in_class = true;
                // A bracket that comes first ends nothing.
                let inner = after.strip_prefix('^').unwrap_or(after);
                let first = if inner.starts_with(']') { 1 } else { 0 };
                let taken = after.len() - inner.len() + first;
                out.push('[');
                out.push_str(&after[..after.len() - inner.len()]);
                out.push_str(if first == 1 { "\\]" } else { "" });
                &after[taken..]
            }
            '[' => match after.strip_prefix(':').and_then(|name| name.find(":]")) {
                Some(end) => {
                    out.push_str(&rest[..end + 4]);
                    &rest[end + 4..]
                }
                None => {
                    out.push_str("\\[");
                    after
                }
            },
            ']' => {
                in_class = false;
                out.push(c);
                after
            }
            '&' | '~' if in_class => {
                out.extend(['\\', c]);
                after
            }
            '-' if in_class && after.starts_with('-') => {
                out.push_str("-\\-");
                &after[1..]
            }
            '{' if !in_class && !is_repetition(after) => {
                out.push_str("\\{");
                after
            }
            c => {
                out.push(c);
                after
            }
        };
    }
    out
}

/// Writes the escape that `after` begins with, and hands back what follows.
fn escape<'p>(after: &'p str, in_class: bool, out: &mut String) -> &'p str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    if c == 'Q' && !in_class {
        let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
        out.push_str(&regex::escape(literal));
        return rest;
    }
    let ascii = match c {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        's' | 'S' => "\\t\\n\\f\\r ",
        'b' if !in_class => {
            out.push_str("(?-u:\\b)");
            return rest;
        }
        '<' | '>' => {
            out.push(c);
            return rest;
        }
        c => {
            out.extend(['\\', c]);
            return rest;
        }
    };
    match (c.is_ascii_uppercase(), in_class) {
        (true, _) => out.push_str(&format!("[^{ascii}]")),
        (false, true) => out.push_str(ascii),
        (false, false) => out.push_str(&format!("[{ascii}]")),
    }
    rest
}

/// Whether `2}`, `2,}` or `2,5}` stands there.
fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::matcher::compile;

    #[test]
    fn what_go_reads_otherwise_is_read_as_go_does() {
        for (pattern, text, matches) in [
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^\w+$", "größe", false),
            (r"^\W$", "ö", true),
            (r"^[\w-]+$", "a-b_1", true),
            (r"^[^\s]+$", "a\u{a0}b", true),
            (r"\bgr\b", "größe", true),
            (r#"^{"a":1}$"#, r#"{"a":1}"#, true),
            (r"^a{2}{,}$", "aa{,}", true),
            (r"^[[]a[]]$", "[a]", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[+--]+$", "+,-", true),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^\<a\>$", "<a>", true),
            (r"^\Qa.b\E.$", "a.bc", true),
            (r"^[^]]+$", "abc", true),
        ] {
            let regex = compile(pattern).expect(pattern);
            assert_eq!(regex.is_match(text), matches, "{pattern} in {text}");
            assert_eq!(regex.source(), pattern);
        }
        assert!(compile("(").is_err() && compile("a**b\\").is_err());
    }

    proptest! {
        #[test]
        fn no_pattern_makes_it_panic(text in "\\PC{0,30}", near in r"[\[\]{}\\dwsQE^:&~a0,-]{0,30}") {
            let _ = (compile(&text), compile(&near));
        }
    }
}
