//! The server side of a request, as a tower layer for an axum router: parent context and correlation id in, span, metrics,
//! one log line and the correlation header out. A panic in a handler becomes a 500; a client that goes away is counted.
//!
//! Durations end when the response head is ready; a body that streams is not part of them.

mod layer;
mod panic;
mod request;

pub use layer::{Observed, ServerLayer};

use crate::metrics::Metrics;

/// Put into the extensions of an answer that is no success: what it told the client, for the request's log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail(pub String);

/// The layer, for [`axum::Router::layer`]. Add it last, so that it is outermost and sees the matched route.
#[must_use]
pub fn layer(metrics: Metrics) -> ServerLayer {
    ServerLayer::new(metrics)
}
