//! The two small middlewares around reqwest-tracing: one names the peer for the span, one, inside the span, writes the
//! context and measures. Its context is the active one, which falls back to the caller's where no span is recorded.

use std::time::Instant;

use http::Extensions;
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use super::Route;
use crate::correlation::CorrelationId;
use crate::metrics::{ClientLabels, ClientStatus, Metrics};
use crate::names::UNKNOWN_ROUTE;
use crate::{propagation, semconv};

/// The called service, for the span backend, which has no state of its own.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) &'static str);

/// Names the peer, and gives a call that belongs to no request a correlation id: that of its header, else a fresh one.
pub(super) struct Named(pub(super) &'static str);

#[async_trait::async_trait]
impl Middleware for Named {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        extensions.insert(Peer(self.0));
        if CorrelationId::current().is_some() {
            return next.run(request, extensions).await;
        }
        let id = propagation::correlation_from(request.headers());
        let context = Context::map_current(|context| propagation::correlated(context, &id));
        next.run(request, extensions).with_context(context).await
    }
}

/// Writes and measures.
pub(super) struct Wire {
    pub(super) peer: &'static str,
    pub(super) metrics: Metrics,
}

#[async_trait::async_trait]
impl Middleware for Wire {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        Context::map_current(|context| propagation::write(context, request.headers_mut()));
        let attempt = Attempt {
            metrics: &self.metrics,
            labels: ClientLabels {
                peer: self.peer,
                method: semconv::method(request.method()),
                route: extensions.get::<Route>().map_or(UNKNOWN_ROUTE, |route| route.0),
                status: ClientStatus::Cancelled,
            },
            started: Instant::now(),
        };
        let outcome = next.run(request, extensions).await;
        attempt.ended(&outcome);
        outcome
    }
}

/// A call under way; dropped before its end it is counted as cancelled.
struct Attempt<'a> {
    metrics: &'a Metrics,
    labels: ClientLabels,
    started: Instant,
}

impl Attempt<'_> {
    fn ended(mut self, outcome: &Result<Response>) {
        self.labels.status = match outcome {
            Ok(response) => ClientStatus::Code(response.status().as_u16()),
            Err(Error::Reqwest(error)) if error.is_timeout() => ClientStatus::Timeout,
            Err(_) => ClientStatus::Error,
        };
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.labels.status == ClientStatus::Cancelled {
            tracing::Span::current().record(crate::names::attribute::ERROR_TYPE, "cancelled");
        }
        self.metrics.families().observe_client(&self.labels, self.started.elapsed());
    }
}
