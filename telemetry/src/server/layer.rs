//! The tower plumbing: which requests are observed, and the future that carries the span.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response};
use futures_util::FutureExt as _;
use opentelemetry::context::FutureExt as _;
use tower::{Layer, Service};
use tracing::Instrument;

use super::panic;
use super::request::InFlight;
use crate::correlation::CorrelationId;
use crate::metrics::Metrics;
use crate::names::{CORRELATION_HEADER, UNOBSERVED_PATHS};
use crate::propagation;

/// Wraps a router's services; see [`crate::server`].
#[derive(Clone, Debug)]
pub struct ServerLayer {
    metrics: Metrics,
}

impl ServerLayer {
    pub(super) fn new(metrics: Metrics) -> ServerLayer {
        ServerLayer { metrics }
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed { inner, metrics: self.metrics.clone() }
    }
}

/// A service whose requests are observed.
#[derive(Clone, Debug)]
pub struct Observed<S> {
    inner: S,
    metrics: Metrics,
}

type ResponseFuture<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Observed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture<Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let inbound = propagation::extract(request.headers());
        if UNOBSERVED_PATHS.contains(&request.uri().path()) {
            let answer = std::panic::catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
            return Box::pin(async move {
                let response =
                    outcome(answer).await.unwrap_or_else(|_| panic::response(&inbound.correlation));
                Ok(marked(response, &inbound.correlation))
            });
        }
        let in_flight = {
            // The active context becomes the span's parent.
            let _parent = inbound.context.clone().attach();
            InFlight::begin(&self.metrics, &request)
        };
        let span = in_flight.span().clone();
        let correlation = inbound.correlation;
        let (carried, answer) = span.in_scope(|| {
            let carried = CorrelationId::current().is_some_and(|id| id == correlation);
            (carried, std::panic::catch_unwind(AssertUnwindSafe(|| self.inner.call(request))))
        });
        let observed = async move {
            let response = match outcome(answer).await {
                Ok(response) => {
                    in_flight.answered(response.status(), response.extensions().get());
                    response
                }
                Err(panicked) => {
                    in_flight.panicked(panic::message(&*panicked));
                    panic::response(&correlation)
                }
            };
            Ok(marked(response, &correlation))
        };
        if carried {
            Box::pin(observed.instrument(span))
        } else {
            // Without a subscriber no span carries the context, and the correlation id must reach outbound calls all the same.
            Box::pin(observed.with_context(inbound.context))
        }
    }
}

type Panic = Box<dyn Any + Send>;

/// The response, or the panic on the way to it.
async fn outcome<F>(answer: Result<F, Panic>) -> Result<Response<Body>, Panic>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    let Ok(response) = AssertUnwindSafe(answer?).catch_unwind().await?;
    Ok(response)
}

fn marked(mut response: Response<Body>, correlation: &CorrelationId) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(correlation.as_str()) {
        response.headers_mut().insert(CORRELATION_HEADER, value);
    }
    response
}
