//! The pool against real files: trouble at the start, migrations, transactions, metrics.

use std::time::Duration;

use super::*;
use crate::{Metrics, statement};

static INSERT: Statement = statement!("INSERT", "notes", "INSERT INTO notes (id, text) VALUES (?1, ?2)");
static COUNT: Statement = statement!("SELECT", "notes", "SELECT COUNT(*) FROM notes");
static UNDO: Statement = statement!("ROLLBACK", "notes", "ROLLBACK");
static OTHERS: Statement = statement!("CREATE", "cats", "CREATE TABLE cats (name TEXT)");
static SHUT: Statement = statement!("PRAGMA", "notes", "PRAGMA query_only = 1");
static OPEN: Statement = statement!("PRAGMA", "notes", "PRAGMA query_only = 0");
static CAP: Statement = statement!("PRAGMA", "notes", "PRAGMA max_page_count = 1");

const NOTES: Migration = Migration {
    name: "notes",
    sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;",
};
const MORE: Migration = Migration { name: "more", sql: "ALTER TABLE notes ADD COLUMN more TEXT;" };

struct Scratch {
    directory: tempfile::TempDir,
    metrics: Metrics,
}

impl Scratch {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), metrics: Metrics::new("test-service", "0.0.0") }
    }

    fn settings(&self) -> Settings {
        // Time-outs that only a test that means them meets.
        Settings {
            acquire_timeout: Duration::from_secs(60),
            busy_timeout: Duration::from_secs(60),
            ..Settings::new(self.directory.path().join("notes.db"))
        }
    }

    async fn open_with(&self, settings: Settings) -> Database {
        let database = Database::open(settings, &self.metrics).await.unwrap();
        database.migrate(&[NOTES]).await.unwrap();
        database
    }

    async fn open(&self) -> Database {
        self.open_with(self.settings()).await
    }

    fn sample(&self, name: &str, labels: &str) -> Option<String> {
        let start = format!("{name}{{service=\"test-service\"{labels}}} ");
        self.metrics.encode().lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }
}

async fn count(database: &Database) -> i64 {
    database.fetch_optional(query(&COUNT)).await.unwrap().unwrap().try_get(0).unwrap()
}

