//! Reading fields out of JSON lines the way Loki does: from the left, keeping what was found before something is wrong,
//! numbers as they are written, what follows the object of no account. Also the paths (`a.b[0]["c"]`) that pick single
//! fields.

mod path;

pub(crate) use path::Path;

/// A value in the text of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'l> {
    /// The text between the quotes, still escaped.
    Text(&'l str),
    /// A number or a boolean, as written.
    Bare(&'l str),
    Null,
    Object(&'l str),
    Array(&'l str),
}

impl Value<'_> {
    /// As a label's value. What is badly escaped is empty.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(raw) | Self::Array(raw) => unescape(raw).unwrap_or_default().replace('\u{fffd}', " "),
            Self::Bare(raw) | Self::Object(raw) => (*raw).to_owned(),
            Self::Null => String::new(),
        }
    }
}

/// Why reading ends before the end of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// What is wrong with the text.
    Wrong(&'static str),
    /// All that was asked for is there.
    Enough,
    /// The entry is to be dropped.
    Drop,
}

const NO_OBJECT: Stop = Stop::Wrong("Value looks like object, but can't find closing '}' symbol");
const NO_ARRAY: Stop = Stop::Wrong("Value is array, but can't find closing ']' symbol");
const NO_STRING: Stop = Stop::Wrong("Value is string, but can't find closing '\"' symbol");
const NO_ESCAPE: Stop = Stop::Wrong("Encountered an invalid escape sequence in a string");
const NO_TYPE: Stop = Stop::Wrong("Unknown value type");
const MALFORMED: Stop = Stop::Wrong("Malformed JSON error");

fn trim(text: &str) -> &str {
    text.trim_start_matches([' ', '\n', '\r', '\t'])
}

/// Calls `field` for each key, unescaped, and value of the object that `text` starts with.
///
/// # Errors
/// What is wrong with the text, or what `field` says; fields before that were handed over.
pub(crate) fn each_field<'l>(
    text: &'l str,
    mut field: impl FnMut(&str, Value<'l>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut rest = trim(trim(text).strip_prefix('{').ok_or(NO_OBJECT)?);
    if rest.is_empty() {
        return Err(MALFORMED);
    }
    loop {
        if rest.starts_with('}') {
            return Ok(());
        }
        if !rest.starts_with('"') {
            return Err(NO_OBJECT);
        }
        let (key, after) = string(rest).ok_or(MALFORMED)?;
        let key = unescape(key).ok_or(NO_ESCAPE)?;
        let after = trim(after).strip_prefix(':').ok_or(MALFORMED)?;
        let (value, after) = value(after)?;
        field(&key, value)?;
        rest = trim(after);
        match rest.as_bytes().first() {
            Some(b',') => rest = trim(&rest[1..]),
            Some(b'}') => return Ok(()),
            Some(_) => return Err(NO_OBJECT),
            None => return Err(NO_ARRAY),
        }
        if rest.is_empty() {
            return Err(NO_ARRAY);
        }
    }
}

/// The value that `text` starts with, and what follows.
fn value(text: &str) -> Result<(Value<'_>, &str), Stop> {
    let text = trim(text);
    match text.as_bytes().first() {
        None => Err(MALFORMED),
        Some(b'"') => string(text).map(|(s, rest)| (Value::Text(s), rest)).ok_or(NO_STRING),
        Some(b'{') => block(text, b'{', b'}').map(|(raw, rest)| (Value::Object(raw), rest)).ok_or(NO_OBJECT),
        Some(b'[') => block(text, b'[', b']').map(|(raw, rest)| (Value::Array(raw), rest)).ok_or(NO_ARRAY),
        Some(first) => {
            let end = text.find([' ', '\n', '\r', '\t', ',', '}', ']']).unwrap_or(text.len());
            let (raw, rest) = text.split_at(end);
            match raw {
                "null" => Ok((Value::Null, rest)),
                "true" | "false" => Ok((Value::Bare(raw), rest)),
                // A number is not looked at any closer.
                _ if *first == b'-' || first.is_ascii_digit() => Ok((Value::Bare(raw), rest)),
                _ => Err(NO_TYPE),
            }
        }
    }
}

/// The object or list that `text` starts with, and what follows. Only its own kind of brackets is counted.
fn block(text: &str, open: u8, close: u8) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let (mut i, mut level) = (0, 0);
    while i < bytes.len() {
        match bytes[i] {
            b'"' => {
                let (_, rest) = string(&text[i..])?;
                i = text.len() - rest.len();
                continue;
            }
            b if b == open => level += 1,
            b if b == close => {
                level -= 1;
                if level == 0 {
                    return Some(text.split_at(i + 1));
                }
            }
            _ => {}
        }
        i += 1;
    }
    None
}

