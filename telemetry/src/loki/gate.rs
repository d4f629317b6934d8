//! The layer around tracing-loki's: an event goes in only when there is a place for it all the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{HANDOFF, stamp};
use crate::pipeline::Budget;

/// Admits events to `inner` while there are places, and sees to it that spans carry the ids.
pub(crate) struct Gate<L> {
    inner: L,
    /// Events inside tracing-loki; the relay lowers it.
    inside: Arc<AtomicUsize>,
    budget: Arc<Budget>,
}

impl<L> Gate<L> {
    pub(super) fn new(inner: L, inside: Arc<AtomicUsize>, budget: Arc<Budget>) -> Gate<L> {
        Gate { inner, inside, budget }
    }

    fn admit(&self) -> bool {
        if self.inside.fetch_add(1, Ordering::SeqCst) >= HANDOFF {
            self.inside.fetch_sub(1, Ordering::SeqCst);
            self.budget.refuse();
            return false;
        }
        if !self.budget.admit() {
            self.inside.fetch_sub(1, Ordering::SeqCst);
            return false;
        }
        true
    }
}

impl<S, L> Layer<S> for Gate<L>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    L: Layer<S>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        self.inner.on_new_span(attributes, id, ctx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        self.inner.on_record(id, values, ctx);
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if self.admit() {
            stamp::stamp(&self.inner, &ctx);
            self.inner.on_event(event, ctx);
        }
    }
}
