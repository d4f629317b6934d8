//! Go's `printf` for texts and numbers: flags `-`, `+`, `0`, space, width, precision, and the verbs `s v d b o O c U f e g q x X t %`.
//! What is missing, left over or of the wrong kind is complained of in the text, as Go does.

use super::function::{bounded, times};
use super::value::Value;
use crate::logql::quote;
use crate::number::general;

type Result<T> = std::result::Result<T, String>;

/// # Errors
/// The text grows too long.
pub(super) fn print(format: &str, arguments: &[Value]) -> Result<String> {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some((text, directive)) = rest.split_once('%') {
        out.push_str(text);
        let (directive, after) = Directive::read(directive);
        rest = after;
        match (directive.verb, arguments.as_slice().first()) {
            (None, _) => out.push_str("%!(NOVERB)"),
            (Some('%'), _) => out.push('%'),
            (Some(verb), None) => out.push_str(&format!("%!{verb}(MISSING)")),
            (Some(verb), Some(value)) => {
                arguments.next();
                out.push_str(&directive.print(verb, value)?);
            }
        }
        bounded(out.len())?;
    }
    out.push_str(rest);
    let left = arguments.map(|value| match value {
        Value::Nothing => Ok("<nil>".to_owned()),
        value => Ok(format!("{}={}", value.kind(), value.print()?)),
    });
    let left = left.collect::<Result<Vec<String>>>()?;
    if !left.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", left.join(", ")));
    }
    Ok(out)
}

/// What stands behind a percent sign.
struct Directive<'f> {
    flags: &'f str,
    width: Option<usize>,
    precision: Option<usize>,
    verb: Option<char>,
}

impl<'f> Directive<'f> {
    /// The directive that `text` starts with, and what follows.
    fn read(text: &'f str) -> (Self, &'f str) {
        let flags = text.find(|c| !"-+0 #".contains(c)).unwrap_or(text.len());
        let (flags, after) = text.split_at(flags);
        let (width, after) = digits(after);
        let (precision, after) = match after.strip_prefix('.') {
            Some(after) => {
                let (precision, after) = digits(after);
                (Some(precision.unwrap_or(0)), after)
            }
            None => (None, after),
        };
        let verb = after.chars().next();
        let rest = &after[verb.map_or(0, char::len_utf8)..];
        (Self { flags, width, precision, verb }, rest)
    }

    /// A value, or one after the other the parts that it has.
    fn print(&self, verb: char, value: &Value) -> Result<String> {
        if matches!(value, Value::List(_) | Value::Map(_) | Value::Object(_)) {
            return value.print_parts(|part| self.print(verb, part));
        }
        Ok(match one(verb, value, self.precision)? {
            Some(printed) => self.pad(printed, value)?,
            None if *value == Value::Nothing => format!("%!{verb}(<nil>)"),
            None => format!("%!{verb}({}={})", value.kind(), self.pad(value.print()?, value)?),
        })
    }

    /// Brings a printed value to its width.
    fn pad(&self, mut printed: String, value: &Value) -> Result<String> {
        let is_number = matches!(value, Value::Int(_) | Value::Float(_));
        if is_number && !printed.starts_with(['-', '+']) {
            if self.flags.contains('+') {
                printed.insert(0, '+');
            } else if self.flags.contains(' ') {
                printed.insert(0, ' ');
            }
        }
        let missing = self.width.unwrap_or(0).saturating_sub(printed.chars().count());
        let pad = |c: &str| times(c, missing as i64);
        if self.flags.contains('-') {
            return Ok(printed + &pad(" ")?);
        }
        if self.flags.contains('0') {
            let sign = printed.find(|c: char| c.is_ascii_digit()).filter(|_| is_number).unwrap_or(0);
            return Ok(format!("{}{}{}", &printed[..sign], pad("0")?, &printed[sign..]));
        }
        Ok(pad(" ")? + &printed)
    }
}

fn digits(text: &str) -> (Option<usize>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].parse().ok(), &text[end..])
}

/// `None` where the verb does not print such a value.
fn one(verb: char, value: &Value, precision: Option<usize>) -> Result<Option<String>> {
    let precision = precision.map(|p| p.min(100));
    let cut = |text: &str| text.chars().take(precision.unwrap_or(usize::MAX)).collect::<String>();
    Ok(Some(match (verb, value) {
        ('s' | 'v', Value::Text(text)) => cut(text),
        ('q', Value::Text(text)) => quote(&cut(text)),
        ('x', Value::Text(text)) => text.bytes().map(|b| format!("{b:02x}")).collect(),
        ('X', Value::Text(text)) => text.bytes().map(|b| format!("{b:02X}")).collect(),
        ('d' | 'v', Value::Int(n)) => n.to_string(),
        ('x', Value::Int(n)) => format!("{}{:x}", if *n < 0 { "-" } else { "" }, n.unsigned_abs()),
        ('b', Value::Int(n)) => format!("{}{:b}", if *n < 0 { "-" } else { "" }, n.unsigned_abs()),
        ('o', Value::Int(n)) => format!("{}{:o}", if *n < 0 { "-" } else { "" }, n.unsigned_abs()),
        ('O', Value::Int(n)) => format!("{}0o{:o}", if *n < 0 { "-" } else { "" }, n.unsigned_abs()),
        ('c', Value::Int(n)) => character(*n).to_string(),
        ('U', Value::Int(n)) => format!("U+{n:04X}"),
        ('X', Value::Int(n)) => format!("{}{:X}", if *n < 0 { "-" } else { "" }, n.unsigned_abs()),
        ('f' | 'F', Value::Float(f)) if f.is_finite() => format!("{f:.*}", precision.unwrap_or(6)),
        ('e', Value::Float(f)) if f.is_finite() => {
            let text = format!("{f:.*e}", precision.unwrap_or(6));
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        ('g' | 'v', Value::Float(f)) => general(*f, precision),
        ('f' | 'F' | 'e', Value::Float(f)) => general(*f, None),
        ('t' | 'v', Value::Bool(b)) => b.to_string(),
        ('s' | 'v', Value::Time(_)) => value.print()?,
        ('v', Value::Nothing) => "<nil>".to_owned(),
        _ => return Ok(None),
    }))
}

/// The character of a number, and the sign for none where there is none.
fn character(n: i64) -> char {
    u32::try_from(n).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}
