//! The product service: the catalogue and its stock, in a SQLite file of its own.
//!
//! It knows nothing of orders: whoever reserves brings a reservation id, and may ask again with the same one.

pub mod app;
pub mod catalogue;
pub mod config;
mod metrics;
mod money;
pub mod reservations;
mod seed;
mod stock;

pub use app::{App, router, run};
pub use chassis::start::{StartError, exit_code};
pub use config::Config;
pub use money::Cents;

/// `service.name`.
pub const NAME: &str = "product-service";
/// `service.version`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
