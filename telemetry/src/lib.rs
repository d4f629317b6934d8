//! Traces, logs and metrics for every Firedrill process: set-up, propagation, correlation id, HTTP and database
//! instrumentation, drain.
//!
//! ```no_run
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = telemetry::Config::from_env("user-service", env!("CARGO_PKG_VERSION"))?;
//! let telemetry = telemetry::init(config)?;
//! let metrics = telemetry.metrics().clone();
//! let app: axum::Router = axum::Router::new()
//!     .merge(telemetry::metrics::routes(metrics.clone()))
//!     .layer(telemetry::server::layer(metrics));
//! // … serve `app` …
//! telemetry.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! Telemetry never slows or fails what it watches: queues are bounded, nothing waits for a collector, and what is lost is
//! counted in `telemetry_dropped_total{signal}`; `telemetry_created_total` is that, `telemetry_exported_total` and what is queued.

mod baggage;
pub mod client;
pub mod config;
mod controls;
pub mod correlation;
pub mod db;
mod export;
mod guard;
mod late;
mod live_filter;
mod live_sampler;
mod loki;
pub mod metrics;
pub mod names;
mod panic_hook;
mod pipeline;
pub mod propagation;
mod semconv;
pub mod server;
mod setup;
mod stdout;

pub use config::{Config, ConfigError};
pub use controls::{Controls, LogLevel};
pub use correlation::CorrelationId;
pub use export::ExportError;
pub use guard::{DrainReport, Telemetry};
pub use loki::LokiError;
pub use metrics::Metrics;
pub use pipeline::budget::Outcome;
pub use setup::{Builder, InitError, init};
