//! Arithmetic of durations, as in `x[5m + 1m]` and `x offset (2 * 30s)`, which the grammar crate does not know: it is worked out
//! and stands in the text as what it comes to. `step()` and `range()` are known only when a query is asked, and refused.

use std::borrow::Cow;

use super::QueryError;
use super::check::seconds;
use super::text::{Kind, Token, tokens};

/// Deepest nesting of one duration.
const MAX_DEPTH: usize = 32;

/// The query with every duration that is not a plain one replaced by its length in seconds.
///
/// # Errors
/// A duration that is none, or not above zero where it is the length of a range.
pub(super) fn plain(text: &str) -> Result<Cow<'_, str>, QueryError> {
    let tokens = tokens(text);
    let mut plain = String::new();
    let mut copied = 0;
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        i += 1;
        let found = match token.kind {
            Kind::Symbol(b'[') => in_brackets(text, &tokens[i - 1..])?,
            Kind::Word if text[token.start..token.end].eq_ignore_ascii_case("offset") => {
                of_offset(text, &tokens[i..])?
            }
            _ => None,
        };
        if let Some((from, to, replacement)) = found {
            plain.push_str(&text[copied..from]);
            plain.push_str(&replacement);
            copied = to;
            i += tokens[i..].iter().take_while(|t| t.start < to).count();
        }
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(text));
    }
    plain.push_str(&text[copied..]);
    Ok(Cow::Owned(plain))
}

/// From where to where what is to be replaced.
type Replaced = Option<(usize, usize, String)>;

/// A range, or a range and a step, in brackets.
fn in_brackets(text: &str, tokens: &[Token]) -> Result<Replaced, QueryError> {
    let (Some(open), Some(close)) = (tokens.first(), tokens.iter().find(|t| t.kind == Kind::Symbol(b']')))
    else {
        return Ok(None);
    };
    let content = &text[open.end..close.start];
    let parts: Vec<&str> = content.splitn(2, ':').collect();
    let is_plain = |part: &&str| super::text::tokens(part).len() <= 1;
    if parts.iter().all(is_plain) {
        return Ok(None);
    }
    let mut replaced = Vec::new();
    let mut from = open.end;
    for part in parts {
        let at = from;
        from += part.len() + 1;
        if is_plain(&part) {
            replaced.push(part.to_owned());
            continue;
        }
        let seconds = Reader::all(part).and_then(|seconds| {
            if seconds <= 0.0 { Err(bad("duration must be greater than 0")) } else { literal(seconds) }
        });
        replaced.push(seconds.map_err(|mistake| placed(&mistake, at, part))?);
    }
    Ok(Some((open.end, close.start, replaced.join(":"))))
}

