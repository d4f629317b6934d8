//! Sends requests and reads answers: the generator's fast path, and the audit's.
//! One root span per request, trace context, baggage and correlation id on it, a time limit over all of it.
//! Nothing is retried: a load generator that tries again hides what it is to measure.

mod answer;
mod call;
mod ids;
mod pool;
mod target;
mod trace;
mod way;

pub(crate) use answer::Shown;
pub use answer::{Answer, Failure, Outcome};
pub use call::{Call, Captured, planned};
pub use ids::{Ids, RunId, SeededIds};
pub use target::{Target, TargetError, Targets};

use crate::plan::journeys::Service;
use balance::Told;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::Full;
use opentelemetry::global::BoxedTracer;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use way::Ways;

/// Carries the correlation id.
pub const CORRELATION_HEADER: &str = "x-correlation-id";

const CORRELATION: HeaderName = HeaderName::from_static(CORRELATION_HEADER);
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Sends requests over kept connections. Any number of requests may be under way at once, each on its own
/// connection. Use it within one runtime: its connections live there.
#[derive(Debug)]
pub struct Sender {
    targets: Targets,
    user: Ways,
    product: Ways,
    order: Ways,
    timeout: Duration,
    ids: Ids,
    tracer: BoxedTracer,
}

impl Sender {
    /// A sender with no connections yet. Spans go to the tracer provider that is global at this moment.
    #[must_use]
    pub fn new(targets: Targets, timeout: Duration, ids: Ids) -> Self {
        Self {
            user: Ways::default(),
            product: Ways::default(),
            order: Ways::default(),
            targets,
            timeout,
            ids,
            tracer: trace::tracer(),
        }
    }

    /// The identifiers its requests get.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Sends one request to one of the instances, and waits for the whole answer, a failure or the time limit.
    pub async fn send(&self, call: &Call, correlation: &str) -> Answer {
        let instances = self.targets.of(call.service);
        let chosen = instances.at(self.ids.instance(call.session, call.number));
        let way = self.ways(call.service).to(&chosen, instances);
        let target = way.as_ref().map(|way| &way.target);
        let root = trace::start(&self.tracer, &self.ids, call, correlation, target);
        let (trace_id, span_id, sampled) = (root.trace_id, root.span_id, root.sampled);
        let request = target.and_then(|target| request(call, correlation, target, &root));
        let fired = Instant::now();
        let result = match (way, request) {
            (Some(way), Some(request)) => {
                let exchange = way.pool.exchange(request);
                tokio::time::timeout(self.timeout, exchange).await.unwrap_or(Err(Failure::Timeout))
            }
            _ => Err(Failure::Protocol),
        };
        let ended = Instant::now();
        let outcome = result.as_ref().map(|(parts, _)| parts.status.as_u16()).map_err(|f| *f);
        chosen.tell(told(outcome));
        root.end(outcome);
        let (headers, body) =
            result.map_or_else(|_| (HeaderMap::new(), Bytes::new()), |(p, b)| (p.headers, b));
        let correlation_id = correlation.to_owned();
        Answer { outcome, headers, body, trace_id, span_id, sampled, correlation_id, fired, ended }
    }

    fn ways(&self, service: Service) -> &Ways {
        match service {
            Service::User => &self.user,
            Service::Product => &self.product,
            Service::Order => &self.order,
        }
    }
}

/// What a request tells of the instance that it went to.
fn told(outcome: Outcome) -> Told {
    match outcome {
        Ok(_) | Err(Failure::TooLarge | Failure::Protocol) => Told::Answered,
        Err(Failure::Connect) => Told::Unreachable,
        Err(Failure::Closed | Failure::Timeout) => Told::Broken,
    }
}

/// The request as sent; none if its path or a header cannot be written.
fn request(
    call: &Call,
    correlation: &str,
    target: &Target,
    root: &trace::Root,
) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::new(Full::new(call.body.clone().unwrap_or_default()));
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = call.path.parse().ok()?;
    let headers = request.headers_mut();
    headers.reserve(8);
    headers.insert(HOST, target.host.clone());
    headers.insert(TRACEPARENT, root.traceparent()?);
    headers.insert(CORRELATION, HeaderValue::from_str(correlation).ok()?);
    headers.insert(BAGGAGE, HeaderValue::from_maybe_shared(baggage(correlation)).ok()?);
    if call.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(key) = &call.idempotency_key {
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).ok()?);
    }
    if let Some(token) = &call.bearer {
        headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).ok()?);
    }
    Some(request)
}

/// The baggage that carries the correlation id: what is not plain in it is percent-encoded.
fn baggage(correlation: &str) -> Bytes {
    const KEY: &str = "correlation.id=";
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/!#$&'()*+<=>?@[]^`{|}".contains(&b);
    let mut text = String::with_capacity(KEY.len() + correlation.len() + 8);
    text.push_str(KEY);
    for byte in correlation.bytes() {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Bytes::from(text)
}
