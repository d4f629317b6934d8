//! What the product service promises, one file per promise.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

mod api;
mod catalogue;
mod last_unit;
#[cfg(unix)]
mod process;
mod reservations;
mod settings;
mod stock;
mod support;
