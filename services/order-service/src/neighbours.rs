//! The two neighbours as this service sees them: only the fields it needs, in types of its own.

mod products;
mod users;

pub(crate) use products::{Product, Products, ReserveError};
pub use users::Customer;
pub(crate) use users::{Delivered, Users};

use serde::de::DeserializeOwned;

use crate::outbound::{Answer, Failure, Reason};

/// Reads an answer of the expected form.
fn read<T: DeserializeOwned>(peer: &'static str, answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(|error| unusable(peer, error.to_string()))
}

/// An answer that this API does not give.
fn unexpected(peer: &'static str, answer: &Answer) -> Failure {
    unusable(peer, format!("status {}", answer.status))
}

fn unusable(peer: &'static str, reason: String) -> Failure {
    Failure { peer, reason: Reason::BadAnswer(reason), may_have_arrived: true }
}
