//! Orders: taking one, and reading them.

mod locks;
mod lookup;
mod place;
mod prices;
mod request;
pub mod routes;
mod saga;
mod settings;
mod statements;
pub(crate) mod store;

use serde::{Deserialize, Serialize};

pub(crate) use locks::ItemLocks;
pub(crate) use prices::PriceList;
pub(crate) use settings::OrderSettings;

use crate::Cents;
pub use crate::neighbours::Customer;

/// An order as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Order {
    /// The order's number.
    #[schema(example = 1)]
    pub id: i64,
    /// Who ordered.
    pub user: Customer,
    /// The product's name; only when the order has one item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Wireless Keyboard")]
    pub product: Option<String>,
    /// Price of one unit; only when the order has one item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 49.99)]
    pub price: Option<Cents>,
    /// Units; only when the order has one item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pub quantity: Option<i64>,
    /// What was ordered.
    pub items: Vec<Item>,
    /// Price of all units of all items.
    #[schema(value_type = f64, example = 49.99)]
    pub total: Cents,
    /// `confirmed`, `failed`, or `pending` while it is under way.
    #[schema(example = "confirmed")]
    pub status: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was taken, RFC 3339.
    pub created_at: String,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Item {
    /// The product's number.
    #[schema(example = 101)]
    pub product_id: i64,
    /// The product's name.
    #[schema(example = "Wireless Keyboard")]
    pub product: String,
    /// Price of one unit.
    #[schema(value_type = f64, example = 49.99)]
    pub price: Cents,
    /// Units.
    #[schema(example = 1)]
    pub quantity: i64,
}

impl Order {
    /// Repeats the one item's fields on top, where clients of single orders look for them.
    fn with_single_item_on_top(mut self) -> Self {
        if let [item] = self.items.as_slice() {
            self.product = Some(item.product.clone());
            self.price = Some(item.price);
            self.quantity = Some(item.quantity);
        }
        self
    }
}
