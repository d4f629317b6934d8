//! Accounts in the database.

use chassis::page::Page;
use telemetry::db::{Database, Error, Row, RowExt, Statement, query};
use telemetry::statement;

use super::User;

static BY_ID: Statement = statement!("SELECT", "users", "SELECT id, name, email FROM users WHERE id = ?1");
static PAGE: Statement =
    statement!("SELECT", "users", "SELECT id, name, email FROM users ORDER BY id LIMIT ?1 OFFSET ?2");
static COUNT: Statement = statement!("SELECT", "users", "SELECT COUNT(*) FROM users");

pub(crate) async fn by_id(database: &Database, id: i64) -> Result<Option<User>, Error> {
    database.fetch_optional(query(&BY_ID).bind(id)).await?.as_ref().map(user).transpose()
}

/// One page, and how many accounts there are.
pub(crate) async fn page(database: &Database, page: Page) -> Result<(Vec<User>, i64), Error> {
    let mut connection = database.acquire().await?;
    let rows = query(&PAGE).bind(page.limit()).bind(page.offset()).fetch_all(&mut connection).await?;
    let total = query(&COUNT).fetch_one(&mut connection).await?.try_get(0)?;
    Ok((rows.iter().map(user).collect::<Result<_, _>>()?, total))
}

pub(crate) fn user(row: &Row) -> Result<User, Error> {
    Ok(User { id: row.try_get("id")?, name: row.try_get("name")?, email: row.try_get("email")? })
}
