//! The sampler whose choice can change while the process runs. What it decides is what the SDK's own samplers decide.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt as _, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SamplingResult, ShouldSample};

use crate::controls::Controls;

/// Asks the controls anew for each span.
#[derive(Debug, Clone)]
pub(crate) struct LiveSampler(pub(crate) Controls);

impl ShouldSample for LiveSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let sampler = self.0.sampler();
        let decided = parent.filter(|context| sampler.parent_based && context.has_active_span());
        let chosen = match decided.map(|context| context.span().span_context().is_sampled()) {
            Some(true) => SdkSampler::AlwaysOn,
            Some(false) => SdkSampler::AlwaysOff,
            None => sampler.root(),
        };
        chosen.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}
