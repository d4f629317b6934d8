//! Numbers and durations, and the arithmetic of durations in brackets and behind `offset`.

use super::Mistake;
use super::grammar::{POWER, Parser, binding};
use super::lexer::{Kind, Token};
use crate::promql::print::quote;

/// Longest duration that Prometheus can hold.
const MAX_SECONDS: f64 = i64::MAX as f64 / 1e9;

/// A duration: one that is written out, or one that is worked out when the query is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Length {
    Literal { seconds: f64, start: usize },
    Computed,
}

/// The seconds that the text of a number or of a duration stands for.
///
/// # Errors
/// Why it is neither, in Prometheus' words.
pub(in crate::promql) fn seconds(text: &str) -> Result<f64, String> {
    number(text).or_else(|_| duration(text))
}

/// The seconds that a number or a duration stands for.
pub(super) fn length(token: &Token<'_>) -> Result<f64, Mistake> {
    let read = if token.kind == Kind::Duration { duration(token.text) } else { number(token.text) };
    read.map_err(|message| Mistake { at: token.start, message })
}

impl Parser<'_> {
    /// The length of a range, or a step.
    pub(super) fn positive_duration(&mut self) -> Result<(), Mistake> {
        let length = self.duration(0)?;
        // The operator that might have followed is looked at before.
        self.peek()?;
        match length {
            Length::Literal { seconds, start } if seconds <= 0.0 => {
                Err(Mistake { at: start, message: "duration must be greater than 0".to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// What follows `offset`: an operator behind a plain length is one between expressions.
    pub(super) fn offset_duration(&mut self) -> Result<Length, Mistake> {
        let token = self.peek()?;
        match token.kind {
            Kind::Operator("+" | "-") => {
                self.next()?;
                let number = self.peek()?;
                if !matches!(number.kind, Kind::Number | Kind::Duration) {
                    let of = self.duration_operand()?;
                    return signed(&token, of);
                }
                self.next()?;
                signed(&token, Length::Literal { seconds: length(&number)?, start: number.start })
            }
            Kind::Symbol("(") => self.duration(0),
            _ => self.duration_operand(),
        }
    }

    /// Durations between operators that bind at least as tightly as `least`.
    fn duration(&mut self, least: u8) -> Result<Length, Mistake> {
        self.deeper(|parser| {
            let mut lhs = parser.duration_operand()?;
            loop {
                let token = parser.peek()?;
                let arithmetic = binding(token.kind).filter(|(operator, level)| {
                    *level >= least && matches!(*operator, "+" | "-" | "*" | "/" | "%" | "^")
                });
                let Some((operator, level)) = arithmetic else { return Ok(lhs) };
                parser.next()?;
                let rhs = parser.duration(if level == POWER { POWER } else { level + 1 })?;
                let by_zero = matches!(rhs, Length::Literal { seconds: 0.0, .. });
                let message = match operator {
                    "/" if by_zero => "division by zero",
                    "%" if by_zero => "modulo by zero",
                    _ => {
                        lhs = Length::Computed;
                        continue;
                    }
                };
                return Err(Mistake { at: token.start, message: message.to_owned() });
            }
        })
    }

    fn duration_operand(&mut self) -> Result<Length, Mistake> {
        let token = self.peek()?;
        match token.kind {
            Kind::Number | Kind::Duration => {
                self.next()?;
                let seconds = length(&token)?;
                bounded(&token, seconds)?;
                Ok(Length::Literal { seconds, start: token.start })
            }
            Kind::Operator("+" | "-") => {
                self.next()?;
                let of = self.duration(POWER)?;
                signed(&token, of)
            }
            Kind::Symbol("(") => {
                self.next()?;
                self.duration(0)?;
                self.expect(")")?;
                Ok(Length::Computed)
            }
            Kind::Preprocessor("step" | "range") => {
                self.next()?;
                self.expect("(")?;
                self.expect(")")?;
                Ok(Length::Computed)
            }
            Kind::Preprocessor("min_of" | "max_of") => {
                self.next()?;
                self.expect("(")?;
                self.duration(0)?;
                self.expect(",")?;
                self.duration(0)?;
                self.expect(")")?;
                Ok(Length::Computed)
            }
            _ => self.unexpected(),
        }
    }
}

fn signed(sign: &Token<'_>, of: Length) -> Result<Length, Mistake> {
    let Length::Literal { seconds, .. } = of else { return Ok(of) };
    let seconds = if sign.text == "-" { -seconds } else { seconds };
    bounded(sign, seconds)?;
    Ok(Length::Literal { seconds, start: sign.start })
}

fn bounded(token: &Token<'_>, seconds: f64) -> Result<(), Mistake> {
    // Not a number is out of range, too.
    if !(-MAX_SECONDS..=MAX_SECONDS).contains(&seconds) {
        return Err(Mistake { at: token.start, message: "duration out of range".to_owned() });
    }
    Ok(())
}

/// A number in any of Go's notations.
fn number(text: &str) -> Result<f64, String> {
    let refused =
        |why: &str| format!("error parsing number: strconv.ParseFloat: parsing {}: {why}", quote(text));
    if text.ends_with('_') {
        return Err(refused("invalid syntax"));
    }
    let plain = text.replace('_', "");
    let whole = match plain.as_bytes() {
        [b'0', b'x' | b'X', ..] => Some(i64::from_str_radix(&plain[2..], 16)),
        [b'0', digits @ ..] if !digits.is_empty() && digits.iter().all(|b| (b'0'..=b'7').contains(b)) => {
            Some(i64::from_str_radix(&plain, 8))
        }
        _ => None,
    };
    if let Some(Ok(whole)) = whole {
        return Ok(whole as f64);
    }
    match plain.parse::<f64>() {
        Ok(v) if v.is_infinite() && !plain.eq_ignore_ascii_case("inf") => Err(refused("value out of range")),
        Ok(v) => Ok(v),
        Err(_) => Err(refused("invalid syntax")),
    }
}

/// The seconds of a duration.
fn duration(text: &str) -> Result<f64, String> {
    crate::duration::read(text).map(|ns| (ns / 1_000_000) as f64 / 1000.0)
}
