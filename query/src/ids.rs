//! Trace and span ids: numbers inside, lower-case hexadecimal of full length outside.
//!
//! Jaeger drops leading zeros of ids that fit 64 bits and Loki keeps what was sent, so ids are compared as numbers.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A trace id (128 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId(pub u128);

/// A span id (64 bits). Zero means "no span".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpanId(pub u64);

/// The text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: 1 to {digits} hexadecimal digits are expected")]
pub struct BadId {
    what: &'static str,
    digits: usize,
}

fn hexadecimal(text: &str, what: &'static str, digits: usize) -> Result<u128, BadId> {
    let bad = BadId { what, digits };
    // from_str_radix alone would take a leading '+'.
    if text.is_empty() || text.len() > digits || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad);
    }
    u128::from_str_radix(text, 16).map_err(|_| bad)
}

impl FromStr for TraceId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        hexadecimal(text, "a trace id", 32).map(Self)
    }
}

impl FromStr for SpanId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let number = hexadecimal(text, "a span id", 16)?;
        u64::try_from(number).map(Self).map_err(|_| BadId { what: "a span id", digits: 16 })
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl TryFrom<String> for TraceId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl TryFrom<String> for SpanId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<TraceId> for String {
    fn from(id: TraceId) -> Self {
        id.to_string()
    }
}

impl From<SpanId> for String {
    fn from(id: SpanId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_padded_and_compared_as_numbers() {
        let short: TraceId = "ABC".parse().unwrap();
        assert_eq!(short.to_string(), "00000000000000000000000000000abc");
        assert_eq!(short, "00000000000000000000000000000abc".parse().unwrap());
        assert_eq!("f".parse::<SpanId>().unwrap().to_string(), "000000000000000f");
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in ["", "+1", "-1", "xyz", "0x1", " 1", "4bf92f3577b34da6a3ce929d0e0e47361", "a/b"] {
            assert!(text.parse::<TraceId>().is_err(), "{text:?}");
        }
        assert!("00f067aa0ba902b70".parse::<SpanId>().is_err());
        assert_eq!(
            "".parse::<TraceId>().unwrap_err().to_string(),
            "not a trace id: 1 to 32 hexadecimal digits are expected"
        );
    }
}
