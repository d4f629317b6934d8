//! Reads JSON as Go does where it does not know what will come: numbers are fractions, and what is no JSON is nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::template::Value;

/// Deepest nesting.
const MAX_DEPTH: usize = 100;

/// The value that a text says; nothing where it is no JSON.
///
/// # Errors
/// It is nested too deeply.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader { rest: text, depth: 0 };
    let value = reader.value();
    if reader.depth > MAX_DEPTH {
        return Err(format!("the JSON is nested more than {MAX_DEPTH} levels deep"));
    }
    reader.space();
    Ok(value.filter(|_| reader.rest.is_empty()).unwrap_or(Value::Nothing))
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    /// Passes a sign, and the space before it.
    fn sign(&mut self, sign: char) -> Option<()> {
        self.space();
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(value)
    }

    fn value(&mut self) -> Option<Value> {
        self.space();
        match self.rest.as_bytes().first()? {
            b'{' => self.deeper(Self::object),
            b'[' => self.deeper(Self::list),
            b'"' => self.text().map(Value::Text),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Nothing),
            _ => self.number(),
        }
    }

    /// Reads something that has parts. Where that is too deep, the depth stays above what it may be.
    fn deeper(&mut self, read: fn(&mut Self) -> Option<Value>) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let value = read(self)?;
        self.depth -= 1;
        Some(value)
    }

    fn object(&mut self) -> Option<Value> {
        self.sign('{')?;
        let mut entries = BTreeMap::new();
        if self.sign('}').is_none() {
            loop {
                self.space();
                let key = self.text()?;
                self.sign(':')?;
                entries.insert(key, self.value()?);
                if self.sign('}').is_some() {
                    break;
                }
                self.sign(',')?;
            }
        }
        Some(Value::Object(Arc::new(entries)))
    }

    fn list(&mut self) -> Option<Value> {
        self.sign('[')?;
        let mut items = Vec::new();
        if self.sign(']').is_none() {
            loop {
                items.push(self.value()?);
                if self.sign(']').is_some() {
                    break;
                }
                self.sign(',')?;
            }
        }
        Some(Value::List(items.into()))
    }

    /// What is between quotes. Half of a pair of codes is the sign for no character.
    fn text(&mut self) -> Option<String> {
        let mut rest = self.rest.strip_prefix('"')?;
        let mut text = String::new();
        loop {
            let end = rest.find(|c: char| c == '"' || c == '\\' || c < ' ')?;
            text.push_str(&rest[..end]);
            let mut after = rest[end..].chars();
            match (after.next()?, after.next()) {
                ('"', _) => {
                    self.rest = &rest[end + 1..];
                    return Some(text);
                }
                ('\\', Some('u')) => {
                    let (c, used) = escaped(&rest[end..])?;
                    text.push(c);
                    rest = &rest[end + used..];
                    continue;
                }
                ('\\', Some(c)) => text.push(match c {
                    '"' | '\\' | '/' => c,
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    _ => return None,
                }),
                _ => return None,
            }
            rest = after.as_str();
        }
    }

    fn number(&mut self) -> Option<Value> {
        let text = self.rest;
        let bytes = text.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = usize::from(bytes.first() == Some(&b'-'));
        let whole = digits(end);
        if whole == 0 || whole > 1 && bytes[end] == b'0' {
            return None;
        }
        end += whole;
        if bytes.get(end) == Some(&b'.') {
            let places = digits(end + 1);
            if places == 0 {
                return None;
            }
            end += 1 + places;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let signs = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits((end + 1 + signs).min(bytes.len()));
            if exponent == 0 {
                return None;
            }
            end += 1 + signs + exponent;
        }
        self.rest = &text[end..];
        let number: f64 = text[..end].parse().ok()?;
        // What is too large Go leaves out.
        Some(if number.is_finite() { Value::Float(number) } else { Value::Nothing })
    }
}

/// The character that the escape is which a text starts with, or the two that are a pair, and how many bytes that takes.
fn escaped(text: &str) -> Option<(char, usize)> {
    let unit = |text: &str| {
        let digits =
            text.strip_prefix("\\u")?.get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(text)?;
    let pair = text.get(6..).and_then(unit).map(|second| [first, second]);
    let joined = pair.and_then(|pair| {
        let mut both = char::decode_utf16(pair);
        both.next()?.ok().filter(|_| both.next().is_none())
    });
    match joined {
        Some(c) => Some((c, 12)),
        None => Some((char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER), 6)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(text: &str) -> String {
        read(text).and_then(|value| value.print()).expect("a value")
    }

    #[test]
    fn json_is_read_as_go_reads_it() {
        for (text, expected) in [
            (
                r#" {"b": [1, 2.50, -0, 1e3], "a": {"x": null, "y": true}} "#,
                "map[a:map[x:<nil> y:true] b:[1 2.5 -0 1000]]",
            ),
            (r#""a\n\u00e9\ud83d\ude00\ud83d\u0041""#, "a\né😀\u{fffd}A"),
            (r#"{"a":1,"a":"2"}"#, "map[a:2]"),
            ("[]", "[]"),
            ("{}", "map[]"),
            ("1e400", "<nil>"),
            ("[1e400,1]", "[<nil> 1]"),
            ("12345678", "1.2345678e+07"),
        ] {
            assert_eq!(printed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_nothing() {
        for text in [
            "",
            "x",
            "{",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "1 2",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "nul",
            "truex",
            "'a'",
        ] {
            assert_eq!(read(text), Ok(Value::Nothing), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(read(&"[".repeat(200_000)).is_err());
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(read(&nested(MAX_DEPTH)).is_ok_and(|value| value != Value::Nothing));
        assert!(read(&nested(MAX_DEPTH + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", near in r#"[{}\[\]",:0-9eE.+a-fu\\ -]{0,40}"#) {
            let _ = (read(&text), read(&near));
        }

        #[test]
        fn the_text_of_any_text_is_read(text in "\\PC{0,40}") {
            let written = serde_json::to_string(&text).expect("JSON");
            prop_assert_eq!(read(&written), Ok(Value::Text(text)));
        }
    }
}
