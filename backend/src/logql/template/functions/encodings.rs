//! A text written in other ways: in addresses, in base 64, as JSON.

mod json;

use super::Result;
use crate::template::{Function, of, put, text};

pub(crate) fn query_escape(s: &str) -> String {
    let mut out = String::new();
    for b in s.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn query_unescape(s: &str) -> Result<String> {
    let mut out = Vec::new();
    let mut bytes = s.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                let (high, low) = (digit(), digit());
                high.zip(low).map(|(h, l)| (h * 16 + l) as u8).ok_or("invalid URL escape")?
            }
            b => b,
        });
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(s: &str) -> String {
    let mut out = String::with_capacity(s.len().div_ceil(3) * 4);
    for three in s.as_bytes().chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let letter = BASE64[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i > three.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

/// What a text in base 64 says, or at which of its bytes it stops to be one. Ends of lines are of no account.
fn from_base64(s: &str) -> std::result::Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(s.len() / 4 * 3);
    let mut letters = s.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n'));
    let mut four = Vec::with_capacity(4);
    while let Some((at, b)) = letters.next() {
        if b != b'=' {
            four.push(BASE64.iter().position(|letter| *letter == b).ok_or(at)? as u32);
            if four.len() == 4 {
                let bits = four.drain(..).fold(0, |bits, letter| bits << 6 | letter);
                out.extend([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            }
            continue;
        }
        match four.len() {
            0 | 1 => return Err(at),
            // Of two letters there are two signs.
            2 => match letters.next() {
                None => return Err(s.len()),
                Some((_, b'=')) => {}
                Some((at, _)) => return Err(at - 1),
            },
            _ => {}
        }
        if let Some((at, _)) = letters.next() {
            return Err(at);
        }
        let missing = 4 - four.len();
        let bits = four.drain(..).fold(0, |bits, letter| bits << 6 | letter) << (6 * missing);
        out.extend(&[(bits >> 16) as u8, (bits >> 8) as u8][..3 - missing]);
    }
    if four.is_empty() { Ok(out) } else { Err(s.len() - four.len()) }
}

pub(super) const FUNCTIONS: &[Function] = &[
    of("urlencode", 1, |a| put(query_escape(text(&a[0])?))),
    of("urldecode", 1, |a| put(query_unescape(text(&a[0])?)?)),
    of("b64enc", 1, |a| put(base64(text(&a[0])?))),
    of("b64dec", 1, |a| {
        // What is none is told in its place, as sprig does.
        put(match from_base64(text(&a[0])?) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(at) => format!("illegal base64 data at input byte {at}"),
        })
    }),
    of("fromJson", 1, |a| json::read(text(&a[0])?)).heavy(),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_is_read_and_refused_as_go_does() {
        for (text, read) in [
            ("", Ok("")),
            ("YQ==", Ok("a")),
            ("YWI=", Ok("ab")),
            ("YWJj", Ok("abc")),
            ("YW\nJj\r\n", Ok("abc")),
            ("YR==", Ok("a")),
            ("YQ=", Err(3)),
            ("YQ", Err(0)),
            ("Y", Err(0)),
            ("YWJjY", Err(4)),
            ("=", Err(0)),
            ("YQ=a", Err(2)),
            ("YQ==a", Err(4)),
            ("YW*j", Err(2)),
        ] {
            assert_eq!(from_base64(text), read.map(|s: &str| s.as_bytes().to_vec()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_in_base64_is_read(text in "\\PC{0,20}", broken in "[A-Za-z0-9+/=\n]{0,20}") {
            prop_assert_eq!(from_base64(&base64(&text)), Ok(text.into_bytes()));
            let _ = from_base64(&broken);
        }
    }
}
