//! The catalogue: one product, a batch of them, and filtered pages.

mod cache;
pub mod routes;
mod settings;
pub(crate) mod store;

pub(crate) use cache::PageCache;
pub(crate) use settings::CatalogueSettings;

use serde::{Deserialize, Serialize};

use crate::Cents;

/// A product as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Product {
    /// The product's number.
    #[schema(example = 101)]
    pub id: i64,
    /// Its name.
    #[schema(example = "Wireless Keyboard")]
    pub name: String,
    /// The category it is listed in.
    #[schema(example = "keyboard")]
    pub category: String,
    /// Price of one unit, in currency units.
    #[schema(value_type = f64, example = 49.99)]
    pub price: Cents,
    /// Units that can be reserved now.
    #[schema(example = 150)]
    pub stock: i64,
}
