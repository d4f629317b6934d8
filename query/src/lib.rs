//! Typed clients of the Prometheus, Loki and Jaeger HTTP APIs, and what can be said of one trace with its logs.
//!
//! Everything above this crate (the CLI, the console) reads telemetry through it alone, and so works the same on the
//! real servers and on the embedded backend: nothing here asks which of them answers. It only reads; it changes
//! nothing in a backend, caches nothing and retries nothing. Every request has a timeout and every answer a size
//! limit ([`Limits`]).
//!
//! Start with [`Stack`], which holds one client of each API:
//!
//! ```no_run
//! # async fn example() -> Result<(), query::Error> {
//! use query::{Stack, TraceId};
//! let stack = Stack::new("http://127.0.0.1:9090", "http://127.0.0.1:3100", "http://127.0.0.1:16686")?;
//! let rate = stack.prometheus.instant("sum(rate(http_server_request_duration_seconds_count[1m]))", None).await?;
//! let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().expect("32 hexadecimal digits");
//! let tree = query::trace::load(&stack, id).await?;
//! # drop((rate, tree)); Ok(())
//! # }
//! ```

mod error;
mod http;
mod ids;
pub mod jaeger;
pub mod loki;
pub mod prometheus;
mod quote;
mod stack;
pub mod time;
pub mod trace;

pub use error::{Api, Error, ErrorKind};
pub use http::Limits;
pub use ids::{BadId, SpanId, TraceId};
pub use jaeger::Jaeger;
pub use loki::{LogEntry, Loki};
pub use prometheus::Prometheus;
pub use quote::quoted;
pub use stack::Stack;
pub use time::{UnixNanos, Window};

/// Label (or structured metadata) names and values, in the order of the names.
pub type Labels = std::collections::BTreeMap<String, String>;
