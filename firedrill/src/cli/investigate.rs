//! The words of `investigate`.

use std::time::Duration;

use clap::Args;
use investigator::naive::Strategy;

use super::duration;

/// Options of `investigate`.
#[derive(Clone, Debug, Args)]
pub struct Investigate {
    /// How long the time in question is, until now, such as 1m
    #[arg(long, default_value = "1m", value_name = "TIME", value_parser = within_a_day)]
    pub since: Duration,
    /// How long the calm time before it is that it is compared with
    #[arg(long, default_value = "2m", value_name = "TIME", value_parser = within_a_day)]
    pub baseline: Duration,
    /// How to come to an answer
    #[arg(long, value_enum, default_value_t = Way::Method)]
    pub by: Way,
}

/// Ways to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// Weigh all signs
    Method,
    /// For comparison: the operation with the most errors
    MostErrors,
    /// For comparison: the operation that became slower than all others
    LargestLatencyChange,
    /// For comparison: where most failed traces have their deepest failed span
    DeepestErroringSpan,
}

impl Way {
    /// The simple way, if it is one.
    pub fn simple(self) -> Option<Strategy> {
        match self {
            Self::Method => None,
            Self::MostErrors => Some(Strategy::MostErrors),
            Self::LargestLatencyChange => Some(Strategy::LargestLatencyChange),
            Self::DeepestErroringSpan => Some(Strategy::DeepestErroringSpan),
        }
    }
}

/// Times in which there are changes to see, and no more than anybody keeps telemetry for.
pub(super) fn within_a_day(text: &str) -> Result<Duration, String> {
    let read = duration(text)?;
    match (5..=86_400).contains(&read.as_secs()) {
        true => Ok(read),
        false => Err("expected a time from 5s to 24h".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_bounds() {
        assert_eq!(within_a_day("90s"), Ok(Duration::from_secs(90)));
        for wrong in ["4s", "25h", "0s", "now"] {
            assert!(within_a_day(wrong).is_err(), "{wrong}");
        }
    }
}
