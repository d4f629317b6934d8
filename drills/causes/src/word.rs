//! From a word to its cause, and the nearest name for one that is none.

use crate::Cause;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::str::FromStr;

/// The word is none of the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no cause: {hint}")]
pub struct UnknownCause {
    word: String,
    hint: String,
}

impl FromStr for Cause {
    type Err = UnknownCause;

    /// Takes capitals, blanks and underscores for what was meant.
    fn from_str(text: &str) -> Result<Self, UnknownCause> {
        let word = text.trim().to_lowercase().replace([' ', '_'], "-");
        if let Some(cause) = Self::ALL.iter().find(|cause| cause.name() == word) {
            return Ok(*cause);
        }
        let near = near(&word);
        let hint = match near.is_empty() {
            true => format!("there are {}, from `{}` to `{}`", Self::ALL.len(), first(), last()),
            false => format!("did you mean {}?", near.join(" or ")),
        };
        Err(UnknownCause { word: text.chars().take(80).collect(), hint })
    }
}

fn first() -> &'static str {
    Cause::ALL.first().map_or("", |cause| cause.name())
}

fn last() -> &'static str {
    Cause::ALL.last().map_or("", |cause| cause.name())
}

/// Up to three names that begin alike or share a whole word with this one, the most alike first.
fn near(word: &str) -> Vec<String> {
    let likeness = |name: &str| {
        let common = name.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
        let words = name.split('-').filter(|part| word.split('-').any(|other| other == *part)).count();
        // Shared words count more than shared letters.
        if common >= 4 || words > 0 { common + 5 * words } else { 0 }
    };
    let mut alike: Vec<_> = Cause::ALL.iter().map(|cause| (likeness(cause.name()), cause.name())).collect();
    alike.retain(|(likeness, _)| *likeness > 0);
    alike.sort_by_key(|(likeness, name)| (std::cmp::Reverse(*likeness), *name));
    alike.into_iter().take(3).map(|(_, name)| format!("`{name}`")).collect()
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_survives_its_name() {
        for cause in Cause::ALL {
            assert_eq!(cause.name().parse(), Ok(*cause));
            let json = serde_json::to_string(cause).unwrap();
            assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), *cause);
        }
        assert_eq!("  Pool Exhaustion ".parse(), Ok(Cause::PoolExhaustion));
        assert_eq!("memory_leak".parse(), Ok(Cause::MemoryLeak));
    }

    #[test]
    fn a_word_that_is_none_is_told_with_what_is_near() {
        let said = |word: &str| word.parse::<Cause>().unwrap_err().to_string();
        assert!(said("pool-exhausted").contains("`pool-exhaustion`"), "{}", said("pool-exhausted"));
        assert!(said("network").contains("`slow-network`"), "{}", said("network"));
        assert!(said("elephant").contains("there are"), "{}", said("elephant"));
        assert!(said(&"x".repeat(5_000)).len() < 300);
    }
}
