//! Schema migrations: plain SQL texts in order, each applied once, in a transaction of its own.
//!
//! sqlx's own migrator is not used: built at run time it would read a directory, and its macro would need the macros crate.

use std::path::Path;

use sqlx::{Connection as _, Row as _};

use super::{Error, OpenError};

/// One step of the schema. Versions are the positions in the list, from 1; a step never changes once it was released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// A short name, for the table of applied steps.
    pub name: &'static str,
    /// One or more statements.
    pub sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT";

/// A table in a file that has none of ours: there is no telling what else that file is for.
const FOREIGN: &str = "SELECT name FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations')
    ORDER BY name LIMIT 1";

/// Applies what is missing. A second process doing the same waits for the lock and then finds nothing to do.
pub(super) async fn apply(
    connection: &mut sqlx::SqliteConnection,
    path: &Path,
    migrations: &[Migration],
) -> Result<usize, OpenError> {
    let sort = |error: sqlx::Error| OpenError::sort(path, Error::from(error));
    let schema = |reason: String| OpenError::Schema { path: path.to_owned(), reason };
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(sort)?;
    if let Some(row) = sqlx::query(FOREIGN).fetch_optional(&mut *transaction).await.map_err(sort)? {
        let table = row.try_get("name").map_err(sort)?;
        return Err(OpenError::Foreign { path: path.to_owned(), table });
    }
    sqlx::raw_sql(TABLE).execute(&mut *transaction).await.map_err(sort)?;
    let applied = sqlx::query("SELECT version, name, checksum FROM schema_migrations ORDER BY version")
        .fetch_all(&mut *transaction)
        .await
        .map_err(sort)?;
    if applied.len() > migrations.len() {
        return Err(schema(format!(
            "its schema has version {}, this program knows {}; start the newer program, or move the file away",
            applied.len(),
            migrations.len()
        )));
    }
    for (row, migration) in applied.iter().zip(migrations) {
        let name: String = row.try_get("name").map_err(sort)?;
        let sum: String = row.try_get("checksum").map_err(sort)?;
        if name != migration.name || sum != checksum(migration.sql) {
            return Err(schema(format!(
                "migration {name:?} was applied with another text than this program's {:?}; move the file away",
                migration.name
            )));
        }
    }
    let missing = &migrations[applied.len()..];
    for (offset, migration) in missing.iter().enumerate() {
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await.map_err(sort)?;
        sqlx::query("INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)")
            .bind(i64::try_from(applied.len() + offset + 1).unwrap_or(i64::MAX))
            .bind(migration.name)
            .bind(checksum(migration.sql))
            .execute(&mut *transaction)
            .await
            .map_err(sort)?;
    }
    transaction.commit().await.map_err(sort)?;
    Ok(missing.len())
}

/// FNV-1a: it guards against accidents, not against an attacker, who could write the table as well.
fn checksum(sql: &str) -> String {
    let hash = sql
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}
