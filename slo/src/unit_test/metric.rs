//! Series in their usual notation: `name{label="value"}`, `{__name__="name"}`, `{"a name", "a label"='value'}`.

use crate::engine::Labels;

/// A series, and what follows it.
///
/// Between name and brace there may be space, but not where samples follow: there, space ends the series.
pub(super) fn series(text: &str, samples_follow: bool) -> Result<(Labels, &str), String> {
    let text = text.trim_start();
    let length =
        text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(length);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("{name:?} is no name of a series"));
    }
    let mut labels = Labels::new();
    let inside = if samples_follow { rest } else { rest.trim_start() }.strip_prefix('{');
    if let Some(inside) = inside {
        (labels, rest) = braces(inside)?;
    }
    if !name.is_empty() {
        labels.retain(|_, value| !value.is_empty());
        labels.insert("__name__".into(), name.into());
    }
    Ok((labels, rest))
}

/// A series and nothing else; nothing at all is the series without labels.
pub(super) fn alone(text: &str) -> Result<Labels, String> {
    let (labels, rest) = series(text, false)?;
    match rest.trim_start() {
        "" => Ok(labels),
        rest => Err(format!("{rest:?} follows the labels and must not")),
    }
}

/// The labels up to the closing brace, and what follows it.
fn braces(text: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let quoted = rest.starts_with(['"', '\'', '`']);
        let (name, after) = if quoted { string(rest)? } else { identifier(rest)? };
        rest = after.trim_start();
        match rest.strip_prefix('=') {
            Some(after) => {
                let (value, after) = string(after.trim_start())?;
                labels.insert(name, value);
                rest = after.trim_start();
            }
            // A quoted name alone is the name of the series.
            None if quoted => drop(labels.insert("__name__".into(), name)),
            None => return Err(format!("label {name} has no =\"value\"")),
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err("expected a comma or } after a label".into()),
        }
    }
}

fn identifier(text: &str) -> Result<(String, &str), String> {
    let length = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(length);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("expected a label".into());
    }
    Ok((name.into(), rest))
}

/// A text in quotes, with Go's escapes in all but back quotes, and what follows it.
fn string(text: &str) -> Result<(String, &str), String> {
    let open =
        text.chars().next().filter(|c| ['"', '\'', '`'].contains(c)).ok_or("expected a text in quotes")?;
    let mut bytes = Vec::new();
    let mut rest = &text[1..];
    loop {
        let c = rest.chars().next().ok_or("a text in quotes does not end")?;
        rest = &rest[c.len_utf8()..];
        if c == open {
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        if c != '\\' || open == '`' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        rest = escape(rest, open, &mut bytes)?;
    }
}

/// What stands behind a backslash.
fn escape<'t>(rest: &'t str, open: char, bytes: &mut Vec<u8>) -> Result<&'t str, String> {
    let c = rest.chars().next().ok_or("a text in quotes does not end")?;
    let simple = match c {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' => Some(b'\\'),
        c if c == open => Some(c as u8),
        _ => None,
    };
    if let Some(byte) = simple {
        bytes.push(byte);
        return Ok(&rest[1..]);
    }
    let (skip, digits, radix) = match c {
        'x' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        '0'..='7' => (0, 3, 8),
        _ => return Err(format!("\\{c} means nothing in a text")),
    };
    let code = rest.get(skip..skip + digits).and_then(|code| u32::from_str_radix(code, radix).ok());
    let code = code.ok_or_else(|| format!("\\{c} wants {digits} digits"))?;
    match (c, u8::try_from(code)) {
        ('u' | 'U', _) => {
            let c = char::from_u32(code).ok_or_else(|| format!("\\{c} wants the number of a character"))?;
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
        }
        (_, Ok(byte)) => bytes.push(byte),
        (_, Err(_)) => return Err(format!("\\{c} wants a number below 256")),
    }
    Ok(&rest[skip + digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn series_are_read_in_every_notation() {
        for (text, pairs) in [
            ("", &[][..]),
            ("{}", &[]),
            ("up", &[("__name__", "up")]),
            ("a:b:c { job = 'x' , }", &[("__name__", "a:b:c"), ("job", "x")]),
            (
                r#"{"a name", "a.label"="v", b=`\n`}"#,
                &[("__name__", "a name"), ("a.label", "v"), ("b", "\\n")],
            ),
            (r#"x{a="\"\n\u00e9\x41\101"}"#, &[("__name__", "x"), ("a", "\"\n\u{e9}AA")]),
            ("x{a=\"\"}", &[("__name__", "x")]),
            ("{a=\"\"}", &[("a", "")]),
        ] {
            assert_eq!(alone(text), Ok(labels(pairs)), "{text}");
        }
        for wrong in [
            "up{",
            "up{a}",
            "up{a=}",
            "up{a=\"b\"",
            "up{a=\"b\" c=\"d\"}",
            "up 1",
            "1up",
            "{a=\"\\q\"}",
            "{a=\"\\xZZ\"}",
        ] {
            assert!(alone(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn space_ends_a_series_that_samples_follow() {
        assert_eq!(series("up {a", true), Ok((labels(&[("__name__", "up")]), " {a")));
        assert_eq!(series("up{a=\"b c\"} 1 2", true).expect("a series").1, " 1 2");
    }
}
