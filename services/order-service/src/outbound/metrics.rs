//! `circuit_breaker_state`, `retries_total` and `bulkhead_rejected_total`, by peer.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use telemetry::Metrics;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PeerLabel {
    peer: &'static str,
}

/// The families; clones share them.
#[derive(Clone, Default)]
pub struct OutboundMetrics {
    state: Family<PeerLabel, Gauge>,
    retries: Family<PeerLabel, Counter>,
    rejected: Family<PeerLabel, Counter>,
}

impl OutboundMetrics {
    /// Registers the families; once per registry.
    #[must_use]
    pub fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        metrics.register(|registry| {
            registry.register(
                "circuit_breaker_state",
                "The circuit breaker of a peer: 0 closed, 1 open, 2 half-open",
                this.state.clone(),
            );
            registry.register("retries", "Calls that were sent again", this.retries.clone());
            registry.register(
                "bulkhead_rejected",
                "Calls refused because too many were under way",
                this.rejected.clone(),
            );
        });
        this
    }

    /// One peer's samples, so that they exist from the start.
    pub(super) fn of(&self, peer: &'static str) -> PeerMetrics {
        let label = PeerLabel { peer };
        PeerMetrics {
            state: self.state.get_or_create_owned(&label),
            retries: self.retries.get_or_create_owned(&label),
            rejected: self.rejected.get_or_create_owned(&label),
        }
    }
}

/// One peer's samples.
pub(super) struct PeerMetrics {
    pub(super) state: Gauge,
    pub(super) retries: Counter,
    pub(super) rejected: Counter,
}
