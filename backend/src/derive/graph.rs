//! Who calls whom, how often, how slowly from each side, and how often in vain, as the service_graph connector counts.
//!
//! One difference is meant: a span that ends before it begins took no time here, where the connector makes it 585 years.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::histogram::Histogram;
use super::pending::{Key, Pending};
use super::red::of_page;
use super::series::{CLIENT, FAILED, HistogramLabels, Pair, Point, REQUESTS, SERVER, labels, pair, value};
use super::settings::{BOUNDS_S, DATABASE_ATTRIBUTE, EDGE_EXPIRY_MS, EDGES, PEER_ATTRIBUTES};
use super::{attribute, duration_ns};
use crate::labels::Labels;

/// All edges, and the halves that may become some.
#[derive(Debug)]
pub(super) struct Graph {
    page: Vec<Pair>,
    pending: Pending<Call>,
    edges: HashMap<Box<[u8]>, Edge>,
    /// Holds the key that is looked for.
    key: Vec<u8>,
}

/// A call, of which one side may not be known yet. An empty name is none, as for the connector.
#[derive(Debug, Default)]
struct Call {
    client: Arc<str>,
    server: Arc<str>,
    client_s: f64,
    server_s: f64,
    kind: &'static str,
    failed: bool,
    /// Whom the client says it called.
    peer: Option<Arc<str>>,
}

/// All calls from one to another.
#[derive(Debug)]
struct Edge {
    failed: bool,
    calls: u64,
    client: Histogram,
    server: Histogram,
    calls_labels: Labels,
    failed_labels: Labels,
    client_labels: HistogramLabels,
    server_labels: HistogramLabels,
    last_ms: i64,
}

impl Graph {
    pub(super) fn new(instance: &str) -> Self {
        Self { page: of_page(instance), pending: Pending::default(), edges: HashMap::new(), key: Vec::new() }
    }

    /// Takes a span of a service; says whether there was room, or nothing to take.
    pub(super) fn take(
        &mut self,
        resource: &[KeyValue],
        service: &Arc<str>,
        span: &Span,
        now_ms: i64,
    ) -> bool {
        // Producers call, consumers are called; what happens inside a service is no edge.
        let kind = if matches!(span.kind, 4 | 5) { "messaging_system" } else { "" };
        match span.kind {
            3 | 4 => self.client(resource, service, span, kind, now_ms),
            2 | 5 => self.server(service, span, kind, now_ms),
            _ => true,
        }
    }

    fn client(
        &mut self,
        resource: &[KeyValue],
        service: &Arc<str>,
        span: &Span,
        kind: &'static str,
        now_ms: i64,
    ) -> bool {
        let Some(key) = key(&span.trace_id, &span.span_id) else { return false };
        let called = |kv| called(resource, kv);
        let peer = PEER_ATTRIBUTES.iter().find_map(|name| attribute(&span.attributes, name)).map(called);
        // A database has no span of its own: what the client saw of it is all there is.
        let database = attribute(resource, DATABASE_ATTRIBUTE)
            .map(value)
            .or_else(|| attribute(&span.attributes, DATABASE_ATTRIBUTE).map(called));
        let (Some(peer), Some(database)) = (all(peer), all(database)) else { return false };
        self.update(key, now_ms, |call| {
            call.client = Arc::clone(service);
            call.client_s = duration_ns(span) / 1e9;
            call.kind = kind;
            call.failed |= is_error(span);
            if let Some(database) = &database {
                call.kind = "database";
                call.server = Arc::from(&**database);
                call.server_s = call.client_s;
            }
            if call.server.is_empty() {
                call.peer = peer.as_deref().map(Arc::from);
            }
        })
    }

    fn server(&mut self, service: &Arc<str>, span: &Span, kind: &'static str, now_ms: i64) -> bool {
        let parent = if span.parent_span_id.is_empty() { &[0; 8] } else { span.parent_span_id.as_slice() };
        let Some(key) = key(&span.trace_id, parent) else { return false };
        self.update(key, now_ms, |call| {
            call.server = Arc::clone(service);
            call.server_s = duration_ns(span) / 1e9;
            call.kind = kind;
            call.failed |= is_error(span);
        })
    }

