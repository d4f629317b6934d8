//! The guard: owns what runs and drains it under a deadline, when asked to or when dropped, so that an early return, an
//! error and a panic lose nothing that could still be sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::export::ExportRuntime;
use crate::loki::Shipper;
use crate::metrics::Metrics;
use crate::pipeline::Budget;
use crate::pipeline::budget::Outcome;
use crate::stdout::Sink;

/// Least time left to standard output when the other signals used up the deadline; writing it is local and fast.
const STDOUT_GRACE: Duration = Duration::from_millis(100);

/// What runs for telemetry. Keep it until the process ends.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    parts: Option<Parts>,
}

/// What is drained.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) tracer: SdkTracerProvider,
    pub(crate) logger: SdkLoggerProvider,
    pub(crate) span_budget: Arc<Budget>,
    pub(crate) log_budget: Arc<Budget>,
    pub(crate) loki: Option<Shipper>,
    pub(crate) sink: Option<Sink>,
    pub(crate) runtime: ExportRuntime,
    pub(crate) limit: Duration,
}

/// What a drain achieved. Counts are those of the whole run, not of the drain alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Spans.
    pub traces: Outcome,
    /// Log records sent to the collector or to Loki.
    pub logs: Outcome,
    /// Whether something was left when the deadline ended the drain; it is counted as dropped.
    pub deadline_hit: bool,
    /// How long it took.
    pub took: Duration,
}

impl Telemetry {
    pub(crate) fn new(metrics: Metrics, parts: Parts) -> Telemetry {
        Telemetry { metrics, parts: Some(parts) }
    }

    /// The registry of this process.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Makes the tracer the process' own, for code that starts spans without `tracing`.
    pub(crate) fn publish_tracer(&self) {
        if let Some(parts) = &self.parts {
            opentelemetry::global::set_tracer_provider(parts.tracer.clone());
        }
    }

    /// Sends what is queued, no longer than the configured deadline, and stops.
    pub async fn shutdown(mut self) -> DrainReport {
        let Some(parts) = self.parts.take() else { return DrainReport::default() };
        let (sender, receiver) = tokio::sync::oneshot::channel();
        on_thread(move || {
            let _ = sender.send(parts.drain());
        });
        receiver.await.unwrap_or_default()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else { return };
        // A thread without runtime: the SDK's shutdown blocks, and this may be a runtime's worker.
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        on_thread(move || {
            let _ = sender.send(parts.drain());
        });
        let _ = receiver.recv();
    }
}

/// Runs `work` on a thread of its own, or, when the system gives none, right here.
fn on_thread(work: impl FnOnce() + Send + 'static) {
    let slot = Arc::new(std::sync::Mutex::new(Some(work)));
    let theirs = Arc::clone(&slot);
    let take = move |slot: &std::sync::Mutex<Option<_>>| slot.lock().ok().and_then(|mut work| work.take());
    let spawned = std::thread::Builder::new().name("telemetry-drain".to_owned()).spawn(move || {
        if let Some(work) = take(&theirs) {
            work();
        }
    });
    if spawned.is_err()
        && let Some(work) = take(&slot)
    {
        work();
    }
}

impl Parts {
    fn drain(self) -> DrainReport {
        let started = Instant::now();
        let limit = self.limit;
        self.span_budget.close();
        self.log_budget.close();
        let (runtime, loki) = (&self.runtime, self.loki);
        std::thread::scope(|scope| {
            // Their answers say little: a failed export may read as success, a time-out as some other error. The budgets
            // know what was left.
            scope.spawn(|| self.tracer.shutdown_with_timeout(limit));
            scope.spawn(|| self.logger.shutdown_with_timeout(limit));
            if let Some(shipper) = loki {
                shipper.drain(runtime, limit);
            }
        });
        let left = limit.saturating_sub(started.elapsed()).max(STDOUT_GRACE);
        let written = self.sink.as_ref().is_none_or(|sink| sink.close(left));
        let unsent = self.span_budget.held() + self.log_budget.held();
        DrainReport {
            traces: self.span_budget.settle(),
            logs: self.log_budget.settle(),
            deadline_hit: unsent > 0 || !written,
            took: started.elapsed(),
        }
    }
}
