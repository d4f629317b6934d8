//! What the order service promises, one file per promise. The neighbours are the real services, behind a proxy that breaks
//! the network between them.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

mod api;
mod cancellation;
mod endpoints;
mod idempotency;
mod last_unit;
mod outbound_settings;
mod outbox;
mod outbox_settings;
mod proxy;
mod recovery;
mod resilience;
mod retention;
mod saga;
mod settings;
mod shutdown;
mod support;
