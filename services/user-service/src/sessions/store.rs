//! Logins in the database.

use telemetry::db::{Database, Error, RowExt, Statement, query};
use telemetry::statement;

use crate::users::User;
use crate::users::store::user;

static BY_EMAIL: Statement =
    statement!("SELECT", "users", "SELECT id, name, email, password_hash FROM users WHERE email = ?1");
static SET_HASH: Statement =
    statement!("UPDATE", "users", "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2");

/// The account with this address, and its password hash.
pub(super) async fn by_email(database: &Database, email: &str) -> Result<Option<(User, String)>, Error> {
    let Some(row) = database.fetch_optional(query(&BY_EMAIL).bind(email)).await? else { return Ok(None) };
    Ok(Some((user(&row)?, row.try_get("password_hash")?)))
}

/// Replaces a hash, unless it was changed meanwhile.
pub(super) async fn set_hash(database: &Database, id: i64, old: &str, new: &str) -> Result<(), Error> {
    database.execute(query(&SET_HASH).bind(id).bind(old).bind(new)).await.map(drop)
}
