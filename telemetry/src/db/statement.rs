//! Statements as constants, and running them: a CLIENT span and a duration each.

use std::future::Future;
use std::time::Instant;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Encode, Sqlite, SqliteConnection, Type};
use tracing::Span;
use tracing::field::Empty;

use super::pool::Shared;
use super::{Error, Row};

/// One SQL statement and what its spans and metrics say about it. Made by [`statement!`](crate::statement).
#[derive(Debug)]
pub struct Statement {
    /// The span's name: operation and collection.
    pub name: &'static str,
    /// `db.operation.name`, such as `SELECT`.
    pub operation: &'static str,
    /// `db.collection.name`: the table.
    pub collection: &'static str,
    /// `db.query.text`: parameters only, no values.
    pub text: &'static str,
}

impl Statement {
    /// Whether the rows that it names or returns are rows that it has changed.
    fn changes(&self) -> bool {
        matches!(self.operation, "INSERT" | "UPDATE" | "DELETE")
    }
}

/// Defines a [`Statement`](crate::db::Statement): operation, table, text.
///
/// ```
/// static USER: telemetry::db::Statement =
///     telemetry::statement!("SELECT", "users", "SELECT id, name FROM users WHERE id = ?1");
/// assert_eq!(USER.name, "SELECT users");
/// ```
#[macro_export]
macro_rules! statement {
    ($operation:literal, $collection:literal, $text:expr) => {
        $crate::db::Statement {
            name: concat!($operation, " ", $collection),
            operation: $operation,
            collection: $collection,
            text: $text,
        }
    };
}

/// Where a statement can run: a [`Connection`](super::Connection) or a [`Transaction`](super::Transaction).
pub trait Session: Send {
    #[doc(hidden)]
    fn parts(&mut self) -> Parts<'_>;
    /// A statement has changed rows.
    #[doc(hidden)]
    fn changed(&mut self);
}

/// The pieces of a session; opaque outside this module.
pub struct Parts<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) shared: &'a Shared,
    pub(super) parent: Parent<'a>,
}

/// What a statement's span hangs under.
#[derive(Clone, Copy)]
pub(super) enum Parent<'a> {
    Current,
    Span(&'a Span),
    Untraced,
}

/// A statement with its values.
#[must_use = "a query does nothing until it is run"]
pub struct Query {
    statement: &'static Statement,
    inner: sqlx::query::Query<'static, Sqlite, SqliteArguments>,
}

/// Starts a query; values follow with [`Query::bind`], in the order of `?1`, `?2`, …
pub fn query(statement: &'static Statement) -> Query {
    Query { statement, inner: sqlx::query(statement.text) }
}

impl Query {
    /// The next parameter's value.
    pub fn bind<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(mut self, value: T) -> Self {
        self.inner = self.inner.bind(value);
        self
    }

    /// Runs it; the number of rows it changed.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn execute(self, on: &mut impl Session) -> Result<u64, Error> {
        let Parts { connection, shared, parent } = on.parts();
        let work = self.inner.execute(connection);
        let rows = observed(shared, parent, self.statement, |_| None, work).await?.rows_affected();
        if self.statement.changes() && rows > 0 {
            on.changed();
        }
        Ok(rows)
    }

    /// Runs it; the first row, if any.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn fetch_optional(self, on: &mut impl Session) -> Result<Option<Row>, Error> {
        let Parts { connection, shared, parent } = on.parts();
        let rows = |row: &Option<Row>| Some(usize::from(row.is_some()));
        let row =
            observed(shared, parent, self.statement, rows, self.inner.fetch_optional(connection)).await?;
        if self.statement.changes() && row.is_some() {
            on.changed();
        }
        Ok(row)
    }

    /// Runs it; the row that it must return (a count, or `RETURNING` of one insert).
    ///
    /// # Errors
    /// What the database reports; no row is an error as well.
    pub async fn fetch_one(self, on: &mut impl Session) -> Result<Row, Error> {
        self.fetch_optional(on).await?.ok_or(Error::Other(sqlx::Error::RowNotFound))
    }

    /// Runs it; all rows.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn fetch_all(self, on: &mut impl Session) -> Result<Vec<Row>, Error> {
        let Parts { connection, shared, parent } = on.parts();
        let rows = |rows: &Vec<Row>| Some(rows.len());
        let rows = observed(shared, parent, self.statement, rows, self.inner.fetch_all(connection)).await?;
        if self.statement.changes() && !rows.is_empty() {
            on.changed();
        }
        Ok(rows)
    }
}

/// The span is not entered while the statement runs: nothing below creates spans, and entering costs on every poll.
async fn observed<T>(
    shared: &Shared,
    parent: Parent<'_>,
    statement: &'static Statement,
    returned: impl FnOnce(&T) -> Option<usize>,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Error> {
    let span = match parent {
        Parent::Current => statement_span(shared, statement, Span::current().id()),
        Parent::Span(span) => statement_span(shared, statement, span.id()),
        Parent::Untraced => Span::none(),
    };
    let started = Instant::now();
    match work.await {
        Ok(value) => {
            shared.metrics.operation(statement.operation, statement.collection, "ok", started.elapsed());
            if !span.is_disabled()
                && let Some(count) = returned(&value)
            {
                // Signed: the span layer turns unsigned numbers into text.
                span.record("db.response.returned_rows", i64::try_from(count).unwrap_or(i64::MAX));
            }
            Ok(value)
        }
        Err(error) => {
            let error = Error::from(error);
            shared.failed(&error);
            shared.metrics.operation(
                statement.operation,
                statement.collection,
                error.kind(),
                started.elapsed(),
            );
            span.record("error.type", error.kind());
            span.record("otel.status_code", "ERROR");
            Err(error)
        }
    }
}

fn statement_span(shared: &Shared, statement: &'static Statement, parent: Option<tracing::Id>) -> Span {
    tracing::info_span!(
        parent: parent,
        "statement",
        otel.name = statement.name,
        otel.kind = "client",
        db.system.name = "sqlite",
        db.namespace = shared.namespace.as_str(),
        db.operation.name = statement.operation,
        db.collection.name = statement.collection,
        db.query.text = statement.text,
        db.response.returned_rows = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}