    /// Puts a half to the other, or lets it wait; says whether there was room.
    fn update(&mut self, key: Key, now_ms: i64, update: impl FnOnce(&mut Call)) -> bool {
        let is_whole = |call: &Call| !call.client.is_empty() && !call.server.is_empty();
        if let Some(call) = self.pending.get_mut(&key) {
            update(call);
            if !is_whole(call) {
                return true;
            }
            return self.pending.remove(&key).is_some_and(|call| self.count(&call, now_ms));
        }
        let mut call = Call::default();
        update(&mut call);
        if is_whole(&call) { self.count(&call, now_ms) } else { self.pending.insert(key, call, now_ms) }
    }

    /// A half that stayed alone: its other end is made up from what is known of it.
    fn expire(&mut self, (_, caller): Key, mut call: Call, now_ms: i64) {
        call.kind = "virtual_node";
        if call.client.is_empty() && caller == [0; 8] {
            call.client = Arc::from("user");
            self.count(&call, now_ms);
        }
        if call.server.is_empty() {
            call.server = call.peer.clone().unwrap_or_else(|| Arc::from("unknown"));
            self.count(&call, now_ms);
        }
    }

    /// Adds a call to its edge; says whether there was room.
    fn count(&mut self, call: &Call, now_ms: i64) -> bool {
        self.key.clear();
        for part in [&*call.client, &*call.server, call.kind] {
            self.key.extend_from_slice(&(part.len() as u32).to_le_bytes());
            self.key.extend_from_slice(part.as_bytes());
        }
        self.key.push(u8::from(call.failed));
        if !self.edges.contains_key(self.key.as_slice()) {
            if self.edges.len() >= EDGES {
                return false;
            }
            self.edges.insert(self.key.as_slice().into(), Edge::new(call, &self.page));
        }
        if let Some(edge) = self.edges.get_mut(self.key.as_slice()) {
            edge.calls += 1;
            edge.client.observe(&BOUNDS_S, call.client_s, 1);
            edge.server.observe(&BOUNDS_S, call.server_s, 1);
            edge.last_ms = now_ms;
        }
        true
    }

    /// Appends all points, after the halves that waited too long became edges or nothing.
    pub(super) fn flush(&mut self, now_ms: i64, out: &mut Vec<Point>) {
        while let Some((key, call)) = self.pending.pop_expired(now_ms) {
            self.expire(key, call, now_ms);
        }
        self.edges.retain(|_, edge| now_ms - edge.last_ms <= EDGE_EXPIRY_MS);
        for edge in self.edges.values() {
            out.push(Point::new(&edge.calls_labels, edge.calls as f64));
            if edge.failed {
                out.push(Point::new(&edge.failed_labels, edge.calls as f64));
            }
            edge.client_labels.points(&edge.client, |_| None, out);
            edge.server_labels.points(&edge.server, |_| None, out);
        }
    }
}

impl Edge {
    fn new(call: &Call, page: &[Pair]) -> Self {
        let mut pairs = page.to_vec();
        pairs.push(pair("client", &call.client));
        pairs.push(pair("server", &call.server));
        pairs.push(pair("connection_type", call.kind));
        pairs.push(pair("failed", if call.failed { "true" } else { "false" }));
        Self {
            failed: call.failed,
            calls: 0,
            client: Histogram::default(),
            server: Histogram::default(),
            calls_labels: labels(REQUESTS, &pairs),
            failed_labels: labels(FAILED, &pairs),
            client_labels: HistogramLabels::new(CLIENT, &pairs, &BOUNDS_S),
            server_labels: HistogramLabels::new(SERVER, &pairs, &BOUNDS_S),
            last_ms: 0,
        }
    }
}

/// The other end's name. A database that bears the name of its own service gets " db" behind it, or the service would
/// seem to call itself.
fn called<'a>(resource: &[KeyValue], kv: &'a KeyValue) -> Option<Cow<'a, str>> {
    let string = |kv: &'a KeyValue| match kv.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(text)) => Some(text.as_str()),
        _ => None,
    };
    let is_own = kv.key == DATABASE_ATTRIBUTE
        && string(kv).is_some()
        && attribute(resource, "service.name").is_some_and(|name| name.value == kv.value);
    let name = value(kv)?;
    Some(if is_own { Cow::Owned(format!("{name} db")) } else { name })
}

/// `Some(None)` when nothing is told, `None` when what is told is too long.
fn all<T>(told: Option<Option<T>>) -> Option<Option<T>> {
    match told {
        Some(value) => value.map(Some),
        None => Some(None),
    }
}

fn key(trace: &[u8], caller: &[u8]) -> Option<Key> {
    Some((trace.try_into().ok()?, caller.try_into().ok()?))
}

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|s| s.code == 2)
}
