//! Business metrics: units in stock per category, and what became of reservations.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use telemetry::Metrics;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Category {
    category: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// What the cache did; clones share it.
#[derive(Clone, Default)]
pub(crate) struct CacheMetrics {
    requests: Family<Outcome, Counter>,
    entries: Gauge,
}

impl CacheMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        metrics.register(|registry| {
            registry.register(
                "cache_requests",
                "Pages that the cache was asked for, by outcome",
                this.requests.clone(),
            );
            registry.register("cache_entries", "Pages in the cache", this.entries.clone());
        });
        this
    }

    pub(crate) fn count(&self, outcome: &'static str) {
        self.requests.get_or_create(&Outcome { outcome }).inc();
    }

    pub(crate) fn entries(&self, entries: usize) {
        self.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }
}

/// The families; clones share them.
#[derive(Clone, Default)]
pub(crate) struct ShopMetrics {
    stock: Family<Category, Gauge>,
    reservations: Family<Outcome, Counter>,
    value: Family<Outcome, Counter>,
}

impl ShopMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        metrics.register(|registry| {
            registry.register("stock_units", "Units in stock, by category", this.stock.clone());
            registry.register(
                "reservations",
                "Reservations and releases, by outcome",
                this.reservations.clone(),
            );
            registry.register(
                "reservation_value_cents",
                "Value of the units that were reserved and released, in cents, at the price of that moment",
                this.value.clone(),
            );
        });
        this
    }

    /// Takes over a category's stock as the database has it.
    pub(crate) fn stock_is(&self, category: &str, units: i64) {
        self.stock.get_or_create(&Category { category: category.to_owned() }).set(units);
    }

    /// Adds to a category's stock; the categories are those of the catalogue, so the label is bounded.
    pub(crate) fn stock_changed(&self, category: &str, units: i64) {
        self.stock.get_or_create(&Category { category: category.to_owned() }).inc_by(units);
    }

    /// Counts units at their price.
    pub(crate) fn value(&self, outcome: &'static str, cents: i64) {
        self.value.get_or_create(&Outcome { outcome }).inc_by(u64::try_from(cents).unwrap_or(0));
    }

    pub(crate) fn count(&self, outcome: &'static str) {
        self.reservations.get_or_create(&Outcome { outcome }).inc();
    }
}
