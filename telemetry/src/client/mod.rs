//! The client side of a request, as reqwest middleware: one CLIENT span per attempt through reqwest-tracing with a span
//! backend of our own, trace context and correlation id written, duration measured.
//!
//! It retries nothing and limits nothing: retry, breaker and bulkhead belong outside of it, so that each attempt shows.

mod backend;
mod wire;

use reqwest_middleware::ClientBuilder;
use reqwest_tracing::TracingMiddleware;

use crate::metrics::Metrics;
use backend::SemconvBackend;
use wire::{Named, Wire};

/// URL template of a request, for span name, attribute and label: `.with_extension(Route("/users/{id}"))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route(pub &'static str);

/// How many times this request was sent before; becomes `http.request.resend_count` when not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResendCount(pub u32);

/// Adds the instrumentation as the innermost middleware of `builder`. `peer` is the `service.name` behind the client's URL.
#[must_use]
pub fn instrument(builder: ClientBuilder, peer: &'static str, metrics: Metrics) -> ClientBuilder {
    builder.with(Named(peer)).with(TracingMiddleware::<SemconvBackend>::new()).with(Wire { peer, metrics })
}
