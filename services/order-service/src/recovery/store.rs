//! Abandoned orders in the database.

use std::time::Duration;

use chassis::clock;
use telemetry::db::{Database, Error, RowExt, Statement, query};
use telemetry::statement;

use crate::idempotency;
use crate::orders::store::fail;

// Taking an order up ends its pending state in the same statement, so that a saga that comes late cannot confirm it.
static TAKE: Statement = statement!(
    "UPDATE",
    "orders",
    "UPDATE orders SET status = 'releasing', reason = COALESCE(reason, 'abandoned'), recover_after = ?2
     WHERE id IN (SELECT id FROM orders WHERE status IN ('pending', 'releasing') AND recover_after <= ?1
                  ORDER BY recover_after LIMIT ?3)
     RETURNING id, correlation_id, traceparent"
);
static RESERVATIONS: Statement = statement!(
    "SELECT",
    "order_items",
    "SELECT product_id, reservation_id FROM order_items WHERE order_id = ?1 ORDER BY position"
);

/// An order whose saga ended half-way.
pub(super) struct Abandoned {
    pub(super) id: i64,
    pub(super) correlation_id: String,
    pub(super) traceparent: Option<String>,
}

/// Stock that may be reserved for it.
pub(super) struct Held {
    pub(super) product_id: i64,
    pub(super) reservation_id: String,
}

/// Takes orders whose time has come; they come again after `again`, unless they are settled before.
pub(super) async fn take(database: &Database, limit: i64, again: Duration) -> Result<Vec<Abandoned>, Error> {
    let now = clock::now_ms();
    let next = now.saturating_add(i64::try_from(again.as_millis()).unwrap_or(i64::MAX));
    // A write: it waits for its turn like any other.
    let mut transaction = database.begin().await?;
    let rows = query(&TAKE).bind(now).bind(next).bind(limit).fetch_all(&mut transaction).await?;
    transaction.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(Abandoned {
                id: row.try_get("id")?,
                correlation_id: row.try_get("correlation_id")?,
                traceparent: row.try_get("traceparent")?,
            })
        })
        .collect()
}

pub(super) async fn reservations(database: &Database, order: i64) -> Result<Vec<Held>, Error> {
    let rows = database.fetch_all(query(&RESERVATIONS).bind(order)).await?;
    rows.iter()
        .map(|row| {
            Ok(Held {
                product_id: row.try_get("product_id")?,
                reservation_id: row.try_get("reservation_id")?,
            })
        })
        .collect()
}

/// Marks the order failed and frees its idempotency key.
pub(super) async fn settle(database: &Database, order: i64) -> Result<(), Error> {
    let mut transaction = database.begin().await?;
    fail(&mut transaction, order, "abandoned").await?;
    idempotency::forget_order(&mut transaction, order).await?;
    transaction.commit().await
}
