//! One member of a W3C `baggage` header, written and read. Only one key is of interest here, and a value may hold any
//! visible character, `%` included, which the SDK's propagator does not escape.

use std::fmt::Write;

/// Longest header that is looked at; the W3C limit.
const MAX_HEADER: usize = 8192;
/// Most members that are looked at.
const MAX_MEMBERS: usize = 64;

/// `key=value` with the value percent-encoded. `key` must be a token.
pub(crate) fn write(key: &str, value: &str) -> String {
    let mut member = String::with_capacity(key.len() + 1 + value.len());
    member.push_str(key);
    member.push('=');
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/+@!#$&'()*?[]^`{|}<>".contains(&byte) {
            member.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(member, "%{byte:02X}");
        }
    }
    member
}

/// The decoded value of `key` in `header`, without its properties. `None` when absent, malformed or the header oversized.
pub(crate) fn read(header: &str, key: &str) -> Option<String> {
    if header.len() > MAX_HEADER {
        return None;
    }
    header.split(',').take(MAX_MEMBERS).find_map(|member| {
        let (name, rest) = member.split_once('=')?;
        let value = rest.split(';').next()?;
        if name.trim() == key { percent_decode(value.trim()) } else { None }
    })
}

/// Undoes percent-encoding; `None` when an escape is broken or the result is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let digits =
                std::str::from_utf8(&digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            decoded.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visible_character_survives_the_way_there_and_back() {
        let all: String = (0x21..=0x7e).map(char::from).collect();
        let header = format!("first=1,{},last=2", write("correlation.id", &all));
        assert_eq!(read(&header, "correlation.id"), Some(all));
    }

    #[test]
    fn broken_and_oversized_headers_give_nothing() {
        assert_eq!(read("k=%4", "k"), None);
        assert_eq!(read("k=%+1", "k"), None);
        assert_eq!(read("k=%ff", "k"), None);
        assert_eq!(read("k", "k"), None);
        let long = format!("pad={},k=1", "x".repeat(MAX_HEADER));
        assert_eq!(read(&long, "k"), None);
    }
}
