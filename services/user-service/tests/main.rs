//! What the user service promises, one file per promise.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

mod api;
mod notifications;
mod process;
mod sessions;
mod settings;
mod start;
mod support;
