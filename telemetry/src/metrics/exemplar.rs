//! Exemplars: the ids of the span during which a value was observed. They are kept as numbers and written as text only
//! when the exposition is read, so that observing does not allocate.

use std::fmt::Write;
use std::time::SystemTime;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::exemplar::HistogramWithExemplars;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Hex<T>(T);

impl<T: std::fmt::Display> EncodeLabelValue for Hex<T> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        write!(encoder, "{}", self.0)
    }
}

/// Trace and span id of an observation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Exemplar {
    trace_id: Hex<TraceId>,
    span_id: Hex<SpanId>,
}

impl Exemplar {
    /// The active span's ids, when it is sampled: an exemplar that leads to no trace would only disappoint.
    #[must_use]
    pub fn current() -> Option<Exemplar> {
        Context::map_current(|cx| {
            let span = cx.span();
            let context = span.span_context();
            (context.is_valid() && context.is_sampled())
                .then(|| Exemplar { trace_id: Hex(context.trace_id()), span_id: Hex(context.span_id()) })
        })
    }
}

/// A histogram that remembers, per bucket, the last sampled span that fell into it.
pub type ExemplarHistogram = HistogramWithExemplars<Exemplar>;

/// Observes `seconds` with the active span as exemplar.
pub(crate) fn observe(histogram: &ExemplarHistogram, seconds: f64) {
    let exemplar = Exemplar::current();
    let at = exemplar.is_some().then(SystemTime::now);
    histogram.observe(seconds, exemplar, at);
}
