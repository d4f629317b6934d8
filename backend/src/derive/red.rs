//! Rate, errors and duration per operation, as the span_metrics connector counts them.
//!
//! Resources with the same `job` and `instance` are one service here: the connector keeps them apart and then shows only
//! one of them, because their series are the same.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::series::{CALLS, DURATION, Example, HistogramLabels, INFO, JOB, Pair, Point, labels, pair, value};
use super::settings::{
    BOUNDS_MS, DIMENSIONS, EXEMPLARS, INFO_LABELS, SERVICE_EXPIRY_MS, SERVICES, SETS, SETS_PER_SERVICE,
    VALUE_BYTES,
};
use super::{adjusted, attribute, duration_ns};
use super::{histogram, histogram::Histogram};
use crate::ingest::names::label_name;
use crate::labels::Labels;

/// All services.
#[derive(Debug)]
pub(super) struct Red {
    instance: Box<str>,
    services: HashMap<Identity, Service>,
    /// Sets of labels of all services, overflows aside.
    sets: usize,
    /// Holds the key that is looked for, so that looking for it allocates nothing.
    key: Vec<u8>,
}

/// `job` and, where the resource tells one, `instance`.
type Identity = (String, Option<String>);

/// One service, with the sets of labels that its spans fall into.
#[derive(Debug)]
struct Service {
    pairs: Vec<Pair>,
    info: Option<Labels>,
    sets: HashMap<Box<[u8]>, Set>,
    overflow: Option<Box<Set>>,
    last_ms: i64,
}

/// The spans with one set of labels.
#[derive(Debug)]
struct Set {
    calls: u64,
    /// Whether a first point has been shown.
    shown: bool,
    duration: Histogram,
    examples: Vec<Example>,
    calls_labels: Labels,
    duration_labels: HistogramLabels,
}

impl Red {
    pub(super) fn new(instance: &str) -> Self {
        Self { instance: instance.into(), services: HashMap::new(), sets: 0, key: Vec::new() }
    }

    /// Makes ready to count spans of a resource that has a `service.name`; `None` when there is no room for it.
    pub(super) fn of<'a>(&'a mut self, resource: &'a [KeyValue], now_ms: i64) -> Option<Counting<'a>> {
        let identity = identity(resource)?;
        if !self.services.contains_key(&identity) && self.services.len() >= SERVICES {
            return None;
        }
        let Self { instance, services, sets, key } = self;
        let service = services
            .entry(identity)
            .or_insert_with_key(|identity| Service::new(identity, instance, resource));
        service.last_ms = now_ms;
        Some(Counting { resource, service, sets, key })
    }

    /// Appends all points, and forgets services that are long silent.
    pub(super) fn flush(&mut self, now_ms: i64, out: &mut Vec<Point>) {
        self.services.retain(|_, service| {
            let keep = now_ms - service.last_ms < SERVICE_EXPIRY_MS;
            if !keep {
                self.sets -= service.sets.len();
            }
            keep
        });
        for service in self.services.values_mut() {
            out.extend(service.info.iter().map(|info| Point::new(info, 1.0)));
            for set in service.sets.values_mut().chain(service.overflow.as_deref_mut()) {
                set.flush(now_ms, out);
            }
        }
    }
}

/// What makes a resource a service; `None` when it is too long to be a label.
fn identity(resource: &[KeyValue]) -> Option<Identity> {
    let of = |name| attribute(resource, name).map(value);
    let name = of("service.name")??;
    let job = match of("service.namespace") {
        Some(namespace) => format!("{}/{name}", namespace?),
        None => name.into_owned(),
    };
    let instance = match of("service.instance.id") {
        Some(instance) => Some(instance?.into_owned()),
        None => None,
    };
    (job.len() <= VALUE_BYTES).then_some((job, instance))
}

impl Service {
    fn new((job, instance): &Identity, page: &str, resource: &[KeyValue]) -> Self {
        // A page is scraped with its labels honoured: what the series say of themselves stands.
        let pairs = vec![pair("job", job), pair("instance", instance.as_deref().unwrap_or(page))];
        let info =
            instance.as_ref().filter(|i| !i.is_empty() && !job.is_empty()).map(|_| info(&pairs, resource));
        Self { pairs, info, sets: HashMap::new(), overflow: None, last_ms: 0 }
    }
}

/// One service, ready to count spans of one of its resources.
pub(super) struct Counting<'a> {
    resource: &'a [KeyValue],
    service: &'a mut Service,
    sets: &'a mut usize,
    key: &'a mut Vec<u8>,
}

impl Counting<'_> {
    /// Counts one span; says whether it was counted under labels of its own.
    pub(super) fn take(&mut self, span: &Span) -> bool {
        let Self { resource, service, sets, key } = self;
        if let Some(parts) = Parts::of(resource, span) {
            parts.write(key);
            if let Some(set) = service.sets.get_mut(key.as_slice()) {
                set.take(span, true);
                return true;
            }
            if service.sets.len() < SETS_PER_SERVICE && **sets < SETS {
                **sets += 1;
                let mut set = Set::new(&parts.pairs(&service.pairs));
                set.take(span, true);
                service.sets.insert(key.as_slice().into(), set);
                return true;
            }
        }
        let Service { pairs, overflow, .. } = &mut **service;
        let overflow = overflow.get_or_insert_with(|| {
            let mark = [pair("otel_metric_overflow", "true")];
            Box::new(Set::new(&[pairs.as_slice(), &mark].concat()))
        });
        overflow.take(span, false);
        false
    }
}

