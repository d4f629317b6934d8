//! Constructed periods and traces for tests.

use crate::{
    facts::Facts,
    metrics::Reading,
    names::{CLIENT, SERVER, buckets},
    periods::Periods,
};
use query::{
    Labels, SpanId, TraceId, UnixNanos,
    jaeger::{Process, Reference, ReferenceKind, Span, Tag, TagValue, Trace},
    trace::Tree,
};
use std::time::Duration;

/// When every constructed period ends.
pub(crate) const END: UnixNanos = UnixNanos(1_772_356_025_000_000_000);
const BUCKETS: [(&str, f64); 6] =
    [("0.01", 0.01), ("0.1", 0.1), ("0.25", 0.25), ("0.5", 0.5), ("1", 1.0), ("+Inf", f64::INFINITY)];

/// A trace under construction.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    id: TraceId,
    spans: Vec<(String, Span)>,
}

/// A trace without spans.
pub(crate) fn trace() -> Spans {
    Spans { id: TraceId(7), spans: Vec::new() }
}

impl Spans {
    /// One span more, below the one with this index; times in microseconds from the trace's beginning.
    pub(crate) fn span(
        mut self,
        service: &str,
        name: &str,
        parent: Option<usize>,
        start: u64,
        length: u64,
    ) -> Self {
        let id = |index: usize| SpanId(index as u64 + 1);
        let reference =
            |parent| Reference { kind: ReferenceKind::ChildOf, trace_id: self.id, span_id: id(parent) };
        let span = Span {
            trace_id: self.id,
            span_id: id(self.spans.len()),
            operation_name: name.to_owned(),
            references: parent.map(reference).into_iter().collect(),
            start_us: start,
            duration_us: length,
            tags: Vec::new(),
            logs: Vec::new(),
            process_id: service.to_owned(),
            warnings: Vec::new(),
        };
        self.spans.push((service.to_owned(), span));
        self
    }

    /// A tag of the last span.
    pub(crate) fn tag(mut self, key: &str, value: &str) -> Self {
        let value = match value.parse() {
            Ok(number) => TagValue::Int(number),
            Err(_) => TagValue::String(value.to_owned()),
        };
        if let Some((_, span)) = self.spans.last_mut() {
            span.tags.push(Tag { key: key.to_owned(), value });
        }
        self
    }

    /// A call below a span; its index is that of the last span afterwards.
    pub(crate) fn call(
        self,
        service: &str,
        peer: &str,
        name: &str,
        parent: Option<usize>,
        at: (u64, u64),
    ) -> Self {
        self.span(service, name, parent, at.0, at.1).tag("span.kind", "client").tag("peer.service", peer)
    }

    /// A server span below a call.
    pub(crate) fn serve(self, service: &str, name: &str, parent: Option<usize>, at: (u64, u64)) -> Self {
        let spans = self.span(service, name, parent, at.0, at.1).tag("span.kind", "server");
        spans.tag("http.route", name.split(' ').nth(1).unwrap_or_default())
    }

    /// What the last span answered.
    pub(crate) fn status(self, status: u16) -> Self {
        let spans = self.tag("http.response.status_code", &status.to_string());
        if status >= 500 { spans.tag("error", "true").tag("error.type", &status.to_string()) } else { spans }
    }

    /// A statement below a span.
    pub(crate) fn statement(self, service: &str, name: &str, parent: usize, at: (u64, u64)) -> Self {
        let spans = self.span(service, name, Some(parent), at.0, at.1).tag("span.kind", "client");
        let spans = spans.tag("db.system.name", "sqlite");
        spans.tag("db.operation.name", name.split(' ').next().unwrap_or_default())
    }

    /// The trace as a tree.
    pub(crate) fn tree(&self) -> Tree {
        let process = |service: &String| Process { service_name: service.clone(), tags: Vec::new() };
        let trace = Trace {
            trace_id: self.id,
            spans: self.spans.iter().map(|(_, span)| span.clone()).collect(),
            processes: self.spans.iter().map(|(service, _)| (service.clone(), process(service))).collect(),
            warnings: Vec::new(),
        };
        query::trace::assemble(trace, Vec::new())
    }

    /// So many such traces, each with an id of its own, all of them a minute before the end.
    pub(crate) fn times(&self, count: usize) -> Vec<Tree> {
        let start = END.before(Duration::from_secs(60)).micros();
        let numbered = |number: usize| {
            let mut copy = self.clone();
            copy.id = TraceId(number as u128 + 1);
            for (_, span) in &mut copy.spans {
                span.trace_id = copy.id;
                span.start_us += start;
                for reference in &mut span.references {
                    reference.trace_id = copy.id;
                }
            }
            copy.tree()
        };
        (0..count).map(numbered).collect()
    }
}

