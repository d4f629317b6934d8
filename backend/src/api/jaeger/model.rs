//! What Jaeger makes of OTLP spans before it shows them: references, repaired ends, warnings. Pure.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::{go, skew};
use crate::store::spans::StoredSpan;

/// What Go prints of a message beside its fields.
const INNER: &str = "XXX_NoUnkeyedLiteral:{} XXX_unrecognized:[] XXX_sizecache:0";

/// A span with what is shown of it beside what was sent.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) stored: &'a StoredSpan,
    pub(super) id: u64,
    pub(super) end_ns: u64,
    pub(super) references: Vec<Reference>,
    pub(super) warnings: Vec<String>,
}

/// A span that another one points to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reference {
    pub(super) child_of: bool,
    pub(super) trace: [u8; 16],
    pub(super) span: u64,
}

/// The spans of one trace; `raw` leaves out what is for the eye.
pub(super) fn shown(spans: &[StoredSpan], raw: bool) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown<'_>> = spans.iter().map(show).collect();
    if raw {
        return shown;
    }
    let mut ids: Vec<_> = shown.iter().map(|s| (s.id, s.parent(), s.stored.span.kind)).collect();
    part_shared_ids(&mut ids);
    for (span, (id, parent, _)) in shown.iter_mut().zip(ids) {
        span.id = id;
        if parent != span.parent() {
            span.replace_parent(parent);
        }
    }
    let nodes: Vec<skew::Node> = shown
        .iter()
        .map(|s| skew::Node {
            id: s.id,
            parent: s.parent(),
            start_ns: s.stored.span.start_time_unix_nano as i64,
            duration_ns: s.duration_ns() as i64,
            host: ip(s.stored),
        })
        .collect();
    let lost = |parent: u64| format!("invalid parent span IDs={parent:016x}");
    for (span, warnings) in shown.iter_mut().zip(skew::warnings(&nodes, lost)) {
        span.warnings.extend(warnings);
        drop_invalid(span);
        parent_first(span);
    }
    shown
}

impl Shown<'_> {
    pub(super) fn duration_ns(&self) -> u64 {
        self.end_ns - self.stored.span.start_time_unix_nano
    }

    /// The parent in the same trace; 0 for none. A link stands in where there is no parent.
    fn parent(&self) -> u64 {
        let own = || self.references.iter().filter(|r| r.trace == self.stored.trace);
        own().find(|r| r.child_of).or_else(|| own().next()).map_or(0, |r| r.span)
    }

    fn replace_parent(&mut self, parent: u64) {
        let (old, trace) = (self.parent(), self.stored.trace);
        match self.references.iter_mut().find(|r| r.span == old && r.trace == trace) {
            Some(reference) => reference.span = parent,
            None => self.references.insert(0, Reference { child_of: true, trace, span: parent }),
        }
    }
}

/// A span's end; one that is not behind its beginning is moved there, with a warning: of a span without length, too, Jaeger
/// says that it is negative.
pub(super) fn repaired_end(start_ns: u64, end_ns: u64) -> (u64, Option<String>) {
    if end_ns > start_ns {
        return (end_ns, None);
    }
    let end = start_ns.saturating_add(1);
    let warning = format!(
        "Negative duration detected, sanitizing end timestamp. Original end timestamp: {}, adjusted to: {}",
        go::time(end_ns),
        go::time(end)
    );
    (end, Some(warning))
}

fn show(stored: &StoredSpan) -> Shown<'_> {
    let span = &stored.span;
    let (end_ns, warning) = repaired_end(span.start_time_unix_nano, span.end_time_unix_nano);
    let parent = id(&span.parent_span_id);
    let mut references = Vec::new();
    if parent != 0 {
        references.push(Reference { child_of: true, trace: stored.trace, span: parent });
    }
    for link in &span.links {
        let told = link.attributes.iter().find(|kv| kv.key == "opentracing.ref_type").map(string);
        let link = Reference {
            child_of: told == Some(Some("child_of")),
            trace: link.trace_id.as_slice().try_into().unwrap_or_default(),
            span: id(&link.span_id),
        };
        // A link to the parent says what kind of parent it is.
        if parent != 0 && link.trace == stored.trace && link.span == parent {
            references[0].child_of = link.child_of;
        } else {
            references.push(link);
        }
    }
    Shown { stored, id: id(&span.span_id), end_ns, references, warnings: warning.into_iter().collect() }
}

/// Both sides of a call may share an id where Zipkin's way is followed: the server's gets one of its own, and its children
/// follow it. Each span is its id, its parent and its kind.
pub(super) fn part_shared_ids(spans: &mut [(u64, u64, i32)]) {
    let mut used: HashSet<u64> = spans.iter().map(|(id, ..)| *id).collect();
    let clients: HashSet<u64> = spans.iter().filter(|(.., kind)| *kind == 3).map(|(id, ..)| *id).collect();
    let mut parted: HashMap<u64, u64> = HashMap::new();
    let mut next = 0;
    for (id, parent, kind) in spans.iter_mut() {
        if *kind != 2 || !clients.contains(id) {
            continue;
        }
        while next == 0 || !used.insert(next) {
            next += 1;
        }
        parted.insert(*id, next);
        (*id, *parent) = (next, *id);
    }
    for (id, parent, _) in spans {
        if let Some(now) = parted.get(parent).filter(|now| *now != id) {
            *parent = *now;
        }
    }
}

fn drop_invalid(span: &mut Shown<'_>) {
    let (valid, invalid): (Vec<_>, Vec<_>) =
        std::mem::take(&mut span.references).into_iter().partition(|r| r.trace != [0; 16]);
    span.references = valid;
    for reference in invalid {
        span.warnings.push(format!(
            "Invalid span reference removed {{TraceID:0000000000000000 SpanID:{:016x} RefType:{} {INNER}}}",
            reference.span,
            if reference.child_of { "CHILD_OF" } else { "FOLLOWS_FROM" }
        ));
    }
}

/// The reference that the tree of spans is drawn by stands first.
fn parent_first(span: &mut Shown<'_>) {
    let trace = span.stored.trace;
    let own = |r: &Reference| r.trace == trace;
    let references = &mut span.references;
    let first = references.iter().position(|r| own(r) && r.child_of);
    if let Some(first) = first.or_else(|| references.iter().position(own)) {
        references.swap(0, first);
    }
}

/// The process' `ip`, by which spans of one host are known.
fn ip(stored: &StoredSpan) -> String {
    let attribute = stored.origin.resource.attributes.iter().find(|kv| kv.key == "ip");
    match attribute.and_then(|kv| kv.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => Ipv4Addr::from(*number as u32).to_string(),
        Some(Value::BytesValue(bytes)) => {
            match (<[u8; 4]>::try_from(&**bytes), <[u8; 16]>::try_from(&**bytes)) {
                (Ok(v4), _) => Ipv4Addr::from(v4).to_string(),
                (_, Ok(v6)) => Ipv6Addr::from(v6).to_canonical().to_string(),
                _ => String::new(),
            }
        }
        _ => String::new(),
    }
}

fn string(kv: &KeyValue) -> Option<&str> {
    match kv.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// A span id as a number; 0 for none.
pub(super) fn id(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}
