//! What users are told: kept once per event id, however often an event is delivered.

pub mod routes;
mod settings;
mod store;

pub(crate) use settings::NotificationSettings;
pub(crate) use store::OLD;

use serde::{Deserialize, Serialize};

/// A stored notification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Notification {
    /// The notification's number.
    pub id: i64,
    /// The event it came from; an event is kept once.
    pub event_id: String,
    /// The kind of event.
    #[serde(rename = "type")]
    #[schema(example = "order.confirmed")]
    pub kind: String,
    /// The order it is about.
    pub order_id: i64,
    /// The order's total in currency units.
    #[schema(value_type = f64, example = 49.99)]
    pub total: Cents,
    /// When it came, RFC 3339.
    pub created_at: String,
}

/// Integer cents inside, a decimal number of currency units in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cents(pub i64);

/// Largest amount whose cents a JSON number (a double) shows exactly, well beyond any order.
const MAX_CENTS: i64 = 1_000_000_000_000;

impl Serialize for Cents {
    #[expect(clippy::cast_precision_loss, reason = "amounts stay far below 2^53 cents")]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 100.0)
    }
}

impl<'de> Deserialize<'de> for Cents {
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "bounded just before")]
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cents = (f64::deserialize(deserializer)? * 100.0).round();
        if (0.0..=MAX_CENTS as f64).contains(&cents) {
            Ok(Self(cents as i64))
        } else {
            Err(serde::de::Error::custom("an amount is a number from 0 to 10000000000"))
        }
    }
}
