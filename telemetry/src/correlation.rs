//! The correlation id: one string that stands on every span, log line, baggage and response of a request.
//!
//! This module validates, generates and finds it. Reading it from headers is [`crate::propagation`]; putting it onto spans
//! and log records is done by the pipeline's processors.

use std::fmt;
use std::sync::Arc;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, StringValue};

use crate::names::CORRELATION_ID;

/// Longest accepted id, in bytes.
pub const MAX_LENGTH: usize = 128;

/// A valid correlation id: 1 to 128 visible ASCII characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(StringValue);

/// Why a string is not a correlation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a correlation id is 1 to {MAX_LENGTH} visible ASCII characters")]
pub struct InvalidCorrelationId;

impl CorrelationId {
    /// Takes `text` when it is a valid id.
    ///
    /// # Errors
    /// When `text` is empty, longer than 128 bytes, or holds anything but visible ASCII.
    pub fn parse(text: &str) -> Result<CorrelationId, InvalidCorrelationId> {
        let valid = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if valid { Ok(CorrelationId(Arc::<str>::from(text).into())) } else { Err(InvalidCorrelationId) }
    }

    /// A fresh id: 32 random hexadecimal digits.
    #[must_use]
    pub fn generate() -> CorrelationId {
        CorrelationId(Arc::<str>::from(format!("{:032x}", rand::random::<u128>())).into())
    }

    /// The id of the active context, when there is one.
    #[must_use]
    pub fn current() -> Option<CorrelationId> {
        Context::map_current(CorrelationId::of)
    }

    /// The id that `context` carries in its baggage.
    #[must_use]
    pub fn of(context: &Context) -> Option<CorrelationId> {
        context.baggage().get(CORRELATION_ID).cloned().map(CorrelationId)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The id as an attribute value, without a copy.
    pub(crate) fn value(&self) -> StringValue {
        self.0.clone()
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CorrelationId({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_of_bounded_length_is_accepted() {
        assert!(CorrelationId::parse("a").is_ok());
        assert!(CorrelationId::parse(&"x".repeat(128)).is_ok());
        for bad in ["", "with space", "tab\t", "new\nline", "ünïcode", "\u{7f}", &"x".repeat(129)] {
            assert_eq!(CorrelationId::parse(bad), Err(InvalidCorrelationId), "{bad:?}");
        }
    }

    #[test]
    fn generated_ids_are_valid_and_differ() {
        let (a, b) = (CorrelationId::generate(), CorrelationId::generate());
        assert_ne!(a, b);
        assert_eq!(CorrelationId::parse(a.as_str()), Ok(a));
    }
}
