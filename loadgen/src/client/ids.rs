//! Identifiers of a run: trace, span and correlation ids and idempotency keys, from the seed and the run's own id.
//! The seed alone would make two runs collide, in the trace store and in the services' idempotency records.

use crate::plan::decide::{Stream, decide, unit};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use std::cell::Cell;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells runs of one seed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId(u64);

impl RunId {
    /// A run id that no other run has: from the clock and the process id.
    #[must_use]
    pub fn fresh() -> Self {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        Self(decide(nanos, Stream::Key, u64::from(std::process::id()), 0, 0))
    }

    /// A given run id, to reproduce the identifiers of an earlier run.
    #[must_use]
    pub const fn new(id: u64) -> Self {
        Self(id)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Makes the identifiers of one run.
#[derive(Debug, Clone, Copy)]
pub struct Ids {
    base: u64,
    run: RunId,
}

impl Ids {
    /// From the plan's seed and the run's id.
    #[must_use]
    pub fn new(seed: u64, run: RunId) -> Self {
        Self { base: decide(seed, Stream::Trace, run.0, 0, 0), run }
    }

    /// The run's id.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Trace id of a session's step: one trace per step.
    #[must_use]
    pub fn trace(&self, session: u64, step: u64) -> TraceId {
        let half = |attempt| u128::from(decide(self.base, Stream::Trace, session, step, attempt));
        TraceId::from((half(0) << 64) | half(1).max(1))
    }

    /// Span id of the root span of a session's step.
    #[must_use]
    pub fn span(&self, session: u64, step: u64) -> SpanId {
        SpanId::from(decide(self.base, Stream::Span, session, step, 0).max(1))
    }

    /// Where, from 0 to 1, a session's step falls among the instances of the service that it asks.
    #[must_use]
    pub fn instance(&self, session: u64, step: u64) -> f64 {
        unit(decide(self.base, Stream::Instance, session, step, 0))
    }

    /// Correlation id of a session: one for all its steps.
    #[must_use]
    pub fn correlation(&self, session: u64) -> String {
        format!("load-{}-{session}", self.run)
    }

    /// Idempotency key of a session's step.
    #[must_use]
    pub fn idempotency_key(&self, session: u64, step: u64) -> String {
        format!("{}-{session}-{step}", self.run)
    }
}

thread_local! {
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// The tracer's id generator for processes that send load: the next span this thread starts gets the ids announced
/// with [`SeededIds::announce`]; all others get random ones. The SDK lets a span builder choose no ids itself.
#[derive(Debug, Default, Clone)]
pub struct SeededIds {
    random: RandomIdGenerator,
}

impl SeededIds {
    /// Runs `start`, in which one root span is started, with that trace and span id.
    pub fn announce<T>(trace: TraceId, span: SpanId, start: impl FnOnce() -> T) -> T {
        NEXT.set(Some((trace, span)));
        let started = start();
        NEXT.set(None);
        started
    }
}

impl IdGenerator for SeededIds {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| self.random.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.random.new_span_id(), |(_, span)| span)
    }
}
