//! Spans: the correlation id onto each at its start, a count of those that begin a trace, and a place for each before it is queued.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{Span as _, SpanId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::Budget;
use crate::controls::Controls;
use crate::correlation::CorrelationId;
use crate::metrics::Roots;
use crate::names::CORRELATION_ID;

/// Sets `correlation.id` from the parent context's baggage on every span, and hands it on to each of `next`, with the times
/// that the process' clock shows. Counts those that have no parent.
///
/// The only processor that the SDK knows of: as soon as it has two, it clones every finished span for each of them.
#[derive(Debug, Default)]
pub(crate) struct Correlate {
    pub(crate) controls: Controls,
    pub(crate) roots: Roots,
    pub(crate) next: Vec<Box<dyn SpanProcessor>>,
}

impl SpanProcessor for Correlate {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        if let Some(id) = CorrelationId::of(cx) {
            span.set_attribute(KeyValue::new(CORRELATION_ID, id.value()));
        }
        for next in &self.next {
            next.on_start(span, cx);
        }
    }

    fn on_end(&self, mut span: SpanData) {
        if span.parent_span_id == SpanId::INVALID && span.span_context.is_sampled() {
            self.roots.count(&span.span_kind);
        }
        if self.controls.is_off() {
            span.start_time = self.controls.shown(span.start_time);
            span.end_time = self.controls.shown(span.end_time);
            for event in &mut span.events.events {
                event.timestamp = self.controls.shown(event.timestamp);
            }
        }
        if let Some((last, others)) = self.next.split_last() {
            for next in others {
                next.on_end(span.clone());
            }
            last.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.iter().map(|next| next.force_flush()).fold(Ok(()), Result::and)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.iter().map(|next| next.shutdown_with_timeout(timeout)).fold(Ok(()), Result::and)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.iter_mut().for_each(|next| next.set_resource(resource));
    }
}

/// Lets a span through to `inner` only when there is a place for it.
#[derive(Debug)]
pub(crate) struct Bounded<P> {
    pub(crate) inner: P,
    pub(crate) budget: Arc<Budget>,
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.inner.on_start(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.budget.admit() {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.budget.close();
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
