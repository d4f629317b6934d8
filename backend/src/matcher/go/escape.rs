//! Escapes that stand for one character.

use super::refused;

/// Reads an escape, which `text` begins with: the character (`None` for half of a surrogate pair, which no text has), and
/// what follows.
///
/// # Errors
/// Go's.
pub(super) fn read(text: &str) -> Result<(Option<char>, &str), String> {
    let after = &text[1..];
    let Some(c) = after.chars().next() else {
        return refused("trailing backslash at end of expression", "");
    };
    let after = &after[c.len_utf8()..];
    let wrong = |after: &str| refused("invalid escape sequence", &text[..text.len() - after.len()]);
    let simple = match c {
        'a' => '\u{7}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => return hex(text, after),
        '0'..='7' if c == '0' || after.starts_with(|c: char| ('0'..='7').contains(&c)) => {
            let more = after.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let digits = &text[1..2 + more];
            let value = u32::from_str_radix(digits, 8).unwrap_or_default();
            return Ok((char::from_u32(value), &after[more..]));
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return wrong(after),
    };
    Ok((Some(simple), after))
}

/// `\x41` or `\x{1F600}`, of which `after` follows the `x`.
fn hex<'t>(text: &'t str, after: &'t str) -> Result<(Option<char>, &'t str), String> {
    let wrong = |after: &str| refused("invalid escape sequence", &text[..text.len() - after.len()]);
    let mut chars = after.chars();
    if after.starts_with('{') {
        chars.next();
        let (mut value, mut digits) = (0_u32, 0);
        for c in chars.by_ref() {
            if c == '}' {
                break;
            }
            digits += 1;
            // Where it is told, what is wrong ends with the first character that does not fit.
            let rest =
                &after[after.char_indices().nth(digits).map_or(after.len(), |(i, c)| i + c.len_utf8())..];
            let Some(digit) = c.to_digit(16) else { return wrong(rest) };
            value = value * 16 + digit;
            if value > u32::from(char::MAX) {
                return wrong(rest);
            }
        }
        let rest = chars.as_str();
        let is_closed = after[..after.len() - rest.len()].ends_with('}');
        if digits == 0 || !is_closed {
            return wrong(rest);
        }
        return Ok((char::from_u32(value), rest));
    }
    let (first, second) = (chars.next(), chars.next());
    let digit = |c: Option<char>| c.and_then(|c| c.to_digit(16));
    match (digit(first), digit(second)) {
        (Some(a), Some(b)) => Ok((char::from_u32(a * 16 + b), chars.as_str())),
        _ => wrong(chars.as_str()),
    }
}
