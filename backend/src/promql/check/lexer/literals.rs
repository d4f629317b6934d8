//! Texts, numbers and durations: how far they go. Whether a number is one is told by who reads it.

use super::{Kind, Lexer, Token, is_alphanumeric, quoted};
use crate::promql::check::Mistake;

impl<'t> Lexer<'t> {
    pub(super) fn string(&mut self, quote: char) -> Result<Token<'t>, Mistake> {
        self.advance();
        loop {
            match self.advance() {
                None | Some('\n') => return self.mistake("unterminated quoted string"),
                Some('\u{fffd}') => return self.mistake("invalid UTF-8 rune"),
                Some('\\') => self.escape(quote)?,
                Some(c) if c == quote => return Ok(self.token(Kind::Text)),
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<(), Mistake> {
        let shown = |c: char| format!("U+{:04X} {}", u32::from(c), quoted(Some(c)));
        let (mut digits, base, most) = match self.advance() {
            None => return self.mistake("escape sequence not terminated"),
            Some(c) if c == quote || "abfnrtv\\".contains(c) => return Ok(()),
            Some('0'..='7') => {
                self.pos -= 1;
                (3, 8, 255)
            }
            Some('x') => (2, 16, 255),
            Some('u') => (4, 16, u32::from(char::MAX)),
            Some('U') => (8, 16, u32::from(char::MAX)),
            Some(c) => return self.mistake(format!("unknown escape sequence {}", shown(c))),
        };
        let mut value: u32 = 0;
        while digits > 0 {
            let Some(c) = self.advance() else { return self.mistake("escape sequence not terminated") };
            let Some(digit) = c.to_digit(base) else {
                return self.mistake(format!("illegal character {} in escape sequence", shown(c)));
            };
            value = value.wrapping_mul(base).wrapping_add(digit);
            digits -= 1;
        }
        if value > most || (0xD800..0xE000).contains(&value) {
            return self.mistake("escape sequence is an invalid Unicode code point");
        }
        Ok(())
    }

    pub(super) fn raw_string(&mut self) -> Result<Token<'t>, Mistake> {
        self.advance();
        loop {
            match self.advance() {
                None => return self.mistake("unterminated raw string"),
                Some('\u{fffd}') => return self.mistake("invalid UTF-8 rune"),
                Some('`') => return Ok(self.token(Kind::Text)),
                Some(_) => {}
            }
        }
    }

    pub(super) fn number(&mut self) -> Result<Token<'t>, Mistake> {
        if self.scan_number() {
            return Ok(self.token(Kind::Number));
        }
        if self.scan_duration() {
            return Ok(self.token(Kind::Duration));
        }
        let read = &self.text[self.start..self.pos];
        self.mistake(format!("bad number or duration syntax: {read:?}"))
    }

    /// Goes over a number. Whether it is one that can be read is told later.
    fn scan_number(&mut self) -> bool {
        let is_hex = self.accept(|c| c == '0') && self.accept(|c| matches!(c, 'x' | 'X'));
        if is_hex {
            self.accept(|c| c == '_');
        }
        let digit = |c: char| if is_hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        let exponent = |c: char| matches!(c, 'e' | 'E');
        self.accept(|c| c == '.');
        self.accept(digit);
        let (mut had_dot, mut had_exponent) = (false, false);
        while self.peek().is_some_and(|c| digit(c) || exponent(c) || matches!(c, '.' | '_')) {
            if had_dot && self.accept(|c| c == '.') || had_exponent && self.accept(exponent) {
                return false;
            }
            if self.accept(|c| c == '.') {
                had_dot = true;
                if self.accept(|c| matches!(c, '_' | '.')) || is_hex {
                    return false;
                }
            } else if self.accept(exponent) {
                had_exponent = true;
                self.accept(|c| matches!(c, '+' | '-'));
                if self.accept(|c| matches!(c, '.' | '_' | 'e' | 'E')) || self.peek().is_none() {
                    return false;
                }
            } else if self.accept(|c| c == '_') {
                if self.accept(|c| matches!(c, '.' | '_' | 'e' | 'E')) || self.peek().is_none() {
                    return false;
                }
            } else {
                self.accept_all(digit);
            }
        }
        !self.peek().is_some_and(is_alphanumeric)
    }

    /// Goes on with a duration where its number was read.
    fn scan_duration(&mut self) -> bool {
        if !self.accept(|c| "smhdwy".contains(c)) {
            return false;
        }
        self.accept(|c| c == 's');
        while self.accept(|c| c.is_ascii_digit()) {
            self.accept_all(|c| c.is_ascii_digit());
            if !self.accept(|c| "smhdw".contains(c)) {
                return false;
            }
            self.accept(|c| c == 's');
        }
        !self.accept(is_alphanumeric)
    }
}
