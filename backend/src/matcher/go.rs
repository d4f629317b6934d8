//! Regexes as Go reads them, which is how PromQL and LogQL mean them: read by Go's own rules, refused in its words, and
//! written for the engine here, in which each part means what it means there.

mod class;
mod escape;

use std::ops::Deref;
use std::sync::Arc;

use regex::Regex;

/// Most times that something may be repeated, repetitions within repetitions multiplied.
const MAX_REPEAT: u64 = 1000;

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

/// What is wrong with a regex, in Go's words.
fn refused<T>(what: &str, at: &str) -> Result<T, String> {
    Err(format!("error parsing regexp: {what}: `{at}`"))
}

/// Writes a regex of Go's for the engine here.
///
/// # Errors
/// Go's.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        pattern,
        out: String::with_capacity(pattern.len() + 8),
        flags: String::new(),
        groups: vec![Group::default()],
    };
    let mut rest = pattern;
    let mut last_repeat = None;
    while let Some(c) = rest.chars().next() {
        let repeats = matches!(c, '*' | '+' | '?') || c == '{' && counts(rest).is_some();
        if repeats {
            let before = rest;
            rest = translator.repeat(rest, last_repeat)?;
            last_repeat = Some(before);
        } else {
            rest = translator.item(c, rest)?;
            last_repeat = None;
        }
    }
    if translator.groups.len() > 1 {
        return refused("missing closing )", pattern);
    }
    Ok(translator.out)
}

/// What is open: the whole, or something in parentheses.
#[derive(Debug, Default, Clone, Copy)]
struct Group {
    /// Whether there is something that a repetition would repeat.
    has_operand: bool,
    /// How often the last operand may be repeated by what is in it, and the most of those before.
    last: u64,
    most: u64,
}

struct Translator<'p> {
    pattern: &'p str,
    out: String,
    /// Flags that are set from here on. They are written before the next part, since a repetition behind them is one of the
    /// part before.
    flags: String,
    groups: Vec<Group>,
}

