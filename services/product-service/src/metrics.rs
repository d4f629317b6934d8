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

/// The families; clones share them.
#[derive(Clone, Default)]
pub(crate) struct ShopMetrics {
    stock: Family<Category, Gauge>,
    reservations: Family<Outcome, Counter>,
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
        });
        this
    }

    /// Adds to a category's stock; the categories are those of the catalogue, so the label is bounded.
    pub(crate) fn stock_changed(&self, category: &str, units: i64) {
        self.stock.get_or_create(&Category { category: category.to_owned() }).inc_by(units);
    }

    pub(crate) fn count(&self, outcome: &'static str) {
        self.reservations.get_or_create(&Outcome { outcome }).inc();
    }
}
