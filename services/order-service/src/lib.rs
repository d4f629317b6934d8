//! The order service: takes orders, with the help of the user and the product service, in a SQLite file of its own.
//!
//! An order is a saga: look up, write a pending order, reserve, confirm; on failure, release. It takes no money and ships
//! nothing.

pub mod app;
pub mod config;
pub mod endpoints;
mod idempotency;
mod metrics;
mod money;
mod neighbours;
pub mod orders;
pub mod outbound;
mod outbox;
mod recovery;

pub use app::{App, router, run};
pub use chassis::start::{StartError, exit_code};
pub use config::Config;
pub use money::Cents;

/// `service.name`.
pub const NAME: &str = "order-service";
/// `service.version`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
