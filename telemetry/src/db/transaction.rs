//! A write transaction as a span, with its statements as children, and its begin and end as well when they are slow.

use std::sync::Arc;

use sqlx::Sqlite;
use sqlx::pool::MaybePoolConnection;
use tokio::sync::OwnedSemaphorePermit;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::boundary::{BEGIN, COMMIT, ROLLBACK};
use super::pool::Shared;
use super::statement::{Parent, Parts};
use super::{Connection, Database, Error, Session};

/// An open write transaction. Dropped without [`commit`](Self::commit), it rolls back.
pub struct Transaction<'c> {
    inner: sqlx::Transaction<'c, Sqlite>,
    shared: Arc<Shared>,
    /// After `inner`, so that it ends when the transaction is over.
    span: ToTheEnd,
    traced: bool,
    /// Whether a statement has changed rows, which only the end brings to the disk.
    changed: bool,
    /// After `inner`, so that it is given back last.
    _turn: OwnedSemaphorePermit,
}

/// A span that lasts until it is dropped. The span layer takes the last time a span was left as its end, and nothing is
/// entered here between the begin of a transaction and its end.
struct ToTheEnd(Span);

impl Drop for ToTheEnd {
    fn drop(&mut self) {
        self.0.in_scope(|| ());
    }
}

impl Transaction<'static> {
    /// On a connection of the pool, which is not waited for before the turn.
    pub(super) async fn begin(database: &Database) -> Result<Self, Error> {
        let connection = async { Ok(database.acquire().await?.inner) };
        Self::begin_with(&database.shared, database.traced, connection).await
    }
}

impl<'c> Transaction<'c> {
    /// On a connection that its holder keeps: it is held while the turn is waited for.
    pub(super) async fn begin_on(connection: &'c mut Connection) -> Result<Self, Error> {
        let Connection { inner, shared, traced } = connection;
        Self::begin_with(shared, *traced, async move { Ok(&mut **inner) }).await
    }

    /// The span begins before the wait for the turn, which is a part of the time a transaction takes.
    async fn begin_with<C>(
        shared: &Arc<Shared>,
        traced: bool,
        connection: impl Future<Output = Result<C, Error>>,
    ) -> Result<Self, Error>
    where
        C: Into<MaybePoolConnection<'c, Sqlite>>,
    {
        let span = if traced { transaction_span(shared) } else { Span::none() };
        let begun = async {
            let parent = parent(&span, traced);
            let turn = shared.turn(parent).await?;
            let connection = connection.instrument(span.clone()).await?;
            let begin = Some(sqlx::SqlSafeStr::into_sql_str(BEGIN.text()));
            let begin = sqlx::Transaction::<'c, Sqlite>::begin(connection, begin);
            Ok::<_, Error>((BEGIN.observed(shared, parent, begin).await?, turn))
        };
        match begun.await {
            Ok((inner, turn)) => {
                let (shared, span) = (Arc::clone(shared), ToTheEnd(span));
                Ok(Self { inner, shared, span, traced, changed: false, _turn: turn })
            }
            Err(error) => {
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
        let Self { inner, shared, span, traced, changed, _turn } = self;
        let outcome = COMMIT.observed(&shared, parent(&span.0, traced), inner.commit()).await;
        match &outcome {
            Ok(()) => {
                if changed {
                    shared.wrote();
                }
                span.0.record("db.transaction.outcome", "commit");
            }
            Err(error) => fail(&span.0, error),
        }
        outcome
    }

    /// Takes the changes back.
    ///
    /// # Errors
    /// When the connection is gone; the changes are undone in any case.
    pub async fn rollback(self) -> Result<(), Error> {
        let Self { inner, shared, span, traced, _turn, .. } = self;
        span.0.record("db.transaction.outcome", "rollback");
        ROLLBACK.observed(&shared, parent(&span.0, traced), inner.rollback()).await
    }
}

fn parent(span: &Span, traced: bool) -> Parent<'_> {
    if traced { Parent::Span(span) } else { Parent::Untraced }
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

impl Session for Transaction<'_> {
    fn parts(&mut self) -> Parts<'_> {
        let parent = parent(&self.span.0, self.traced);
        Parts { connection: &mut self.inner, shared: &self.shared, parent }
    }

    fn changed(&mut self) {
        self.changed = true;
    }
}
