//! The families every process has: HTTP server and client durations, active requests, what telemetry lost, where traces begin, build
//! info.

use std::time::Duration;

use opentelemetry::trace::SpanKind;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::exemplar::{self, ExemplarHistogram};
use crate::names::signal;

/// Upper bounds of the HTTP duration histograms, in seconds: OpenTelemetry's advice, and two below it because services on
/// one machine answer within a few milliseconds.
pub const DURATION_BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Labels of `http_server_request_duration_seconds`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ServerLabels {
    /// Known HTTP method or `_OTHER`.
    pub method: &'static str,
    /// Route template or `<unknown>`.
    pub route: &'static str,
    /// Status code.
    pub status: u16,
}

/// Labels of `http_client_request_duration_seconds`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClientLabels {
    /// The service that was called.
    pub peer: &'static str,
    /// Known HTTP method or `_OTHER`.
    pub method: &'static str,
    /// URL template or `<unknown>`.
    pub route: &'static str,
    /// What came back.
    pub status: ClientStatus,
}

/// How a client call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientStatus {
    /// An answer with this status code.
    Code(u16),
    /// No answer: the connection failed or broke.
    Error,
    /// No answer in time.
    Timeout,
    /// The caller stopped waiting.
    Cancelled,
}

impl EncodeLabelValue for ClientStatus {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self {
            ClientStatus::Code(code) => code.encode(encoder),
            ClientStatus::Error => "error".encode(encoder),
            ClientStatus::Timeout => "timeout".encode(encoder),
            ClientStatus::Cancelled => "cancelled".encode(encoder),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignalLabel {
    signal: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

type Histograms<L> = Family<L, ExemplarHistogram, fn() -> ExemplarHistogram>;

/// Handles on the standard families; registering and observing, nothing else.
pub(crate) struct Families {
    server: Histograms<ServerLabels>,
    client: Histograms<ClientLabels>,
    pub(crate) active: Gauge,
    created: Family<SignalLabel, Counter>,
    exported: Family<SignalLabel, Counter>,
    dropped: Family<SignalLabel, Counter>,
    roots: Family<KindLabel, Counter>,
}

/// What became of one signal's items. Those that are on their way are in none but the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) created: Counter,
    pub(crate) exported: Counter,
    pub(crate) dropped: Counter,
}

/// Traces that begin in this process, by what begins them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots {
    client: Counter,
    server: Counter,
    other: Counter,
}

impl Roots {
    /// A span without a parent has ended.
    pub(crate) fn count(&self, kind: &SpanKind) {
        match kind {
            SpanKind::Client => self.client.inc(),
            SpanKind::Server => self.server.inc(),
            SpanKind::Internal | SpanKind::Producer | SpanKind::Consumer => self.other.inc(),
        };
    }
}

fn duration_histogram() -> ExemplarHistogram {
    ExemplarHistogram::new(DURATION_BUCKETS.into_iter())
}

impl Families {
    pub(crate) fn register(registry: &mut Registry, version: &str) -> Families {
        let families = Families {
            server: Family::new_with_constructor(duration_histogram),
            client: Family::new_with_constructor(duration_histogram),
            active: Gauge::default(),
            created: Family::default(),
            exported: Family::default(),
            dropped: Family::default(),
            roots: Family::default(),
        };
        registry.register_with_unit(
            "http_server_request_duration",
            "Time from request to answer, as the server saw it",
            Unit::Seconds,
            families.server.clone(),
        );
        registry.register_with_unit(
            "http_client_request_duration",
            "Time from call to answer, as the caller saw it, per attempt",
            Unit::Seconds,
            families.client.clone(),
        );
        registry.register(
            "http_server_active_requests",
            "Requests being served now",
            families.active.clone(),
        );
        registry.register(
            "telemetry_created",
            "Spans and log records to be exported, by signal",
            families.created.clone(),
        );
        registry.register(
            "telemetry_exported",
            "Spans and log records that the receiver took, by signal",
            families.exported.clone(),
        );
        registry.register(
            "telemetry_dropped",
            "Telemetry that was lost, by signal",
            families.dropped.clone(),
        );
        registry.register(
            "telemetry_roots",
            "Traces that begin here, by the kind of their first span: a call that begins one has lost whoever asked for it",
            families.roots.clone(),
        );
        registry.register("build", "What runs here", Info::new(vec![("version", version.to_owned())]));
        // A counter that appears only at the first loss cannot be told from one that is not collected.
        for signal in [signal::TRACES, signal::LOGS, signal::STDOUT] {
            drop(families.dropped(signal));
        }
        for signal in [signal::TRACES, signal::LOGS] {
            drop(families.counts(signal));
        }
        drop(families.roots());
        families
    }

    pub(crate) fn dropped(&self, signal: &'static str) -> Counter {
        self.dropped.get_or_create_owned(&SignalLabel { signal })
    }

    pub(crate) fn counts(&self, signal: &'static str) -> Counts {
        let of = |family: &Family<SignalLabel, Counter>| family.get_or_create_owned(&SignalLabel { signal });
        Counts { created: of(&self.created), exported: of(&self.exported), dropped: of(&self.dropped) }
    }

    pub(crate) fn roots(&self) -> Roots {
        let of = |kind| self.roots.get_or_create_owned(&KindLabel { kind });
        Roots { client: of("client"), server: of("server"), other: of("other") }
    }

    pub(crate) fn observe_server(&self, labels: &ServerLabels, elapsed: Duration) {
        exemplar::observe(&self.server.get_or_create(labels), elapsed.as_secs_f64());
    }

    pub(crate) fn observe_client(&self, labels: &ClientLabels, elapsed: Duration) {
        exemplar::observe(&self.client.get_or_create(labels), elapsed.as_secs_f64());
    }
}
