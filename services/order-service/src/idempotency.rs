//! Idempotency keys: the first request with a key does the work, later ones get its answer.
//!
//! A key is claimed before any work begins, and answered in the transaction that settles the order. Answers that a retry
//! would not change are kept (201, 400, 409); after a 503 the key is free again, because a retry may well succeed.

use std::time::Duration;

use chassis::clock;
use telemetry::db::{Database, Error, Row, RowExt, Session, Statement, query};
use telemetry::statement;

/// How long a claim lasts when its process vanished before it had written an order.
const CLAIM: Duration = Duration::from_secs(60);

/// Longest key, in bytes.
pub(crate) const MAX_KEY: usize = 128;

static CLAIM_KEY: Statement = statement!(
    "INSERT",
    "idempotency",
    "INSERT INTO idempotency (key, fingerprint, expires_at) VALUES (?1, ?2, ?3)
     ON CONFLICT (key) DO UPDATE SET
       fingerprint = excluded.fingerprint, order_id = NULL, status = NULL, body = NULL,
       expires_at = excluded.expires_at
     WHERE idempotency.expires_at <= ?4"
);
static FIND: Statement =
    statement!("SELECT", "idempotency", "SELECT fingerprint, status, body FROM idempotency WHERE key = ?1");
static ATTACH: Statement =
    statement!("UPDATE", "idempotency", "UPDATE idempotency SET order_id = ?2 WHERE key = ?1");
static ANSWER: Statement = statement!(
    "UPDATE",
    "idempotency",
    "UPDATE idempotency SET status = ?2, body = ?3, expires_at = ?4 WHERE key = ?1 AND status IS NULL"
);
static FORGET: Statement =
    statement!("DELETE", "idempotency", "DELETE FROM idempotency WHERE key = ?1 AND status IS NULL");
static FORGET_ORDER: Statement =
    statement!("DELETE", "idempotency", "DELETE FROM idempotency WHERE order_id = ?1 AND status IS NULL");
static EXPIRE: Statement = statement!(
    "DELETE",
    "idempotency",
    "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency WHERE expires_at <= ?1 LIMIT 500)"
);

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// What a request with a key finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The key is ours now.
    Ours,
    /// The same was asked before; this was the answer.
    Answered(Stored),
    /// The same was asked before, and is being worked on.
    InFlight,
    /// The key was used for something else.
    Mismatch,
}

pub(crate) async fn claim(database: &Database, key: &str, fingerprint: &str) -> Result<Claim, Error> {
    let now = clock::now_ms();
    let mut transaction = database.begin().await?;
    let claimed = query(&CLAIM_KEY)
        .bind(key)
        .bind(fingerprint)
        .bind(after(now, CLAIM))
        .bind(now)
        .execute(&mut transaction)
        .await?;
    if claimed == 1 {
        transaction.commit().await?;
        return Ok(Claim::Ours);
    }
    let row = query(&FIND).bind(key).fetch_one(&mut transaction).await?;
    transaction.rollback().await?;
    found(&row, fingerprint)
}

fn found(row: &Row, fingerprint: &str) -> Result<Claim, Error> {
    if row.try_get::<String, _>("fingerprint")? != fingerprint {
        return Ok(Claim::Mismatch);
    }
    let status: Option<u16> = row.try_get("status")?;
    let body: Option<String> = row.try_get("body")?;
    Ok(match status.zip(body) {
        Some((status, body)) => Claim::Answered(Stored { status, body }),
        None => Claim::InFlight,
    })
}

/// Notes which order a key's work became, so that the recovery can free the key.
pub(crate) async fn attach(session: &mut impl Session, key: &str, order: i64) -> Result<(), Error> {
    query(&ATTACH).bind(key).bind(order).execute(session).await.map(drop)
}

/// Keeps the answer.
pub(crate) async fn answer(
    session: &mut impl Session,
    key: &str,
    answer: &Stored,
    ttl: Duration,
) -> Result<(), Error> {
    query(&ANSWER)
        .bind(key)
        .bind(answer.status)
        .bind(&answer.body)
        .bind(after(clock::now_ms(), ttl))
        .execute(session)
        .await
        .map(drop)
}

/// Frees a key that was not answered.
pub(crate) async fn forget(session: &mut impl Session, key: &str) -> Result<(), Error> {
    query(&FORGET).bind(key).execute(session).await.map(drop)
}

/// Frees the key of an abandoned order.
pub(crate) async fn forget_order(session: &mut impl Session, order: i64) -> Result<(), Error> {
    query(&FORGET_ORDER).bind(order).execute(session).await.map(drop)
}

/// Deletes some of the keys whose time is over.
pub(crate) async fn expire(database: &Database) -> Result<u64, Error> {
    database.execute(query(&EXPIRE).bind(clock::now_ms())).await
}

fn after(now: i64, wait: Duration) -> i64 {
    now.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
