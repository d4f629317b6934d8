//! W3C trace context and baggage, in and out of HTTP headers, with the rule of the edge: of inbound baggage only our own
//! key survives, because baggage is unauthenticated and would travel on to third parties.
//!
//! What is stored for later (an outbox row) is the `traceparent` alone; [`link_from`] turns it into a span link.

use http::{HeaderMap, HeaderValue};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use crate::baggage;
use crate::correlation::CorrelationId;
use crate::names::{CORRELATION_HEADER, CORRELATION_ID};

/// Longest `tracestate` header that is passed on; the W3C minimum for vendors.
const MAX_TRACESTATE: usize = 512;

/// What a server takes from a request: a context to be the parent of its span, and the request's correlation id, which is
/// the context's only baggage.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// Remote span context, when a valid one came, and baggage with the correlation id.
    pub context: Context,
    /// The id: from the header, else from our baggage key, else fresh.
    pub correlation: CorrelationId,
}

/// Reads trace context and correlation id from inbound `headers`; everything else in baggage is dropped.
#[must_use]
pub fn extract(headers: &HeaderMap) -> Inbound {
    let correlation = correlation_from(headers);
    let context = correlated(&remote(headers), &correlation);
    Inbound { context, correlation }
}

/// Writes `context` into outbound `headers`: `traceparent`, `tracestate`, the correlation header, and `baggage` with our own
/// key alone, whatever else the context holds.
pub fn write(context: &Context, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(headers));
    // The propagator writes it even when there is nothing to say.
    if headers.get("tracestate").is_some_and(HeaderValue::is_empty) {
        headers.remove("tracestate");
    }
    let Some(id) = CorrelationId::of(context) else { return };
    if let Ok(value) = HeaderValue::from_str(&baggage::write(CORRELATION_ID, id.as_str())) {
        headers.insert("baggage", value);
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(CORRELATION_HEADER, value);
    }
}

/// The `traceparent` of the active span, to be stored with work that is done later. `None` outside of any span.
#[must_use]
pub fn trace_context() -> Option<String> {
    let mut headers = HeaderMap::new();
    Context::map_current(|cx| {
        TraceContextPropagator::new().inject_context(cx, &mut HeaderInjector(&mut headers));
    });
    headers.get("traceparent")?.to_str().ok().map(str::to_owned)
}

/// The span a stored `traceparent` names, to be linked with `OpenTelemetrySpanExt::add_link`. `None` when it is malformed.
#[must_use]
pub fn link_from(traceparent: &str) -> Option<SpanContext> {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", traceparent.parse().ok()?);
    let context = remote(&headers);
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

/// A context without a parent span whose baggage holds `correlation`: the start of work that no request began.
#[must_use]
pub fn root(correlation: &CorrelationId) -> Context {
    correlated(&Context::new(), correlation)
}

/// `context` with `correlation` as its only baggage.
pub(crate) fn correlated(context: &Context, correlation: &CorrelationId) -> Context {
    context.with_baggage([KeyValue::new(CORRELATION_ID, correlation.value())])
}

fn remote(headers: &HeaderMap) -> Context {
    let mut own = HeaderMap::new();
    if let Some(parent) = headers.get("traceparent") {
        own.insert("traceparent", parent.clone());
    }
    // Several headers are one list, in their order; the propagator would read the first alone.
    let states: Vec<&[u8]> = headers.get_all("tracestate").iter().map(HeaderValue::as_bytes).collect();
    let state = states.join(&b","[..]);
    if state.len() <= MAX_TRACESTATE
        && let Ok(state) = HeaderValue::from_bytes(&state)
        && !state.is_empty()
    {
        own.insert("tracestate", state);
    }
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(&own))
}

/// The id `headers` carry, else a fresh one.
pub(crate) fn correlation_from(headers: &HeaderMap) -> CorrelationId {
    headers
        .get(CORRELATION_HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| CorrelationId::parse(text).ok())
        .or_else(|| correlation_from_baggage(headers))
        .unwrap_or_else(CorrelationId::generate)
}

fn correlation_from_baggage(headers: &HeaderMap) -> Option<CorrelationId> {
    headers
        .get_all("baggage")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|header| baggage::read(header, CORRELATION_ID))
        .and_then(|value| CorrelationId::parse(&value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_header_wins_over_baggage_and_baggage_over_a_fresh_id() {
        let both =
            headers(&[("x-correlation-id", "from-header"), ("baggage", "correlation.id=from-baggage")]);
        assert_eq!(extract(&both).correlation.as_str(), "from-header");
        let baggage = headers(&[("baggage", "other=1, correlation.id=from-baggage;prop=x")]);
        assert_eq!(extract(&baggage).correlation.as_str(), "from-baggage");
        let invalid = headers(&[("x-correlation-id", "not valid"), ("baggage", "correlation.id=a%20b")]);
        assert_eq!(extract(&invalid).correlation.as_str().len(), 32);
    }

    #[test]
    fn inbound_baggage_other_than_our_key_is_gone() {
        let inbound = extract(&headers(&[("baggage", "user=admin,correlation.id=c-1,session=secret")]));
        let kept: Vec<String> =
            inbound.context.baggage().iter().map(|(key, (value, _))| format!("{key}={value}")).collect();
        assert_eq!(kept, ["correlation.id=c-1"]);
    }

    #[test]
    fn outbound_baggage_holds_our_key_alone() {
        let id = CorrelationId::parse("c-1").unwrap();
        let context = root(&id).with_baggage([
            KeyValue::new(CORRELATION_ID, id.value()),
            KeyValue::new("internal", "not for third parties"),
        ]);
        let mut out = HeaderMap::new();
        write(&context, &mut out);
        assert_eq!(out["baggage"], "correlation.id=c-1");
        assert_eq!(out["x-correlation-id"], "c-1");
    }

    #[test]
    fn an_oversized_tracestate_is_dropped_and_the_parent_kept() {
        let long = format!("vendor={}", "x".repeat(600));
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let inbound = extract(&headers(&[("traceparent", parent), ("tracestate", &long)]));
        let span = inbound.context.span().span_context().clone();
        assert_eq!(span.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(span.trace_state().header(), "");
    }

    #[test]
    fn several_tracestate_headers_are_one_list_and_an_empty_one_is_none() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut inbound = headers(&[("traceparent", parent), ("tracestate", "a=1")]);
        inbound.append("tracestate", "b=2".parse().unwrap());
        let mut out = HeaderMap::new();
        write(&extract(&inbound).context, &mut out);
        assert_eq!(out["tracestate"], "a=1,b=2");

        let mut out = HeaderMap::new();
        write(&extract(&headers(&[("traceparent", parent)])).context, &mut out);
        assert!(out.contains_key("traceparent") && !out.contains_key("tracestate"), "{out:?}");
    }

    #[test]
    fn a_stored_traceparent_becomes_a_link_and_rubbish_does_not() {
        let link = link_from("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        assert_eq!(link.span_id().to_string(), "b7ad6b7169203331");
        for bad in ["", "00-zz", "00-00000000000000000000000000000000-0000000000000000-01", "\u{0}"] {
            assert!(link_from(bad).is_none(), "{bad:?}");
        }
    }
}