/// A duration in parentheses after `offset`; or one of no length, which the grammar crate refuses.
fn of_offset(text: &str, tokens: &[Token]) -> Result<Replaced, QueryError> {
    let signs = tokens.iter().take_while(|t| matches!(t.kind, Kind::Symbol(b'-' | b'+'))).count();
    let (signs, rest) = tokens.split_at(signs);
    let signed = signs.first();
    let negated = signs.iter().filter(|t| t.kind == Kind::Symbol(b'-')).count() % 2 == 1;
    if let Some(length) = rest.first().filter(|t| t.kind == Kind::Number) {
        let written = &text[length.start..length.end];
        let has_unit = written.ends_with(|c: char| c.is_ascii_alphabetic());
        let is_none = has_unit && seconds(written) == Ok(0.0);
        let plain = if is_none { "0" } else { written };
        return Ok(match signs {
            [] | [_] => is_none.then(|| (length.start, length.end, plain.to_owned())),
            [first, ..] => {
                Some((first.start, length.end, format!("{}{plain}", if negated { "-" } else { "" })))
            }
        });
    }
    let Some(open) = rest.first().filter(|t| t.kind == Kind::Symbol(b'(')) else { return Ok(None) };
    if signed.is_none() {
        // Without a sign before it, an operator behind it is one between durations.
        let part = &text[open.start..];
        let mut reader = Reader::new(part);
        let read = reader.sum();
        let end = reader.at.checked_sub(1).and_then(|last| reader.tokens.get(last)).map_or(0, |t| t.end);
        let read = read.and_then(|seconds| {
            Ok(format!("{}{}", if seconds < 0.0 { "-" } else { "" }, literal(seconds.abs())?))
        });
        let replacement = read.map_err(|mistake| placed(&mistake, open.start, &part[..end]))?;
        return Ok(Some((open.start, open.start + end, replacement)));
    }
    let mut depth = 0_usize;
    let close = rest.iter().find(|t| {
        match t.kind {
            Kind::Symbol(b'(') => depth += 1,
            Kind::Symbol(b')') => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let Some(close) = close else { return Ok(None) };
    let inner = &text[open.end..close.start];
    let read = Reader::all(inner).and_then(|seconds| {
        let seconds = if negated { -seconds } else { seconds };
        Ok(format!("{}{}", if seconds < 0.0 { "-" } else { "" }, literal(seconds.abs())?))
    });
    let replacement = read.map_err(|mistake| placed(&mistake, open.end, inner))?;
    Ok(Some((signed.unwrap_or(open).start, close.end, replacement)))
}

fn bad(message: &str) -> QueryError {
    QueryError::Bad(message.to_owned())
}

/// A mistake with where the duration begins and ends, in bytes: so Prometheus places what it finds when it works one out.
fn placed(mistake: &QueryError, at: usize, part: &str) -> QueryError {
    let start = at + part.len() - part.trim_start().len();
    QueryError::Bad(format!("{start}:{}: {mistake}", start + part.trim().len()))
}

/// Seconds, to the millisecond, as the grammar takes them.
fn literal(seconds: f64) -> Result<String, QueryError> {
    if !seconds.is_finite() {
        return Err(bad("duration is NaN or infinite"));
    }
    if seconds > i64::MAX as f64 / 1e9 {
        return Err(bad("duration is out of range"));
    }
    let ms = (seconds * 1000.0) as u64;
    Ok(format!("{}.{:03}", ms / 1000, ms % 1000))
}

/// Reads an expression: `+ -` before `* / %`, then signs, then `^` from the right.
struct Reader<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, tokens: tokens(text), at: 0, depth: 0 }
    }

    fn all(text: &'t str) -> Result<f64, QueryError> {
        let mut reader = Self::new(text);
        let value = reader.sum()?;
        if reader.at < reader.tokens.len() { Err(reader.unexpected()) } else { Ok(value) }
    }

    /// A token's text. That of a character which is none of the language's is not looked at.
    fn of(&self, token: &Token) -> &'t str {
        self.text.get(token.start..token.end).unwrap_or("?")
    }

    fn unexpected(&self) -> QueryError {
        let rest = self.tokens.get(self.at).map_or("end of input", |t| self.of(t));
        bad(&format!("unexpected {rest:?} in duration expression"))
    }

    fn symbol(&mut self, wanted: &[u8]) -> Option<u8> {
        let found = match self.tokens.get(self.at)?.kind {
            Kind::Symbol(b) if wanted.contains(&b) => b,
            _ => return None,
        };
        self.at += 1;
        Some(found)
    }

    fn expect(&mut self, symbol: u8) -> Result<(), QueryError> {
        self.symbol(&[symbol]).map(|_| ()).ok_or_else(|| self.unexpected())
    }

    fn sum(&mut self) -> Result<f64, QueryError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(bad("a duration is nested too deeply"));
        }
        let mut value = self.product()?;
        while let Some(op) = self.symbol(b"+-") {
            let other = self.product()?;
            value = if op == b'+' { value + other } else { value - other };
        }
        self.depth -= 1;
        Ok(value)
    }

    fn product(&mut self) -> Result<f64, QueryError> {
        let mut value = self.signed()?;
        while let Some(op) = self.symbol(b"*/%") {
            let other = self.signed()?;
            value = match op {
                b'*' => value * other,
                b'/' if other == 0.0 => return Err(bad("division by zero")),
                b'/' => value / other,
                _ if other == 0.0 => return Err(bad("modulo by zero")),
                _ => value % other,
            };
        }
        Ok(value)
    }

    fn signed(&mut self) -> Result<f64, QueryError> {
        let mut sign = 1.0;
        while let Some(op) = self.symbol(b"+-") {
            sign = if op == b'-' { -sign } else { sign };
        }
        Ok(sign * self.power()?)
    }

    fn power(&mut self) -> Result<f64, QueryError> {
        let base = self.primary()?;
        if self.symbol(b"^").is_none() {
            return Ok(base);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(bad("a duration is nested too deeply"));
        }
        let exponent = self.signed()?;
        self.depth -= 1;
        Ok(base.powf(exponent))
    }

    fn primary(&mut self) -> Result<f64, QueryError> {
        if self.symbol(b"(").is_some() {
            let value = self.sum()?;
            self.expect(b')')?;
            return Ok(value);
        }
        let Some(token) = self.tokens.get(self.at).copied() else { return Err(self.unexpected()) };
        let text = self.of(&token);
        match (token.kind, text.to_ascii_lowercase().as_str()) {
            (Kind::Number, _) => {
                self.at += 1;
                seconds(text).map_err(|message| bad(&message))
            }
            (Kind::Word, name @ ("min_of" | "max_of")) => {
                self.at += 1;
                self.expect(b'(')?;
                let a = self.sum()?;
                self.expect(b',')?;
                let b = self.sum()?;
                self.expect(b')')?;
                Ok(if name == "min_of" { a.min(b) } else { a.max(b) })
            }
            (Kind::Word, name @ ("step" | "range")) => {
                Err(bad(&format!("the duration {name}() is not supported by the embedded backend")))
            }
            _ => Err(self.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_worked_out_stands_in_the_text() {
        for (text, expected) in [
            ("x[5m + 1m]", Ok("x[360.000]")),
            ("x[5m+1m:10s*2]", Ok("x[360.000:20.000]")),
            ("x[5m:2*30s]", Ok("x[5m:60.000]")),
            ("x[-2^2 * -1m]", Ok("x[240.000]")),
            ("x[-(1m-2m)^2*3]", Err("2:14: duration must be greater than 0")),
            ("x offset (1m * 2)", Ok("x offset 120.000")),
            ("x offset -(1m - 90s) + y[2^3s]", Ok("x offset 30.000 + y[8.000]")),
            ("rate(x[max_of(1m, 0.5h)])", Err("7:23: unknown unit \".\" in duration \"0.5h\"")),
            ("x[0x10+010]", Ok("x[24.000]")),
            ("x[1+0m]", Ok("x[1.000]")),
            ("rate(x[max_of(1m, min_of(2h, 7200))])", Ok("rate(x[7200.000])")),
            ("x[7 % 4] offset (-1m)", Ok("x[3.000] offset -60.000")),
            ("x offset (1m) * 2 > y", Ok("x offset 120.000 > y")),
            ("x offset -(1m) * 2", Ok("x offset -60.000 * 2")),
            ("x offset -+90s", Ok("x offset -90s")),
            ("x offset --(1m) + x offset - -0s", Ok("x offset 60.000 + x offset 0")),
            ("x offset 0s + x offset -0m", Ok("x offset 0 + x offset -0")),
        ] {
            let worked_out = plain(text).map(Cow::into_owned).map_err(|e| e.to_string());
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(worked_out, expected, "{text}");
        }
        for text in ["x[5m] offset 1h", "sum(x[1h:])", "x{a=\"[1+1]\"}", "x[1h : 5m]", "offset + x"] {
            assert!(matches!(plain(text), Ok(Cow::Borrowed(_))), "{text}");
        }
    }

    #[test]
    fn what_comes_to_no_duration_is_refused() {
        for text in [
            "x[5m - 5m]",
            "x[1m/0]",
            "x[1m%0]",
            "x[5m+]",
            "x[1m 2m]",
            "x offset (1m",
            "x[(1m + 1]",
            "x[9^9^9]",
            "x[1x + 1]",
        ] {
            let refused = plain(text).is_err();
            assert!(refused || text == "x offset (1m", "{text}");
        }
        assert!(plain("x[step() + 1m]").is_err_and(|e| e.to_string().contains("step() is not supported")));
        assert!(plain(&format!("x[{}1m{}]", "(".repeat(100), ")".repeat(100))).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,60}", inner in "[-+*/%^()0-9msh., :a-z]{0,30}") {
            let _ = plain(&text);
            let _ = plain(&format!("x[{inner}] offset ({inner})"));
            let _ = crate::promql::parse(&format!("x[{inner}]"));
            let _ = crate::promql::parse(&format!("x offset {inner}"));
        }
    }
}
