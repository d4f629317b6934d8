//! How the catalogue is read: what can be changed while the service runs.

use chassis::settings::{Choice, Integer, List};

/// Where a page's products are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Among today's products, by an index.
    Indexed,
    /// Among all listings there ever were, from the first to the last.
    Scan,
}

/// What a product's name may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parser {
    Lenient,
    /// ASCII: a name in another alphabet counts as damaged.
    Strict,
}

/// What becomes of a request that meets a damaged record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadRecord {
    Refuse,
    /// The process ends, so that nothing is done with data that cannot be trusted.
    Abort,
}

/// The settings of the catalogue.
#[derive(Clone)]
pub(crate) struct CatalogueSettings {
    pub(super) plan: Choice<Plan>,
    pub(super) parser: Choice<Parser>,
    pub(super) on_bad_record: Choice<BadRecord>,
    discount: Integer,
}

impl CatalogueSettings {
    pub(crate) fn add(list: &mut List) -> Self {
        Self {
            plan: list.choice(
                "query.plan",
                &[("indexed", Plan::Indexed), ("scan", Plan::Scan)],
                Plan::Indexed,
                "How a page of the catalogue is found: by the index of today's products, or by reading all listings there ever were",
            ),
            parser: list.choice(
                "catalogue.parser",
                &[("lenient", Parser::Lenient), ("strict", Parser::Strict)],
                Parser::Lenient,
                "strict: a product whose name is not ASCII counts as damaged",
            ),
            on_bad_record: list.choice(
                "catalogue.on_bad_record",
                &[("refuse", BadRecord::Refuse), ("abort", BadRecord::Abort)],
                BadRecord::Refuse,
                "What a damaged product leads to: the request fails, or the process ends",
            ),
            discount: list.integer("pricing.discount_percent", "%", 0..=90, 0, "Taken off every price"),
        }
    }

    /// A price as it is today, in cents.
    pub(crate) fn price(&self, list_price: i64) -> i64 {
        let percent = 100 - self.discount.get();
        // Half a cent is rounded up.
        (list_price * percent + 50) / 100
    }
}
