//! Money: integer cents inside, a decimal number of currency units in JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cents(pub i64);

/// The largest amount: its cents still show exactly in a JSON number, and it is far beyond any price.
pub(crate) const MAX_CENTS: i64 = 1_000_000_000_000;

impl Serialize for Cents {
    #[expect(clippy::cast_precision_loss, reason = "amounts stay far below 2^53 cents")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The division gives the double nearest to the decimal, and its shortest text is that decimal.
        serializer.serialize_f64(self.0 as f64 / 100.0)
    }
}

impl<'de> Deserialize<'de> for Cents {
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "bounded just before")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cents = (f64::deserialize(deserializer)? * 100.0).round();
        if (0.0..=MAX_CENTS as f64).contains(&cents) {
            Ok(Self(cents as i64))
        } else {
            Err(serde::de::Error::custom("an amount is a number from 0 to 10000000000"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_price_shows_its_cents() {
        assert_eq!(serde_json::to_string(&Cents(4999)).unwrap(), "49.99");
        assert_eq!(serde_json::to_string(&Cents(5)).unwrap(), "0.05");
        assert!(serde_json::from_str::<Cents>("-0.01").is_err());
        assert!(serde_json::from_str::<Cents>("1e300").is_err());
    }

    proptest! {
        #[test]
        fn every_amount_shows_exactly_and_reads_back(cents in 0..=MAX_CENTS) {
            let text = serde_json::to_string(&Cents(cents)).unwrap();
            let (units, decimals) = text.split_once('.').unwrap();
            let shown = format!("{units}.{decimals:0<2}");
            prop_assert_eq!(shown, format!("{}.{:02}", cents / 100, cents % 100));
            prop_assert_eq!(serde_json::from_str::<Cents>(&text).unwrap(), Cents(cents));
        }
    }
}
