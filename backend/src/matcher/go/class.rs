//! Classes of characters: in brackets, by name, by an escape. They are written as ranges, so that nothing in them has a
//! meaning of its own here.

use std::fmt::Write as _;

use super::{escape, refused};

/// A class that no character is in.
pub(super) const NOTHING: &str = "[^\\x{0}-\\x{10FFFF}]";

/// Go's names of ASCII classes, with what is in them.
const POSIX: [(&str, &str); 14] = [
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", "\\x{0}-\\x{7F}"),
    ("blank", "\\t "),
    ("cntrl", "\\x{0}-\\x{1F}\\x{7F}"),
    ("digit", "0-9"),
    ("graph", "!-~"),
    ("lower", "a-z"),
    ("print", " -~"),
    ("punct", "!-/:-@\\[-`\\{-~"),
    ("space", "\\t\\n\\x{B}\\x{C}\\r "),
    ("upper", "A-Z"),
    ("word", "0-9A-Za-z_"),
    ("xdigit", "0-9A-Fa-f"),
];

/// General categories.
const CATEGORIES: [&str; 37] = [
    "C", "Cc", "Cf", "Cn", "Co", "L", "LC", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd",
    "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp",
    "Zs",
];

/// Scripts whose own name has four letters, as otherwise only the codes of scripts have.
const SHORT_SCRIPTS: [&str; 8] = ["Cham", "Kawi", "Lisu", "Modi", "Newa", "Thai", "Toto", "Wcho"];

/// What an escape or a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// As it is written within brackets.
    inside: String,
    negated: bool,
}

impl Part {
    fn new(inside: &str, negated: bool) -> Self {
        Self { inside: inside.to_owned(), negated }
    }

    /// As a class of its own.
    pub(super) fn alone(&self) -> String {
        match (self.inside.is_empty(), self.negated) {
            (true, false) => NOTHING.to_owned(),
            (true, true) => "[\\x{0}-\\x{10FFFF}]".to_owned(),
            (false, _) => format!("[{}{}]", if self.negated { "^" } else { "" }, self.inside),
        }
    }

    /// As part of another one.
    fn within(&self) -> String {
        if self.negated || self.inside.is_empty() { self.alone() } else { self.inside.clone() }
    }
}

/// `\d` and its like, and `\p{Greek}`, where `text` begins with one; and what follows.
///
/// # Errors
/// Go's.
pub(super) fn of_escape(text: &str) -> Result<Option<(Part, &str)>, String> {
    let part = match text.as_bytes().get(1) {
        Some(b'd') => Part::new("0-9", false),
        Some(b'D') => Part::new("0-9", true),
        Some(b's') => Part::new("\\t\\n\\x{C}\\r ", false),
        Some(b'S') => Part::new("\\t\\n\\x{C}\\r ", true),
        Some(b'w') => Part::new("0-9A-Za-z_", false),
        Some(b'W') => Part::new("0-9A-Za-z_", true),
        Some(b'p' | b'P') => return of_unicode(text).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((part, &text[2..])))
}

/// A class by its name in Unicode.
fn of_unicode(text: &str) -> Result<(Part, &str), String> {
    const WRONG: &str = "invalid character class range";
    let mut negated = text.starts_with("\\P");
    let inner = &text[2..];
    let (name, after) = match inner.strip_prefix('{') {
        Some(braced) => match braced.split_once('}') {
            Some(found) => found,
            None => return refused(WRONG, text),
        },
        None => inner.split_at(inner.chars().next().map_or(0, char::len_utf8)),
    };
    let shown = &text[..text.len() - after.len()];
    let name = match name.strip_prefix('^') {
        Some(name) => {
            negated = !negated;
            name
        }
        None => name,
    };
    let inside = match name {
        "Any" => "\\x{0}-\\x{10FFFF}".to_owned(),
        "Cs" => String::new(),
        _ if CATEGORIES.contains(&name) => format!("\\p{{gc={name}}}"),
        _ => {
            // Names are taken here in other notations, too, which Go does not know.
            let is_word = |word: &str| {
                let mut bytes = word.bytes();
                bytes.next().is_some_and(|b| b.is_ascii_uppercase()) && bytes.all(|b| b.is_ascii_lowercase())
            };
            let is_name = name.split('_').all(is_word) || name == "SignWriting";
            let is_code = name.len() == 4 && !SHORT_SCRIPTS.contains(&name);
            let script = format!("\\p{{sc={name}}}");
            if !is_name || is_code || regex::Regex::new(&script).is_err() {
                return refused(WRONG, shown);
            }
            script
        }
    };
    Ok((Part { inside, negated }, after))
}

/// Reads a class in brackets, which `text` begins with, and hands back what follows.
///
/// # Errors
/// Go's.
pub(super) fn read(text: &str) -> Result<(String, &str), String> {
    let mut rest = &text[1..];
    let negated = rest.starts_with('^');
    rest = &rest[usize::from(negated)..];
    let mut inside = String::new();
    let mut first = true;
    while first || !rest.starts_with(']') {
        first = false;
        if let Some((part, after)) = named(rest)? {
            inside += &part.within();
            rest = after;
            continue;
        }
        if rest.starts_with('\\')
            && let Some((part, after)) = of_escape(rest)?
        {
            inside += &part.within();
            rest = after;
            continue;
        }
        let from = rest;
        let (low, after) = character(rest, text)?;
        let mut high = low;
        rest = after;
        let is_range = rest.starts_with('-') && rest.len() > 1 && !rest[1..].starts_with(']');
        if is_range {
            (high, rest) = character(&rest[1..], text)?;
            if high < low {
                return refused("invalid character class range", &from[..from.len() - rest.len()]);
            }
        }
        put(&mut inside, low, high);
    }
    Ok((Part { inside, negated }.alone(), &rest[1..]))
}

/// `[:alpha:]` and its like.
fn named(text: &str) -> Result<Option<(Part, &str)>, String> {
    let Some((name, after)) = text.strip_prefix("[:").and_then(|t| t.split_once(":]")) else {
        return Ok(None);
    };
    let plain = name.strip_prefix('^').unwrap_or(name);
    match POSIX.iter().find(|(known, _)| *known == plain) {
        Some((_, inside)) => Ok(Some((Part::new(inside, plain != name), after))),
        None => refused("invalid character class range", &text[..text.len() - after.len()]),
    }
}

/// One character of a class, as a number: half of a surrogate pair is one here.
fn character<'t>(text: &'t str, class: &str) -> Result<(u32, &'t str), String> {
    let Some(c) = text.chars().next() else { return refused("missing closing ]", class) };
    if c != '\\' {
        return Ok((u32::from(c), &text[c.len_utf8()..]));
    }
    // What no text has is taken for the last of what it might be.
    escape::read(text).map(|(c, rest)| (c.map_or(0xDFFF, u32::from), rest))
}

/// Writes a range without the halves of surrogate pairs, which no text has.
fn put(inside: &mut String, low: u32, high: u32) {
    let low = if (0xD800..0xE000).contains(&low) { 0xE000 } else { low };
    let high = if (0xD800..0xE000).contains(&high) { 0xD7FF } else { high };
    if low == high {
        let _ = write!(inside, "\\x{{{low:X}}}");
    } else if low < high {
        let _ = write!(inside, "\\x{{{low:X}}}-\\x{{{high:X}}}");
    }
}
