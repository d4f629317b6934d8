//! Accounts: reading one, and reading pages of them.

pub mod routes;
pub(crate) mod store;

use serde::{Deserialize, Serialize};

/// An account as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct User {
    /// The account's number.
    #[schema(example = 1)]
    pub id: i64,
    /// The person's name.
    #[schema(example = "Alice Johnson")]
    pub name: String,
    /// The address; also the login.
    #[schema(example = "alice@example.com")]
    pub email: String,
}
