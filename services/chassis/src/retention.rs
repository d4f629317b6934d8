//! Deletes what is finished and old, in small batches beside the requests, so that a service that is left running does not fill
//! its disk. Which rows those are, and in which order tables refer to each other, the service says. The file does not shrink:
//! SQLite fills the freed pages first.

use std::time::Duration;

use telemetry::db::{Database, Error, Statement, query};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::env::{ConfigError, Env};

/// How long finished rows are kept, unless it is told otherwise.
pub const DEFAULT: Duration = Duration::from_secs(86_400);

/// Between two looks for old rows.
const INTERVAL: Duration = Duration::from_secs(60);
/// Rows deleted in one transaction: requests that write wait for it.
const BATCH: i64 = 200;
/// Between two batches, for requests that wait for their turn to write.
const PAUSE: Duration = Duration::from_millis(50);

/// Statements of one transaction, rows that refer to others before those. Each deletes rows that were made at `?1`
/// (milliseconds since 1970) or earlier, at most `?2`; the last one's are counted.
pub type Old = &'static [&'static Statement];

/// Reads `RETENTION_S`: how long finished rows are kept. At least an hour, so that nothing under way can be old.
///
/// # Errors
/// When the value is no number or out of bounds.
pub fn from_env(env: &Env<'_>) -> Result<Duration, ConfigError> {
    env.number("RETENTION_S", DEFAULT.as_secs(), 3_600..=31_536_000).map(Duration::from_secs)
}

/// Deletes old rows now and every minute, until told to stop.
pub async fn run(database: Database, keep: Duration, all: &'static [Old], stop: CancellationToken) {
    let quiet = database.untraced();
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut reported = false;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        for old in all {
            // Dropped in the middle, a batch is rolled back.
            let Some(swept) = stop.run_until_cancelled(sweep(&quiet, keep, old)).await else { return };
            match swept {
                Ok(rows) => {
                    reported = false;
                    if rows > 0 {
                        let table = old.last().map_or("", |statement| statement.collection);
                        tracing::info!(table, rows, "old rows deleted");
                    }
                }
                Err(error) if !reported => {
                    reported = true;
                    tracing::error!(error = %error, "old rows cannot be deleted, tried again each minute");
                }
                Err(_) => {}
            }
        }
    }
}

/// Deletes all rows of one kind that are older than `keep`, batch by batch, and gives how many there were.
///
/// # Errors
/// When the database cannot be written.
pub async fn sweep(database: &Database, keep: Duration, old: Old) -> Result<u64, Error> {
    let made_by = clock::now_ms().saturating_sub(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX));
    let mut deleted = 0;
    loop {
        let mut transaction = database.begin().await?;
        let mut rows = 0;
        for statement in old {
            rows = query(statement).bind(made_by).bind(BATCH).execute(&mut transaction).await?;
        }
        if rows == 0 {
            // Nothing was written, and nothing shall look as if it could be: a commit tells that the disk takes data.
            transaction.rollback().await?;
            return Ok(deleted);
        }
        transaction.commit().await?;
        deleted += rows;
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use telemetry::Metrics;
    use telemetry::db::{Migration, RowExt as _, Settings};
    use telemetry::statement;

    use super::*;

    const NOTES: Migration = Migration {
        name: "notes",
        sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, created_at INTEGER NOT NULL) STRICT;",
    };
    static ADD: Statement = statement!(
        "INSERT",
        "notes",
        "INSERT INTO notes (created_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT ?2 FROM n"
    );
    static COUNT: Statement = statement!("SELECT", "notes", "SELECT COUNT(*) FROM notes");
    static OLD: Statement = statement!(
        "DELETE",
        "notes",
        "DELETE FROM notes WHERE created_at <= ?1 AND id IN (SELECT id FROM notes ORDER BY id LIMIT ?2)"
    );

    static OLD_NOTES: Old = &[&OLD];

    async fn count(database: &Database) -> i64 {
        database.fetch_optional(query(&COUNT)).await.unwrap().unwrap().try_get(0).unwrap()
    }

    #[tokio::test]
    async fn old_rows_go_in_batches_and_young_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let metrics = Metrics::new("test-service", "0.0.0");
        let database = Database::open(Settings::new(folder.path().join("x.db")), &metrics).await.unwrap();
        database.migrate(&[NOTES]).await.unwrap();
        let now = clock::now_ms();
        database.execute(query(&ADD).bind(BATCH * 2 + 1).bind(now - 7_200_000)).await.unwrap();
        database.execute(query(&ADD).bind(3_i64).bind(now)).await.unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!(sweep(&database, hour * 3, OLD_NOTES).await.unwrap(), 0);
        assert_eq!(sweep(&database, hour, OLD_NOTES).await.unwrap(), BATCH as u64 * 2 + 1);
        assert_eq!(count(&database).await, 3);
    }

    #[test]
    fn what_may_still_be_under_way_cannot_be_old() {
        assert_eq!(from_env(&Env::new(&|_| None)), Ok(DEFAULT));
        let error = from_env(&Env::new(&|_| Some("60".to_owned()))).unwrap_err();
        assert_eq!(error.variable, "RETENTION_S");
    }
}
