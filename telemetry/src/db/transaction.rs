//! A write transaction as a span, with its statements as children.

use std::sync::Arc;

use sqlx::Sqlite;
use tracing::Span;
use tracing::field::Empty;

use super::pool::Shared;
use super::statement::{Parent, Parts};
use super::{Connection, Error, Session};

/// An open write transaction. Dropped without [`commit`](Self::commit), it rolls back.
pub struct Transaction {
    inner: sqlx::Transaction<'static, Sqlite>,
    shared: Arc<Shared>,
    span: Span,
    traced: bool,
}

impl Transaction {
    pub(super) async fn begin(connection: Connection) -> Result<Self, Error> {
        let Connection { inner, shared, traced } = connection;
        let span = if traced { transaction_span(&shared) } else { Span::none() };
        let begun = sqlx::Transaction::begin(inner, Some(sqlx::SqlSafeStr::into_sql_str("BEGIN IMMEDIATE")));
        match begun.await {
            Ok(inner) => Ok(Self { inner, shared, span, traced }),
            Err(error) => {
                let error = Error::from(error);
                fail(&span, &error);
                Err(error)
            }
        }
    }

    /// Makes the changes permanent.
    ///
    /// # Errors
    /// [`Error::Full`] and the like; nothing of the transaction is kept then.
    pub async fn commit(self) -> Result<(), Error> {
        let Self { inner, span, .. } = self;
        match inner.commit().await {
            Ok(()) => {
                span.record("db.transaction.outcome", "commit");
                Ok(())
            }
            Err(error) => {
                let error = Error::from(error);
                fail(&span, &error);
                Err(error)
            }
        }
    }

    /// Takes the changes back.
    ///
    /// # Errors
    /// When the connection is gone; the changes are undone in any case.
    pub async fn rollback(self) -> Result<(), Error> {
        let Self { inner, span, .. } = self;
        span.record("db.transaction.outcome", "rollback");
        inner.rollback().await.map_err(Error::from)
    }
}

fn transaction_span(shared: &Shared) -> Span {
    tracing::info_span!(
        "transaction",
        otel.kind = "internal",
        db.system.name = "sqlite",
        db.namespace = shared.namespace.as_str(),
        db.transaction.outcome = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}

fn fail(span: &Span, error: &Error) {
    span.record("db.transaction.outcome", "failed");
    span.record("error.type", error.kind());
    span.record("otel.status_code", "ERROR");
}

impl Session for Transaction {
    fn parts(&mut self) -> Parts<'_> {
        let parent = if self.traced { Parent::Span(&self.span) } else { Parent::Untraced };
        Parts { connection: &mut self.inner, shared: &self.shared, parent }
    }
}