/// The labels of `target_info`: the resource beside what identifies it.
fn info(pairs: &[Pair], resource: &[KeyValue]) -> Labels {
    let mut told: Vec<(String, String)> = Vec::new();
    for kv in resource {
        if matches!(kv.key.as_str(), "service.name" | "service.namespace" | "service.instance.id") {
            continue;
        }
        let name = label_name(&kv.key);
        let Some(value) = value(kv).filter(|_| !name.is_empty() && name.len() <= VALUE_BYTES) else {
            continue;
        };
        match told.iter().position(|(known, _)| *known == name) {
            Some(at) if told[at].1.len() + value.len() < VALUE_BYTES => {
                told[at].1.push(';');
                told[at].1.push_str(&value);
            }
            None if told.len() < INFO_LABELS => told.push((name, value.into_owned())),
            _ => {}
        }
    }
    let told: Vec<Pair> = told.iter().map(|(name, value)| pair(name, value)).collect();
    labels(INFO, &[told, pairs.to_vec()].concat())
}

/// What tells a span's set from others of its service.
struct Parts<'a> {
    service: std::borrow::Cow<'a, str>,
    name: &'a str,
    kind: &'static str,
    status: &'static str,
    dimensions: [Option<std::borrow::Cow<'a, str>>; DIMENSIONS.len()],
}

impl<'a> Parts<'a> {
    /// `None` when one of them is too long to be a label.
    fn of(resource: &'a [KeyValue], span: &'a Span) -> Option<Self> {
        let mut dimensions = [const { None }; DIMENSIONS.len()];
        for (dimension, (name, _)) in dimensions.iter_mut().zip(DIMENSIONS) {
            if let Some(found) = attribute(&span.attributes, name).or_else(|| attribute(resource, name)) {
                *dimension = Some(value(found)?);
            }
        }
        let kind = match span.kind {
            0 => "SPAN_KIND_UNSPECIFIED",
            1 => "SPAN_KIND_INTERNAL",
            2 => "SPAN_KIND_SERVER",
            3 => "SPAN_KIND_CLIENT",
            4 => "SPAN_KIND_PRODUCER",
            5 => "SPAN_KIND_CONSUMER",
            _ => "",
        };
        let status = match span.status.as_ref().map_or(0, |s| s.code) {
            0 => "STATUS_CODE_UNSET",
            1 => "STATUS_CODE_OK",
            2 => "STATUS_CODE_ERROR",
            _ => "",
        };
        let service = value(attribute(resource, "service.name")?)?;
        (span.name.len() <= VALUE_BYTES).then_some(Self {
            service,
            name: &span.name,
            kind,
            status,
            dimensions,
        })
    }

    fn write(&self, key: &mut Vec<u8>) {
        key.clear();
        for part in [Some(self.name), Some(self.kind), Some(self.status)]
            .into_iter()
            .chain(self.dimensions.iter().map(Option::as_deref))
        {
            // A length in front, so that no text can pass for two; none is as long as the mark for "not there".
            let length = part.map_or(u16::MAX, |part| part.len() as u16);
            key.extend_from_slice(&length.to_le_bytes());
            key.extend_from_slice(part.unwrap_or_default().as_bytes());
        }
    }

    fn pairs(&self, of_service: &[Pair]) -> Vec<Pair> {
        let mut pairs = of_service.to_vec();
        pairs.push(pair("service_name", &self.service));
        pairs.push(pair("span_name", self.name));
        pairs.push(pair("span_kind", self.kind));
        pairs.push(pair("status_code", self.status));
        for (dimension, (_, label)) in self.dimensions.iter().zip(DIMENSIONS) {
            pairs.extend(dimension.as_deref().map(|value| pair(label, value)));
        }
        pairs
    }
}

impl Set {
    fn new(pairs: &[Pair]) -> Self {
        Self {
            calls: 0,
            shown: false,
            duration: Histogram::default(),
            examples: Vec::new(),
            calls_labels: labels(CALLS, pairs),
            duration_labels: HistogramLabels::new(DURATION, pairs, &BOUNDS_MS),
        }
    }

    fn take(&mut self, span: &Span, as_example: bool) {
        let ids = (span.trace_id.as_slice().try_into(), span.span_id.as_slice().try_into());
        let value = duration_ns(span) / 1e6;
        if let (Ok(trace), Ok(id)) = ids
            && as_example
            && self.examples.len() < EXEMPLARS
        {
            self.examples.push(Example { trace, span: id, value });
        }
        let seed = ids.1.map(u64::from_be_bytes).unwrap_or_default();
        let times = if span.trace_state.is_empty() { 1 } else { adjusted::count(&span.trace_state, seed) };
        self.calls = self.calls.saturating_add(times);
        self.duration.observe(&BOUNDS_MS, value, times);
    }

    fn flush(&mut self, now_ms: i64, out: &mut Vec<Point>) {
        // A counter begins at zero, so that a rate sees its first step. The histogram does not; nor does the connector's.
        let calls = if self.shown { self.calls as f64 } else { 0.0 };
        self.shown = true;
        let exemplar = self.examples.last().map(|example| example.at(now_ms));
        out.push(Point { labels: self.calls_labels.clone(), value: calls, exemplar });
        let examples = std::mem::take(&mut self.examples);
        let of_bucket = |at| {
            let inside = |e: &&Example| histogram::bucket(&BOUNDS_MS, e.value) == at;
            examples.iter().rev().find(inside).map(|example| example.at(now_ms))
        };
        self.duration_labels.points(&self.duration, of_bucket, out);
    }
}

/// The page's own address and job, for series that no service stands behind.
pub(super) fn of_page(instance: &str) -> Vec<Pair> {
    vec![pair("job", JOB), pair("instance", instance)]
}
