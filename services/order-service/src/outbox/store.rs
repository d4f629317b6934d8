//! Events in the database.

use std::time::Duration;

use chassis::clock;
use serde_json::json;
use telemetry::correlation::CorrelationId;
use telemetry::db::{Database, Error, Row, RowExt, Statement, Transaction, query};
use telemetry::statement;

use crate::orders::Order;

static ADD: Statement = statement!(
    "INSERT",
    "outbox",
    "INSERT INTO outbox (event_id, user_id, payload, correlation_id, traceparent, created_at, next_attempt_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"
);
static ANY_DUE: Statement = statement!(
    "SELECT",
    "outbox",
    "SELECT 1 FROM outbox WHERE refused IS NULL AND next_attempt_at <= ?1 LIMIT 1"
);
// Taking events moves their time in the same statement, so that another instance of this service takes others.
static TAKE: Statement = statement!(
    "UPDATE",
    "outbox",
    "UPDATE outbox SET next_attempt_at = ?2
     WHERE id IN (SELECT id FROM outbox WHERE refused IS NULL AND next_attempt_at <= ?1
                  ORDER BY next_attempt_at LIMIT ?3)
     RETURNING id, event_id, user_id, payload, correlation_id, traceparent, attempts"
);
static BACKLOG: Statement =
    statement!("SELECT", "outbox", "SELECT COUNT(*), MIN(created_at) FROM outbox WHERE refused IS NULL");
static DELIVERED: Statement =
    statement!("DELETE", "outbox", "DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?1))");
static LATER: Statement = statement!(
    "UPDATE",
    "outbox",
    "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = ?2 WHERE id = ?1"
);
static REFUSED: Statement =
    statement!("UPDATE", "outbox", "UPDATE outbox SET attempts = attempts + 1, refused = ?2 WHERE id = ?1");

/// Somebody has had the time to look at why they were refused.
pub(crate) static OLD_REFUSED: Statement = statement!(
    "DELETE",
    "outbox",
    "DELETE FROM outbox WHERE created_at <= ?1
       AND id IN (SELECT id FROM outbox WHERE refused IS NOT NULL ORDER BY id LIMIT ?2)"
);

/// An event to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: i64,
    pub(crate) event_id: String,
    pub(crate) user_id: i64,
    pub(crate) payload: String,
    pub(crate) correlation_id: String,
    /// The order's server span.
    pub(crate) traceparent: Option<String>,
    pub(crate) attempts: u32,
}

/// Writes the event of a confirmed order. The event id is random: order numbers come again with a new database file.
pub(crate) async fn add(transaction: &mut Transaction<'_>, order: &Order) -> Result<(), Error> {
    let event_id = format!("{:032x}", rand::random::<u128>());
    let payload = json!({
        "event_id": event_id,
        "type": "order.confirmed",
        "order_id": order.id,
        "total": order.total,
    });
    let correlation = CorrelationId::current();
    query(&ADD)
        .bind(event_id)
        .bind(order.user.id)
        .bind(payload.to_string())
        .bind(correlation.as_ref().map_or("", CorrelationId::as_str))
        .bind(telemetry::propagation::trace_context())
        .bind(clock::now_ms())
        .execute(transaction)
        .await
        .map(drop)
}

/// Takes events whose time has come, those that wait longest; they come again after `again`, unless it is known by then what
/// became of them.
pub(super) async fn take(database: &Database, limit: i64, again: Duration) -> Result<Vec<Event>, Error> {
    let now = clock::now_ms();
    if database.fetch_optional(query(&ANY_DUE).bind(now)).await?.is_none() {
        // Looking costs no turn to write.
        return Ok(Vec::new());
    }
    let next = now.saturating_add(i64::try_from(again.as_millis()).unwrap_or(i64::MAX));
    let mut transaction = database.begin().await?;
    let rows = query(&TAKE).bind(now).bind(next).bind(limit).fetch_all(&mut transaction).await?;
    transaction.commit().await?;
    let mut events: Vec<Event> = rows.iter().map(event).collect::<Result<_, _>>()?;
    events.sort_unstable_by_key(|event| event.id);
    Ok(events)
}

/// How many events wait, and when the oldest was written.
pub(super) async fn backlog(database: &Database) -> Result<(i64, Option<i64>), Error> {
    let row = query(&BACKLOG).fetch_one(&mut database.acquire().await?).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

pub(super) async fn delivered(database: &Database, ids: &[i64]) -> Result<(), Error> {
    let ids = serde_json::Value::from(ids).to_string();
    database.execute(query(&DELIVERED).bind(ids)).await.map(drop)
}

pub(super) async fn later(database: &Database, id: i64, at: i64) -> Result<(), Error> {
    database.execute(query(&LATER).bind(id).bind(at)).await.map(drop)
}

pub(super) async fn refused(database: &Database, id: i64, reason: &str) -> Result<(), Error> {
    database.execute(query(&REFUSED).bind(id).bind(reason)).await.map(drop)
}

fn event(row: &Row) -> Result<Event, Error> {
    Ok(Event {
        id: row.try_get("id")?,
        event_id: row.try_get("event_id")?,
        user_id: row.try_get("user_id")?,
        payload: row.try_get("payload")?,
        correlation_id: row.try_get("correlation_id")?,
        traceparent: row.try_get("traceparent")?,
        attempts: row.try_get("attempts")?,
    })
}
