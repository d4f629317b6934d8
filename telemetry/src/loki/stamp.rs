//! Trace, span and correlation id onto the lines tracing-loki writes. It knows only fields of events and spans, so the ids
//! are recorded on the active span, for tracing-loki alone, before the span's first event.

use opentelemetry::Context as OtelContext;
use opentelemetry::trace::TraceContextExt;
use tracing::callsite::{Callsite, Identifier};
use tracing::field::{FieldSet, Value};
use tracing::metadata::Kind;
use tracing::span::Record;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::correlation::CorrelationId;
use crate::names::{CORRELATION_ID_LOG, SPAN_ID_LOG, TRACE_ID_LOG};

/// Marks a span whose ids were recorded.
struct Stamped;

/// Fields belong to a call site; this one is never enabled and only lends its names.
struct Names;

static NAMES: Names = Names;
static METADATA: Metadata<'static> = Metadata::new(
    "ids",
    module_path!(),
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&[TRACE_ID_LOG, SPAN_ID_LOG, CORRELATION_ID_LOG], Identifier(&NAMES)),
    Kind::SPAN,
);

impl Callsite for Names {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

/// Records the active ids on the active span through `layer`, once per span.
pub(super) fn stamp<S, L>(layer: &L, ctx: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    L: Layer<S>,
{
    let Some(span) = ctx.lookup_current() else { return };
    if span.extensions().get::<Stamped>().is_some() {
        return;
    }
    span.extensions_mut().replace(Stamped);
    let (trace, own, correlation) = OtelContext::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        (ids.trace_id().to_string(), ids.span_id().to_string(), CorrelationId::of(context))
    });
    let correlation = correlation.as_ref().map(CorrelationId::as_str);
    let names = METADATA.fields();
    let [Some(trace_name), Some(own_name), Some(correlation_name)] =
        [TRACE_ID_LOG, SPAN_ID_LOG, CORRELATION_ID_LOG].map(|name| names.field(name))
    else {
        return;
    };
    let values = [
        (&trace_name, Some(&trace as &dyn Value)),
        (&own_name, Some(&own as &dyn Value)),
        (&correlation_name, correlation.as_ref().map(|id| id as &dyn Value)),
    ];
    layer.on_record(&span.id(), &Record::new(&names.value_set(&values)), ctx.clone());
}
