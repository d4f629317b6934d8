//! A run's metrics as OpenMetrics: each request with its trace as exemplar, and the run's counts. Whoever sends shows them for
//! as long as it does, so that what users saw can be asked for like everything else.

use crate::client::{Answer, Failure};
use crate::plan::journeys::Kind;
use crate::progress::Snapshot;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use telemetry::metrics::DURATION_BUCKETS;

/// The family both this registry and the process's own have.
const CLIENT_DURATION: &str = "http_client_request_duration";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    peer: &'static str,
    method: &'static str,
    route: &'static str,
    status: String,
}

type Ids = Vec<(&'static str, String)>;
type Histogram = HistogramWithExemplars<Ids>;

/// A counter that follows a count kept elsewhere.
#[derive(Debug, Default)]
struct Follower {
    counter: Counter<u64, AtomicU64>,
}

impl Follower {
    fn follow(&self, value: u64) {
        self.counter.inc_by(value.saturating_sub(self.counter.get()));
    }
}

/// What is counted of one run, or of several one after the other.
#[derive(Debug)]
pub struct Meter {
    registry: Registry,
    requests: Family<Labels, Histogram, fn() -> Histogram>,
    scheduled: Follower,
    shed: Follower,
    late: Follower,
    failed: Follower,
    expected: Follower,
    paused: Gauge,
    /// Snapshots come from one place, reads from others: a follower must not be followed twice at once.
    following: Mutex<()>,
}

fn histogram() -> Histogram {
    Histogram::new(DURATION_BUCKETS.into_iter())
}

impl Default for Meter {
    fn default() -> Self {
        let mut registry = Registry::with_labels(std::iter::once(("service".into(), "loadgen".into())));
        let requests = Family::new_with_constructor(histogram as fn() -> Histogram);
        let help = "Time from call to answer, as the caller saw it, per attempt";
        registry.register_with_unit(CLIENT_DURATION, help, Unit::Seconds, requests.clone());
        let mut counter = |name: &str, help: &str| {
            let follower = Follower::default();
            registry.register(name, help, follower.counter.clone());
            follower
        };
        let scheduled = counter("loadgen_requests_scheduled", "Requests that were due");
        let shed = counter("loadgen_requests_shed", "Requests given up because too much was under way");
        let late = counter("loadgen_requests_late", "Requests sent later than the lag budget allows");
        let failed = counter("loadgen_requests_failed", "Unexpected answers, errors and timeouts");
        let expected = counter("loadgen_expected_failures", "Planned errors, answered as planned");
        let paused = Gauge::default();
        registry.register("loadgen_paused", "1 while a pause holds traffic back", paused.clone());
        let following = Mutex::new(());
        Self { registry, requests, scheduled, shed, late, failed, expected, paused, following }
    }
}

impl Meter {
    /// Observes one ended request.
    pub(crate) fn observe(&self, kind: &Kind, answer: &Answer) {
        let status = match answer.outcome {
            Ok(status) => status.to_string(),
            Err(Failure::Timeout) => "timeout".to_owned(),
            Err(_) => "error".to_owned(),
        };
        let labels = Labels { peer: kind.service.name(), method: kind.method, route: kind.route, status };
        // An exemplar that leads to no trace would only disappoint.
        let exemplar = answer.sampled.then(|| {
            vec![("trace_id", answer.trace_id.to_string()), ("span_id", answer.span_id.to_string())]
        });
        let at = exemplar.is_some().then(SystemTime::now);
        self.requests.get_or_create(&labels).observe(answer.took().as_secs_f64(), exemplar, at);
    }

    /// Takes over the run's counts.
    pub(crate) fn update(&self, snapshot: &Snapshot, paused: bool) {
        let _one = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        self.scheduled.follow(snapshot.scheduled);
        self.shed.follow(snapshot.shed);
        self.late.follow(snapshot.late);
        self.failed.follow(snapshot.failed);
        self.expected.follow(snapshot.expected_failures);
        self.paused.set(i64::from(paused));
    }

    /// `GET /metrics`: what is counted, after the process's own metrics.
    pub fn routes(self: Arc<Self>, process: telemetry::Metrics) -> Router {
        let answer = move || async move {
            ([(header::CONTENT_TYPE, telemetry::metrics::CONTENT_TYPE)], self.encode(Some(&process)))
        };
        Router::new().route("/metrics", get(answer))
    }

    /// The exposition, after that of the process if there is one.
    pub(crate) fn encode(&self, process: Option<&telemetry::Metrics>) -> String {
        let mut text = process.map(|p| others(&p.encode())).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The process's exposition without its end mark and without the family that ours is: one may stand only once.
fn others(process: &str) -> String {
    let ours = |line: &str| {
        let name = line.strip_prefix("# ").and_then(|l| l.split(' ').nth(1)).unwrap_or(line);
        name.starts_with(CLIENT_DURATION) || line == "# EOF"
    };
    process.lines().filter(|line| !ours(line)).flat_map(|line| [line, "\n"]).collect()
}