impl<'p> Translator<'p> {
    fn group(&mut self) -> &mut Group {
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    fn operand(&mut self, text: &str, repeats: u64) {
        self.out += &std::mem::take(&mut self.flags);
        self.out += text;
        let group = self.group();
        group.most = group.most.max(group.last);
        group.last = repeats;
        group.has_operand = true;
    }

    fn literal(&mut self, c: char) {
        let mut bytes = [0; 4];
        self.operand(&regex::escape(c.encode_utf8(&mut bytes)), 1);
    }

    /// What is no repetition; hands back what follows.
    fn item(&mut self, c: char, rest: &'p str) -> Result<&'p str, String> {
        let after = &rest[c.len_utf8()..];
        match c {
            '(' if after.starts_with('?') => return self.perl(rest),
            '(' => self.open("("),
            '|' => {
                self.out += &std::mem::take(&mut self.flags);
                self.out.push('|');
                self.group().has_operand = false;
            }
            ')' => self.close()?,
            '^' | '$' | '.' => {
                let mut bytes = [0; 4];
                self.operand(c.encode_utf8(&mut bytes), 1);
            }
            '[' => {
                let (class, after) = class::read(rest)?;
                self.operand(&class, 1);
                return Ok(after);
            }
            '\\' => return self.escape(rest),
            c => self.literal(c),
        }
        Ok(after)
    }

    fn open(&mut self, written: &str) {
        self.out += &std::mem::take(&mut self.flags);
        self.out += written;
        self.groups.push(Group::default());
    }

    fn close(&mut self) -> Result<(), String> {
        if self.groups.len() < 2 {
            return refused("unexpected )", self.pattern);
        }
        let closed = self.groups.pop().unwrap_or_default();
        // Flags end with what they stand in.
        self.flags.clear();
        self.operand(")", closed.most.max(closed.last).max(1));
        Ok(())
    }

    /// A group that has a name or flags, or flags alone.
    fn perl(&mut self, text: &'p str) -> Result<&'p str, String> {
        let named = text.strip_prefix("(?P<").or_else(|| text.strip_prefix("(?<"));
        if let Some(named) = named {
            let Some((name, after)) = named.split_once('>') else {
                return refused("invalid named capture", text);
            };
            // Go takes names that begin with a digit, which would be lost here.
            let starts_well = !name.starts_with(|c: char| c.is_ascii_digit());
            let valid = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            if name.is_empty() || !valid || !starts_well {
                return refused("invalid named capture", &text[..text.len() - after.len()]);
            }
            self.open(&format!("(?P<{name}>"));
            return Ok(after);
        }
        let (mut negated, mut saw_flag) = (false, false);
        for (i, c) in text.char_indices().skip(2) {
            let after = &text[i + c.len_utf8()..];
            match c {
                'i' | 'm' | 's' | 'U' => saw_flag = true,
                '-' if !negated => (negated, saw_flag) = (true, false),
                ':' | ')' if !negated || saw_flag => {
                    if c == ':' {
                        self.open(&text[..=i]);
                    } else if i > 2 {
                        self.flags += &text[..=i];
                    }
                    return Ok(after);
                }
                _ => return refused("invalid or unsupported Perl syntax", &text[..text.len() - after.len()]),
            }
        }
        refused("invalid or unsupported Perl syntax", text)
    }

    /// What a backslash begins.
    fn escape(&mut self, text: &'p str) -> Result<&'p str, String> {
        let after = text.get(2..);
        match (text.as_bytes().get(1), after) {
            (Some(b'A'), Some(after)) => self.operand_and("\\A", after),
            (Some(b'z'), Some(after)) => self.operand_and("\\z", after),
            // Words are of ASCII alone.
            (Some(b'b'), Some(after)) => self.operand_and("(?-u:\\b)", after),
            (Some(b'B'), Some(after)) => self.operand_and("(?-u:\\B)", after),
            (Some(b'C'), Some(_)) => refused("invalid escape sequence", &text[..2]),
            (Some(b'Q'), Some(after)) => {
                let (literal, rest) = after.split_once("\\E").unwrap_or((after, ""));
                literal.chars().for_each(|c| self.literal(c));
                Ok(rest)
            }
            _ => {
                if let Some((class, rest)) = class::of_escape(text)? {
                    return self.operand_and(&class.alone(), rest);
                }
                let (value, rest) = escape::read(text)?;
                match value {
                    Some(c) => self.literal(c),
                    None => self.operand(class::NOTHING, 1),
                }
                Ok(rest)
            }
        }
    }

    fn operand_and(&mut self, text: &str, after: &'p str) -> Result<&'p str, String> {
        self.operand(text, 1);
        Ok(after)
    }

    /// A repetition of what stands before it; hands back what follows.
    fn repeat(&mut self, text: &'p str, last: Option<&'p str>) -> Result<&'p str, String> {
        let counted = counts(text);
        let mut after = counted.map_or(&text[1..], |c| c.after);
        let shown = |from: &'p str, after: &str| &from[..from.len() - after.len()];
        if let Some(counts) = counted
            && counts.least.max(counts.most.unwrap_or(0)) > MAX_REPEAT
        {
            return refused("invalid repeat count", shown(text, after));
        }
        if let Some(Counts { least, most: Some(most), .. }) = counted
            && least > most
        {
            return refused("invalid repeat count", shown(text, after));
        }
        after = after.strip_prefix('?').unwrap_or(after);
        if let Some(last) = last {
            return refused("invalid nested repetition operator", shown(last, after));
        }
        if !self.group().has_operand {
            return refused("missing argument to repetition operator", shown(text, after));
        }
        if let Some(Counts { least, most, .. }) = counted {
            let times = most.unwrap_or(least).max(1);
            let group = self.group();
            group.last = group.last.max(1).saturating_mul(times);
            if group.last > MAX_REPEAT && least.max(most.unwrap_or(0)) >= 2 {
                return refused("invalid repeat count", shown(text, after));
            }
        }
        self.out += shown(text, after);
        Ok(after)
    }
}

/// How often something is to be repeated.
#[derive(Debug, Clone, Copy)]
struct Counts<'p> {
    least: u64,
    most: Option<u64>,
    after: &'p str,
}

/// What `{2}`, `{2,}` or `{2,5}` says; `None` for braces that stand for themselves.
fn counts(text: &str) -> Option<Counts<'_>> {
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = text.len() > 1 && text.starts_with('0');
        // Too large a number is one, too.
        (plain && !leading_zero).then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (inside, after) = text.strip_prefix('{')?.split_once('}')?;
    let (least, most) = match inside.split_once(',') {
        None => (number(inside)?, Some(number(inside)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some(Counts { least, most, after })
}

#[cfg(test)]
mod tests;