/// Eight calm slices of 15 seconds and four in question.
pub(crate) struct World(pub(crate) Facts);

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let mut labels: Labels = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    if let Some(service) = labels.get("service").cloned() {
        labels.insert("job".to_owned(), service);
    }
    labels
}

impl World {
    /// Nothing but scrapes of these targets.
    pub(crate) fn of(targets: &[&str]) -> Self {
        let mut world =
            Self(Facts::new(Periods::until(END, Duration::from_secs(120), Duration::from_secs(60))));
        for target in targets {
            world = world.gauge("up", &[("job", target)], 1.0, 1.0);
            world = world.gauge("scrape_duration_seconds", &[("job", target)], 0.004, 0.004);
        }
        world
    }

    /// A series with a value in the calm period and another one after it.
    pub(crate) fn gauge(mut self, family: &str, pairs: &[(&str, &str)], before: f64, during: f64) -> Self {
        let value = |moment: usize| Some(if moment <= 8 { before } else { during });
        let labels = labels(pairs);
        // A second reading of the same series replaces the first.
        let known = self.0.metrics.of(family).iter().any(|reading| reading.labels == labels);
        if known {
            let mut others = crate::metrics::Metrics::default();
            for name in self.0.metrics.names() {
                for reading in self.0.metrics.of(name) {
                    if name != family || reading.labels != labels {
                        others.add(name, reading.clone());
                    }
                }
            }
            self.0.metrics = others;
        }
        self.0.metrics.add(family, Reading { labels, values: (0..13).map(value).collect() });
        self
    }

    /// A counter that grows by so much in each slice of either period.
    pub(crate) fn counter(mut self, family: &str, pairs: &[(&str, &str)], before: f64, during: f64) -> Self {
        let value = |moment: usize| {
            let (calm, later) = (moment.min(8) as f64, moment.saturating_sub(8) as f64);
            Some(1_000.0 + calm * before + later * during)
        };
        let values = (0..13).map(value).collect();
        self.0.metrics.add(family, Reading { labels: labels(pairs), values });
        self
    }

    /// Durations: how many in each slice of either period, and how long they take.
    pub(crate) fn durations(
        mut self,
        family: &str,
        pairs: &[(&str, &str)],
        before: &[(f64, f64)],
        during: &[(f64, f64)],
    ) -> Self {
        for (le, bound) in BUCKETS {
            let up_to = |parts: &[(f64, f64)]| -> f64 {
                parts.iter().filter(|(_, takes)| *takes <= bound).map(|(count, _)| count).sum()
            };
            let pairs: Vec<_> = pairs.iter().copied().chain([("le", le)]).collect();
            self = self.counter(&buckets(family), &pairs, up_to(before), up_to(during));
        }
        self
    }

    /// Requests that a service answers, by who calls it, with one status.
    pub(crate) fn requests(
        self,
        (caller, service): (&str, &str),
        (method, route): (&str, &str),
        status: &str,
        before: &[(f64, f64)],
        during: &[(f64, f64)],
    ) -> Self {
        let common = [("method", method), ("route", route), ("status", status)];
        let of_caller: Vec<_> = [("service", caller), ("peer", service)].into_iter().chain(common).collect();
        let of_server: Vec<_> = [("service", service)].into_iter().chain(common).collect();
        let world = self.durations(CLIENT, &of_caller, before, during);
        // Who gets no answer was not counted by any server.
        match status.parse::<u16>() {
            Ok(_) => world.durations(SERVER, &of_server, before, during),
            Err(_) => world,
        }
    }

    /// Traces of the two periods.
    pub(crate) fn traces(mut self, before: &Spans, during: &Spans, count: usize) -> Self {
        self.0.before.traces.extend(before.times(count));
        self.0.during.traces.extend(during.times(count));
        self
    }

    /// The place and the cause of the answer.
    pub(crate) fn answer(&self) -> String {
        let answer = crate::analyse(&self.0).expect("enough to compare").verdict.answer;
        let parts = [answer.service, answer.operation, answer.cause.map(|cause| cause.name().to_owned())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" | ")
    }

    /// Whether a trace is among what shows it.
    pub(crate) fn is_shown_by_a_trace(&self) -> bool {
        let answer = crate::analyse(&self.0).expect("enough to compare").verdict.answer;
        answer.evidence.iter().any(|piece| matches!(piece, crate::finding::Evidence::Trace(_)))
    }
}
