//! Thresholds: what makes a run good, as text (`p99<250ms`, `failed<1%`) and as a comparison with what was measured.

use crate::nearest::suggestion;
use crate::span::parse_duration;
use std::fmt;
use std::str::FromStr;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Response time: median.
    P50,
    /// Response time: 90th percentile.
    P90,
    /// Response time: 99th percentile.
    P99,
    /// Response time: 99.9th percentile.
    P999,
    /// Response time: the slowest.
    Max,
    /// Share of fired requests that failed.
    Failed,
    /// Share of scheduled requests that were shed.
    Shed,
}

impl Quantity {
    const ALL: [(&'static str, Self); 7] = [
        ("p50", Self::P50),
        ("p90", Self::P90),
        ("p99", Self::P99),
        ("p999", Self::P999),
        ("max", Self::Max),
        ("failed", Self::Failed),
        ("shed", Self::Shed),
    ];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, q)| *q == self).map_or("", |(n, _)| n)
    }

    /// Whether it is a share rather than a time.
    #[must_use]
    pub fn is_share(self) -> bool {
        matches!(self, Self::Failed | Self::Shed)
    }
}

/// The limit itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// At most so many milliseconds.
    Ms(f64),
    /// At most this share, 0 to 1.
    Share(f64),
}

/// A quantity and its highest good value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// What is limited.
    pub quantity: Quantity,
    /// The highest good value, in milliseconds or as a share.
    pub limit: Limit,
}

impl Threshold {
    /// Builds one from a number in the quantity's own unit (milliseconds or share).
    #[must_use]
    pub fn new(quantity: Quantity, value: f64) -> Self {
        let limit = if quantity.is_share() { Limit::Share(value) } else { Limit::Ms(value) };
        Self { quantity, limit }
    }

    /// The limit's bare number: milliseconds or share.
    #[must_use]
    pub fn value(&self) -> f64 {
        match self.limit {
            Limit::Ms(v) | Limit::Share(v) => v,
        }
    }

    /// Whether `actual`, in the same unit, is good.
    #[must_use]
    pub fn holds(&self, actual: f64) -> bool {
        actual <= self.value()
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Limit::Ms(v) => write!(f, "{}<={v}ms", self.quantity.name()),
            Limit::Share(v) => write!(f, "{}<={}%", self.quantity.name(), v * 100.0),
        }
    }
}

/// Why a text is not a threshold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a threshold: {reason}")]
pub struct ThresholdError {
    text: String,
    reason: String,
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let wrong = |reason: String| ThresholdError { text: text.to_owned(), reason };
        let (name, value) = text.split_once('<').ok_or_else(|| {
            wrong("write a name, `<` and a limit, such as p99<250ms or failed<1%".to_owned())
        })?;
        let (name, value) = (name.trim(), value.trim_start_matches('=').trim());
        let known = Quantity::ALL.map(|(n, _)| n);
        let quantity = Quantity::ALL.iter().find(|(n, _)| *n == name).map(|(_, q)| *q);
        let quantity = quantity
            .ok_or_else(|| wrong(format!("nothing called {name:?}; {}", suggestion(name, &known))))?;
        let number = if quantity.is_share() {
            let (digits, scale) = value.strip_suffix('%').map_or((value, 1.0), |d| (d, 0.01));
            digits.trim().parse::<f64>().ok().map(|v| v * scale).filter(|v| (0.0..=1.0).contains(v))
        } else {
            parse_duration(value).ok().map(|d| d.as_secs_f64() * 1_000.0)
        };
        let number = number.ok_or_else(|| {
            let example =
                if quantity.is_share() { "a share such as 1% or 0.01" } else { "a time such as 250ms" };
            wrong(format!("the limit of {name} is {example}"))
        })?;
        Ok(Self::new(quantity, number))
    }
}
