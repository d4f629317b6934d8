//! Building exporters: OTLP over HTTP or gRPC, on a runtime of their own.
//!
//! The export path must not observe itself: it uses bare clients, its runtime has no subscriber, and the layers that feed
//! it ignore the libraries it is made of (see [`crate::setup`]).

mod http;
mod otlp;
mod runtime;
mod supervisor;

pub(crate) use http::bare_client;
pub use otlp::ExportError;
pub(crate) use otlp::{log_exporter, span_exporter};
pub(crate) use runtime::ExportRuntime;
pub(crate) use supervisor::Supervisor;
