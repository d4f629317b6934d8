//! Where a transaction's time goes: its begin, its end and the wait for the turn to write are spans when they are slow or fail.

#![expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

mod support;

use std::time::Duration;

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use support::{Observed, attribute, observe, quiet, text};
use telemetry::db::{Database, Error, Migration, Settings, Statement, query};
use telemetry::{CorrelationId, propagation, statement};
use tracing::Instrument as _;

static INSERT: Statement = statement!("INSERT", "notes", "INSERT INTO notes (id) VALUES (?1)");
static SELECT: Statement = statement!("SELECT", "notes", "SELECT id FROM notes");
const NOTES: Migration =
    Migration { name: "notes", sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;" };

struct Notes {
    observed: Observed,
    directory: tempfile::TempDir,
    database: Database,
}

/// A database that leaves a span for what takes at least `span_from`.
async fn notes(span_from: Duration) -> Notes {
    let observed = observe(quiet("order-service"));
    let directory = tempfile::tempdir().unwrap();
    let database = open(&observed, &directory, span_from).await;
    Notes { observed, directory, database }
}

async fn open(observed: &Observed, directory: &tempfile::TempDir, span_from: Duration) -> Database {
    let settings = Settings {
        busy_timeout: Duration::from_millis(20),
        span_from,
        ..Settings::new(directory.path().join("notes.db"))
    };
    let database = Database::open(settings, &observed.metrics()).await.unwrap();
    database.migrate(&[NOTES]).await.unwrap();
    database
}

async fn insert(database: &Database, id: i64) {
    let mut transaction = database.begin().await.unwrap();
    query(&INSERT).bind(id).execute(&mut transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

impl Notes {
    fn named(&self, name: &str) -> SpanData {
        let spans = self.observed.spans();
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}")).clone()
    }

    /// The names of the spans under `parent`, in the order of their begin. Whether a connection was free at once, which has
    /// a span of its own when it was not, is not looked at.
    fn below(&self, parent: SpanId) -> Vec<String> {
        let mut spans = self.observed.spans();
        spans.retain(|span| span.parent_span_id == parent && span.name != "acquire");
        spans.sort_by_key(|span| span.start_time);
        spans.iter().map(|span| span.name.to_string()).collect()
    }
}

#[tokio::test]
async fn begin_and_commit_are_client_spans_within_their_transaction() {
    let notes = notes(Duration::ZERO).await;
    let context = propagation::root(&CorrelationId::parse("c-1").unwrap()).attach();
    let request = tracing::info_span!("request");
    drop(context);
    insert(&notes.database, 1).instrument(request).await;
    let transaction = notes.named("transaction");
    assert_eq!(
        notes.below(transaction.span_context.span_id()),
        ["write turn", "BEGIN", "INSERT notes", "COMMIT"]
    );
    for (operation, statement) in [("BEGIN", "BEGIN IMMEDIATE"), ("COMMIT", "COMMIT")] {
        let span = notes.named(operation);
        assert_eq!((span.span_kind.clone(), span.status.clone()), (SpanKind::Client, Status::Unset));
        assert_eq!(text(&span, "db.system.name").as_deref(), Some("sqlite"));
        assert_eq!(text(&span, "db.namespace").as_deref(), Some("notes"));
        assert_eq!(text(&span, "db.operation.name").as_deref(), Some(operation));
        assert_eq!(text(&span, "db.query.text").as_deref(), Some(statement));
        assert_eq!(text(&span, "correlation.id").as_deref(), Some("c-1"));
        assert_eq!(span.span_context.trace_id(), transaction.span_context.trace_id());
        assert!(transaction.start_time <= span.start_time && span.end_time <= transaction.end_time);
    }
}

#[tokio::test]
async fn what_is_quick_is_measured_but_leaves_no_span() {
    let notes = notes(Duration::MAX).await;
    insert(&notes.database, 1).await;
    assert_eq!(notes.below(notes.named("transaction").span_context.span_id()), ["INSERT notes"]);
    let exposition = notes.observed.metrics().encode();
    for operation in ["BEGIN", "COMMIT"] {
        let sample = format!(
            r#"db_client_operation_duration_seconds_count{{service="order-service",operation="{operation}",collection="",outcome="ok"}} 1"#
        );
        assert!(exposition.contains(&sample), "{exposition}");
    }
    assert!(
        exposition.contains(r#"db_client_write_turn_wait_time_seconds_count{service="order-service"} 1"#)
    );
}

#[tokio::test]
async fn a_transaction_taken_back_shows_its_rollback() {
    let notes = notes(Duration::ZERO).await;
    notes.database.begin().await.unwrap().rollback().await.unwrap();
    assert_eq!(
        notes.below(notes.named("transaction").span_context.span_id()),
        ["write turn", "BEGIN", "ROLLBACK"]
    );
}

#[tokio::test]
async fn a_turn_that_does_not_come_is_an_error_span_however_long_it_took() {
    let notes = notes(Duration::MAX).await;
    let _held = notes.database.begin().await.unwrap();
    assert!(matches!(notes.database.begin().await, Err(Error::Busy)));
    let wait = notes.named("write turn");
    assert_eq!(wait.span_kind, SpanKind::Internal);
    assert_eq!((text(&wait, "error.type").as_deref(), &wait.status), (Some("busy"), &Status::error("")));
    assert_eq!(notes.below(notes.named("transaction").span_context.span_id()), ["write turn"]);
}

#[tokio::test]
async fn a_single_write_shows_its_wait_for_the_turn_before_its_statement() {
    let notes = notes(Duration::ZERO).await;
    let request = tracing::info_span!("request");
    notes.database.execute(query(&INSERT).bind(1_i64)).instrument(request).await.unwrap();
    // The worker of the connection may hold the request's span a moment longer, so it is not asked for itself.
    let parent = notes.named("INSERT notes").parent_span_id;
    assert_ne!(parent, SpanId::INVALID);
    assert_eq!(notes.below(parent), ["write turn", "INSERT notes"]);
}

#[tokio::test]
async fn a_lock_held_by_another_process_shows_at_begin() {
    let notes = notes(Duration::MAX).await;
    // A pool of its own, like that of another process: the turn is not shared, only the file's lock.
    let other = open(&notes.observed, &notes.directory, Duration::MAX).await.untraced();
    let _held = other.begin().await.unwrap();
    assert!(matches!(notes.database.begin().await, Err(Error::Busy)));
    let begin = notes.named("BEGIN");
    assert_eq!((text(&begin, "error.type").as_deref(), &begin.status), (Some("busy"), &Status::error("")));
}

#[tokio::test]
async fn untraced_work_leaves_no_span() {
    let notes = notes(Duration::ZERO).await;
    insert(&notes.database.untraced(), 1).await;
    notes.database.untraced().execute(query(&INSERT).bind(2_i64)).await.unwrap();
    assert!(notes.observed.spans().is_empty());
}

#[tokio::test]
async fn the_count_of_rows_is_a_number() {
    let notes = notes(Duration::MAX).await;
    insert(&notes.database, 1).await;
    notes.database.fetch_all(query(&SELECT)).await.unwrap();
    let rows = attribute(&notes.named("SELECT notes"), "db.response.returned_rows");
    assert_eq!(rows, Some(Value::I64(1)));
}