#[tokio::test]
async fn migrations_are_applied_once_and_in_order() {
    let scratch = Scratch::new();
    let database = Database::open(scratch.settings(), &scratch.metrics).await.unwrap();
    assert_eq!(database.migrate(&[NOTES]).await.unwrap(), 1);
    assert_eq!(database.migrate(&[NOTES, MORE]).await.unwrap(), 1);
    assert_eq!(database.migrate(&[NOTES, MORE]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new();
    let database = Database::open(scratch.settings(), &scratch.metrics).await.unwrap();
    database.execute(query(&OTHERS)).await.unwrap();
    for _ in 0..2 {
        let refused = database.migrate(&[NOTES]).await.unwrap_err();
        let path = database.path().display();
        let what = "another program's: it has a table \"cats\" of its own; move it away or";
        assert_eq!(
            refused.to_string(),
            format!("database {path}: {what} set DATABASE_PATH to another place")
        );
        assert_eq!(
            refused.told("name another --home"),
            format!("database {path}: {what} name another --home")
        );
        // Whoever prints the chain of causes prints each word once.
        assert!(std::error::Error::source(&refused).is_none());
    }
    assert!(database.fetch_optional(query(&COUNT)).await.is_err(), "no table of ours was made in it");
}

#[tokio::test]
async fn a_newer_or_changed_schema_is_refused_with_what_to_do() {
    let scratch = Scratch::new();
    let database = Database::open(scratch.settings(), &scratch.metrics).await.unwrap();
    database.migrate(&[NOTES, MORE]).await.unwrap();
    let newer = database.migrate(&[NOTES]).await.unwrap_err().to_string();
    assert!(newer.contains("has version 2, this program knows 1"), "{newer}");
    let changed = Migration { sql: "SELECT 1", ..MORE };
    let changed = database.migrate(&[NOTES, changed]).await.unwrap_err().to_string();
    assert!(changed.contains("applied with another text"), "{changed}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let database = Database::open(scratch.settings(), &scratch.metrics).await.unwrap();
    let broken = Migration { name: "broken", sql: "CREATE TABLE half (id INTEGER); nonsense;" };
    assert!(database.migrate(&[NOTES, broken]).await.is_err());
    assert_eq!(database.migrate(&[NOTES]).await.unwrap(), 1, "not even the first step was kept");
}

#[tokio::test]
async fn a_transaction_dropped_without_commit_is_undone_and_frees_the_turn() {
    let scratch = Scratch::new();
    let database = scratch.open().await;
    let mut dropped = database.begin().await.unwrap();
    query(&INSERT).bind(1_i64).bind("x").execute(&mut dropped).await.unwrap();
    drop(dropped);
    let mut kept = database.begin().await.unwrap();
    query(&INSERT).bind(2_i64).bind("y").execute(&mut kept).await.unwrap();
    kept.commit().await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn writers_queue_without_holding_a_connection() {
    let scratch = Scratch::new();
    let database = scratch.open_with(Settings { max_connections: 2, ..scratch.settings() }).await;
    let first = database.begin().await.unwrap();
    let queued: Vec<_> = (0..5)
        .map(|id: i64| {
            let database = database.clone();
            tokio::spawn(async move { database.execute(query(&INSERT).bind(id).bind("x")).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(count(&database).await, 0, "a reader still finds a connection");
    first.rollback().await.unwrap();
    for writer in queued {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(count(&database).await, 5);
}

#[tokio::test]
async fn a_writer_whose_turn_does_not_come_is_told_busy() {
    let scratch = Scratch::new();
    let busy_timeout = Duration::from_millis(20);
    let database = scratch.open_with(Settings { busy_timeout, ..scratch.settings() }).await;
    let _held = database.begin().await.unwrap();
    assert!(matches!(database.begin().await, Err(Error::Busy)));
}

#[tokio::test]
async fn a_full_pool_is_a_counted_timeout_and_its_states_are_gauges() {
    let scratch = Scratch::new();
    // Long enough to open a connection, which counts as well.
    let acquire_timeout = Duration::from_millis(500);
    let settings = Settings { max_connections: 1, acquire_timeout, ..scratch.settings() };
    let database = scratch.open_with(settings).await;
    let held = database.acquire().await.unwrap();
    assert_eq!(scratch.sample("db_client_connections_usage", ",state=\"used\"").as_deref(), Some("1"));
    assert!(matches!(database.acquire().await, Err(Error::PoolTimeout(_))));
    assert_eq!(scratch.sample("db_client_connections_timeouts_total", "").as_deref(), Some("1"));
    assert_eq!(scratch.sample("db_client_connections_pending_requests", "").as_deref(), Some("0"));
    assert_eq!(scratch.sample("db_client_connections_max", "").as_deref(), Some("1"));
    assert_eq!(scratch.sample("db_client_connections_wait_time_seconds_count", "").as_deref(), Some("2"));
    drop(held);
    count(&database).await;
    let labels = ",operation=\"SELECT\",collection=\"notes\",outcome=\"ok\"";
    assert_eq!(scratch.sample("db_client_operation_duration_seconds_count", labels).as_deref(), Some("1"));
}

#[tokio::test]
async fn a_full_disk_is_told_as_such() {
    let scratch = Scratch::new();
    let database = scratch.open_with(Settings { max_connections: 1, ..scratch.settings() }).await;
    // SQLite reports its own page limit exactly as it reports a full disk.
    database.fetch_optional(query(&CAP)).await.unwrap();
    let mut failure = None;
    for id in 0..1000_i64 {
        let insert = query(&INSERT).bind(id).bind("x".repeat(1000));
        if let Err(error) = database.execute(insert).await {
            failure = Some(error);
            break;
        }
    }
    let failure = failure.expect("one page does not hold a megabyte");
    assert!(matches!(failure, Error::Full) && failure.is_transient(), "{failure:?}");
    let start = database.refused(failure).to_string();
    let expected = "the disk is full; free some space or set DATABASE_PATH to another place";
    assert_eq!(start, format!("database {}: {expected}", database.path().display()));
}

/// What a readiness probe asks. A probe alone finds out that writing works again: nobody else is sent to a service that is
/// not ready.
#[tokio::test]
async fn a_write_that_failed_is_told_until_one_works_again() {
    let scratch = Scratch::new();
    let database = scratch.open_with(Settings { max_connections: 1, ..scratch.settings() }).await;
    let set = async |how| drop(database.fetch_optional(query(how)).await.unwrap());
    let insert = |id: i64| query(&INSERT).bind(id).bind("x");
    set(&SHUT).await;
    database.ping().await.expect("nothing is known yet");
    assert!(matches!(database.execute(insert(1)).await, Err(Error::ReadOnly)));
    for _ in 0..2 {
        assert!(matches!(database.ping().await, Err(Error::ReadOnly)));
    }
    assert_eq!(count(&database).await, 0, "it is still read");
    assert!(matches!(database.ping().await, Err(Error::ReadOnly)), "reading says nothing of it");
    set(&OPEN).await;
    database.ping().await.unwrap();

    set(&SHUT).await;
    assert!(matches!(database.begin().await, Err(Error::ReadOnly)));
    assert!(matches!(database.ping().await, Err(Error::ReadOnly)));
    set(&OPEN).await;
    database.begin().await.unwrap().commit().await.unwrap();
    assert!(database.shared.refuses_writes(), "a transaction that changes nothing writes nothing");
    let mut working = database.begin().await.unwrap();
    query(&INSERT).bind(3_i64).bind("x").execute(&mut working).await.unwrap();
    working.commit().await.unwrap();
    assert!(!database.shared.refuses_writes());
}

/// A full disk lets SQLite end the transaction by itself; `ROLLBACK` is then an error, and so is every later `BEGIN` of a
/// connection that believes itself within that transaction.
#[tokio::test]
async fn a_transaction_that_the_database_has_ended_by_itself_does_not_spoil_the_connection() {
    let scratch = Scratch::new();
    let database = scratch.open_with(Settings { max_connections: 1, ..scratch.settings() }).await;
    for id in 0..3_i64 {
        let mut ended = database.begin().await.unwrap();
        query(&INSERT).bind(id).bind("x").execute(&mut ended).await.unwrap();
        query(&UNDO).execute(&mut ended).await.unwrap();
        assert!(ended.commit().await.is_err());

        let mut next = database.begin().await.unwrap();
        query(&INSERT).bind(id).bind("x").execute(&mut next).await.unwrap();
        next.commit().await.unwrap();
        assert_eq!(count(&database).await, id + 1);
    }
}

#[tokio::test]
async fn a_closed_pool_says_so() {
    let scratch = Scratch::new();
    let database = scratch.open().await;
    database.close().await;
    assert!(matches!(database.acquire().await, Err(Error::Closed)));
    assert!(matches!(database.ping().await, Err(Error::Closed)));
}

#[tokio::test]
async fn a_file_damaged_in_the_middle_is_set_aside_too() {
    let scratch = Scratch::new();
    let database = scratch.open().await;
    for id in 0..200_i64 {
        database.execute(query(&INSERT).bind(id).bind("x".repeat(500))).await.unwrap();
    }
    database.close().await;
    let path = scratch.settings().path;
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let fresh = scratch.directory.path().read_dir().unwrap().count();
    let reopened = Scratch { directory: scratch.directory, metrics: Metrics::new("test-service", "0.0.0") };
    assert_eq!(count(&reopened.open().await).await, 0);
    assert!(reopened.directory.path().read_dir().unwrap().count() > fresh, "the damaged file is still there");
}
