//! Notifications in the database.

use chassis::clock;
use chassis::page::Page;
use telemetry::db::{Database, Error, Row, RowExt, Statement, query};
use telemetry::statement;

use super::routes::NewNotification;
use super::settings::PageRead;
use super::{Cents, Notification};

/// The oldest are looked at only, which ids are in the order of: the table is not read through.
pub(crate) static OLD: Statement = statement!(
    "DELETE",
    "notifications",
    "DELETE FROM notifications WHERE created_at <= ?1 AND id IN (SELECT id FROM notifications ORDER BY id LIMIT ?2)"
);
static USER: Statement = statement!("SELECT", "users", "SELECT 1 FROM users WHERE id = ?1");
static INSERT: Statement = statement!(
    "INSERT",
    "notifications",
    "INSERT INTO notifications (user_id, event_id, type, order_id, total, created_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (event_id) DO NOTHING"
);
static BY_EVENT: Statement = statement!(
    "SELECT",
    "notifications",
    "SELECT id, user_id, event_id, type, order_id, total, created_at FROM notifications WHERE event_id = ?1"
);
static PAGE: Statement = statement!(
    "SELECT",
    "notifications",
    "SELECT id, event_id, type, order_id, total, created_at FROM notifications
     WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2 OFFSET ?3"
);
static ALL: Statement = statement!(
    "SELECT",
    "notifications",
    "SELECT id, event_id, type, order_id, total, created_at FROM notifications WHERE user_id = ?1 ORDER BY id DESC"
);
static COUNT: Statement =
    statement!("SELECT", "notifications", "SELECT COUNT(*) FROM notifications WHERE user_id = ?1");

/// What became of an event.
pub(super) enum Stored {
    New(Notification),
    Known(Notification),
    /// The event id was used for another user.
    Mismatch,
    NoSuchUser,
}

pub(super) async fn store(database: &Database, user: i64, new: &NewNotification) -> Result<Stored, Error> {
    let mut transaction = database.begin().await?;
    if query(&USER).bind(user).fetch_optional(&mut transaction).await?.is_none() {
        transaction.rollback().await?;
        return Ok(Stored::NoSuchUser);
    }
    let inserted = query(&INSERT)
        .bind(user)
        .bind(&new.event_id)
        .bind(&new.kind)
        .bind(new.order_id)
        .bind(new.total.0)
        .bind(clock::now_ms())
        .execute(&mut transaction)
        .await?;
    let row = query(&BY_EVENT).bind(&new.event_id).fetch_one(&mut transaction).await?;
    transaction.commit().await?;
    let owner: i64 = row.try_get("user_id")?;
    let notification = notification(&row)?;
    Ok(match (inserted, owner == user) {
        (0, false) => Stored::Mismatch,
        (0, true) => Stored::Known(notification),
        _ => Stored::New(notification),
    })
}

/// One page, newest first, and how many there are; `None` for an unknown user.
pub(super) async fn page(
    database: &Database,
    user: i64,
    page: Page,
    read: PageRead,
) -> Result<Option<(Vec<Notification>, i64)>, Error> {
    let mut connection = database.acquire().await?;
    if query(&USER).bind(user).fetch_optional(&mut connection).await?.is_none() {
        return Ok(None);
    }
    if read == PageRead::All {
        let rows = query(&ALL).bind(user).fetch_all(&mut connection).await?;
        let all = rows.iter().map(notification).collect::<Result<Vec<_>, _>>()?;
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let here = all.into_iter().skip(before).take(page.per_page as usize);
        return Ok(Some((here.collect(), total)));
    }
    let rows =
        query(&PAGE).bind(user).bind(page.limit()).bind(page.offset()).fetch_all(&mut connection).await?;
    let total = query(&COUNT).bind(user).fetch_one(&mut connection).await?.try_get(0)?;
    Ok(Some((rows.iter().map(notification).collect::<Result<_, _>>()?, total)))
}

fn notification(row: &Row) -> Result<Notification, Error> {
    Ok(Notification {
        id: row.try_get("id")?,
        event_id: row.try_get("event_id")?,
        kind: row.try_get("type")?,
        order_id: row.try_get("order_id")?,
        total: Cents(row.try_get("total")?),
        created_at: clock::rfc3339(row.try_get("created_at")?),
    })
}
