//! What a start says when the database's disk fills up under its first rows, and when it finds rows already.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

use chassis::base::Base;
use chassis::limits::HttpLimits;
use chassis::settings::List;
use chassis::start::{StartError, exit_code};
use telemetry::Metrics;
use telemetry::db::{Migration, RowExt as _, Settings, Statement, query};
use telemetry::statement;

static ANY: Statement = statement!("SELECT", "notes", "SELECT 1 FROM notes LIMIT 1");
static FILL: Statement = statement!("INSERT", "notes", "INSERT INTO notes (text) VALUES (zeroblob(1000000))");
static COUNT: Statement = statement!("SELECT", "notes", "SELECT COUNT(*) FROM notes");
const NOTES: Migration = Migration { name: "notes", sql: "CREATE TABLE notes (text BLOB NOT NULL) STRICT;" };
/// SQLite reports its own page limit exactly as it reports a full disk. It holds for the connection, so there is one.
const CAP: Migration = Migration { name: "cap", sql: "PRAGMA max_page_count = 20;" };

async fn open(directory: &tempfile::TempDir, migrations: &[Migration]) -> Base {
    let database = Settings { max_connections: 1, ..Settings::new(directory.path().join("notes.db")) };
    let metrics = Metrics::new("test-service", "0.0.0");
    let mut list = List::new();
    Base::open("test-service", database, migrations, HttpLimits::default(), metrics, &mut list).await.unwrap()
}

#[tokio::test]
async fn a_disk_that_fills_up_under_the_first_rows_is_named_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let base = open(&directory, &[NOTES, CAP]).await;
    let error: StartError = base.fill_if_empty(&ANY, || query(&FILL)).await.unwrap_err();
    let line = error.to_string();
    assert!(line.contains(&directory.path().join("notes.db").display().to_string()), "{line}");
    assert!(line.contains("the disk is full; free some space or set DATABASE_PATH"), "{line}");
    assert_eq!(exit_code(&anyhow::Error::new(error)), 3);
}

#[tokio::test]
async fn a_database_that_has_rows_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let base = open(&directory, &[NOTES]).await;
    base.fill_if_empty(&ANY, || query(&FILL)).await.unwrap();
    base.fill_if_empty(&ANY, || unreachable!("there are rows")).await.unwrap();
    let row = base.database.fetch_optional(query(&COUNT)).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64, _>(0).unwrap(), 1);
}
