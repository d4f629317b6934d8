//! The user service: accounts, sessions and notifications, in a SQLite file of its own.
//!
//! It sends no notification anywhere: it keeps what it is told, once per event id, for the user to read.

pub mod app;
pub mod config;
pub mod notifications;
mod seed;
pub mod sessions;
pub mod users;

pub use app::{App, router, run};
pub use chassis::start::{StartError, exit_code};
pub use config::Config;

/// `service.name`.
pub const NAME: &str = "user-service";
/// `service.version`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
