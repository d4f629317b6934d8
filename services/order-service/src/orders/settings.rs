//! How orders are worked on: what can be changed while the service runs.

use chassis::settings::{Choice, Flag, Integer, List};

/// On which connection an order's statements run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionScope {
    Query,
    Request,
}

/// How the products of a basket are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    Batch,
    Each,
}

/// Which orders wait for each other while stock is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemLock {
    None,
    Product,
    Global,
}

/// Where an order's prices come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PriceSource {
    Current,
    Cached,
}

/// The settings of orders.
pub(crate) struct OrderSettings {
    pub(super) connection_scope: Choice<ConnectionScope>,
    pub(super) lookup: Choice<Lookup>,
    pub(super) item_lock: Choice<ItemLock>,
    pub(super) price_source: Choice<PriceSource>,
    pub(super) price_ttl: Integer,
    pub(super) detached: Flag,
}

impl OrderSettings {
    pub(crate) fn add(list: &mut List) -> Self {
        Self {
            connection_scope: list.choice(
                "orders.connection_scope",
                &[("query", ConnectionScope::Query), ("request", ConnectionScope::Request)],
                ConnectionScope::Query,
                "query: a database connection for each transaction; request: one for the whole order, its calls included",
            ),
            lookup: list.choice(
                "orders.lookup",
                &[("batch", Lookup::Batch), ("each", Lookup::Each)],
                Lookup::Batch,
                "batch: one call for all products of a basket; each: one call for each of them, one after another",
            ),
            item_lock: list.choice(
                "orders.item_lock",
                &[("none", ItemLock::None), ("product", ItemLock::Product), ("global", ItemLock::Global)],
                ItemLock::None,
                "Which orders wait for each other from the reservation to the confirmation: none, those of one product, all",
            ),
            price_source: list.choice(
                "orders.price_source",
                &[("current", PriceSource::Current), ("cached", PriceSource::Cached)],
                PriceSource::Current,
                "current: prices are asked for with each order; cached: those of an earlier order serve for a time",
            ),
            price_ttl: list.integer(
                "orders.price_ttl_ms",
                "ms",
                1..=86_400_000,
                60_000,
                "How long a cached price serves",
            ),
            detached: list.flag(
                "propagation.detached",
                false,
                "true: an order runs as a task of its own, apart from the trace of its request",
            ),
        }
    }
}
