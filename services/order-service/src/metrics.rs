//! Business metrics: orders by outcome, their value, and the outbox.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use telemetry::Metrics;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The families; clones share them.
#[derive(Clone, Default)]
pub(crate) struct OrderMetrics {
    orders: Family<Outcome, Counter>,
    value: Counter,
    outbox_pending: Gauge,
    outbox_age: Gauge<f64, std::sync::atomic::AtomicU64>,
    outbox_events: Family<Outcome, Counter>,
    recovered: Counter,
}

impl OrderMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        metrics.register(|registry| {
            registry.register("orders", "Orders, by outcome", this.orders.clone());
            registry.register(
                "order_value_cents",
                "Value of the confirmed orders in cents",
                this.value.clone(),
            );
            registry.register("outbox_pending", "Events that wait for delivery", this.outbox_pending.clone());
            registry.register(
                "outbox_oldest_age_seconds",
                "Age of the oldest event that waits for delivery",
                this.outbox_age.clone(),
            );
            registry.register("outbox_events", "Delivery attempts, by outcome", this.outbox_events.clone());
            registry.register(
                "orders_recovered",
                "Abandoned orders whose stock the recovery released",
                this.recovered.clone(),
            );
        });
        this
    }

    pub(crate) fn order(&self, outcome: &'static str) {
        self.orders.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn value(&self, cents: i64) {
        self.value.inc_by(u64::try_from(cents).unwrap_or(0));
    }

    pub(crate) fn outbox(&self, pending: i64, oldest_age_seconds: f64) {
        self.outbox_pending.set(pending);
        self.outbox_age.set(oldest_age_seconds);
    }

    pub(crate) fn outbox_event(&self, outcome: &'static str) {
        self.outbox_events.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn recovered(&self) {
        self.recovered.inc();
    }
}