/// The string that `text` starts with, escaped as it is, and what follows.
fn string(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let bytes = inner.as_bytes();
    let mut i = 0;
    loop {
        match bytes.get(i)? {
            b'"' => return Some((&inner[..i], &inner[i + 1..])),
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
}

/// A JSON string's text; `None` where an escape is none.
pub(crate) fn unescape(raw: &str) -> Option<String> {
    let Some(first) = raw.find('\\') else { return Some(raw.to_owned()) };
    let mut text = raw[..first].to_owned();
    let mut rest = &raw[first..];
    while let Some(escape) = rest.strip_prefix('\\') {
        let after = match escape.as_bytes().first()? {
            b'u' => {
                let (c, after) = unicode(&escape[1..])?;
                text.push(c);
                after
            }
            simple => {
                text.push(match simple {
                    b'"' | b'\\' | b'/' => char::from(*simple),
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    _ => return None,
                });
                &escape[1..]
            }
        };
        let next = after.find('\\').unwrap_or(after.len());
        text.push_str(&after[..next]);
        rest = &after[next..];
    }
    Some(text)
}

/// The character whose code, or two halves of it, stand behind `\u`.
fn unicode(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| {
        let digits = text.get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let high = unit(text)?;
    let after = &text[4..];
    if !(0xd800..0xe000).contains(&high) {
        return char::from_u32(u32::from(high)).map(|c| (c, after));
    }
    let after = after.strip_prefix("\\u")?;
    let low = unit(after).filter(|low| *low >= 0xdc00)?;
    let c = char::decode_utf16([high, low]).next().and_then(Result::ok);
    Some((c.unwrap_or(char::REPLACEMENT_CHARACTER), &after[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(text: &str) -> (Vec<(String, String)>, bool) {
        let mut found = Vec::new();
        let ended = each_field(text, |k, v| {
            found.push((k.to_owned(), v.text()));
            Ok(())
        });
        (found, ended.is_ok())
    }

    #[test]
    fn numbers_stay_as_written_and_what_comes_before_a_fault_is_kept() {
        let (found, ok) = fields(r#"{"a": 1.0, "b":"x\n\u00e9", "c":{"d":[1]}, "e":null} and more"#);
        assert!(ok);
        let texts: Vec<&str> = found.iter().map(|(_, v)| v.as_str()).collect();
        assert_eq!(texts, ["1.0", "x\né", r#"{"d":[1]}"#, ""]);
        assert_eq!(fields(r#"{"a":1"#), (vec![("a".to_owned(), "1".to_owned())], false));
        assert_eq!(fields(r#"{"a":1,}"#), (vec![("a".to_owned(), "1".to_owned())], true));
        assert_eq!(fields("plain"), (vec![], false));
        assert_eq!(fields("{}"), (vec![], true));
    }

    #[test]
    fn escapes_are_read_and_wrong_ones_make_the_value_empty() {
        for (raw, text) in [
            (r"\ud83d\ude00 \/\b", Some("😀 /\u{8}")),
            ("a\tb", Some("a\tb")),
            (r"\ud83d", None),
            (r"\x", None),
            (r"\u12", None),
        ] {
            assert_eq!(unescape(raw).as_deref(), text, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,60}", broken in r#"[{}\[\]":,a0u\\ ]{0,40}"#) {
            let _ = fields(&line);
            let _ = fields(&broken);
            let _ = fields(&format!("{{{broken}"));
            let _ = unescape(&broken);
            let _ = Path::parse(&line).map(|p| p.find(&broken).is_some());
        }
    }
}
