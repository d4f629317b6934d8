//! What surrounds a transaction's statements: the wait for the turn to write, `BEGIN`, `COMMIT` and `ROLLBACK`.
//!
//! Each is always measured, but a span only when it failed or took [`Settings::span_from`](super::Settings::span_from), which
//! is 1 ms. Counted in instructions, the export included, a transaction of one insert takes 77,000 without spans, 114,000
//! with those of the transaction and of its statement, and 173,000 with these three as well. An order has two transactions
//! and some twelve spans in order-service; six more would take its telemetry from 13% of its throughput past the 15% that
//! are allowed, for steps of some ten microseconds that nobody looks at. What a person looks for in a slow trace (a queue
//! of writers, a lock held by another process, a checkpoint or a slow disk under a commit) takes longer, and then stands
//! there as a child span that begins where the wait began. The metrics tell of the quick ones too, so the spans need not be
//! a fair sample. Events on the transaction's span were considered: each transaction would pay for them, and a waterfall
//! draws no bar for them.
//!
//! A step whose caller stops waiting leaves nothing here; the transaction's span still shows the time.

use std::future::Future;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use tracing::Span;

use super::Error;
use super::pool::Shared;
use super::statement::Parent;
use crate::late::{self, Late};
use crate::names::attribute;

/// A statement that begins or ends a transaction: `db.operation.name` and `db.query.text`.
pub(super) struct Boundary {
    operation: &'static str,
    text: &'static str,
}

pub(super) static BEGIN: Boundary = Boundary { operation: "BEGIN", text: "BEGIN IMMEDIATE" };
pub(super) static COMMIT: Boundary = Boundary { operation: "COMMIT", text: "COMMIT" };
pub(super) static ROLLBACK: Boundary = Boundary { operation: "ROLLBACK", text: "ROLLBACK" };

impl Boundary {
    pub(super) fn text(&self) -> &'static str {
        self.text
    }

    /// Does `work`, which is this boundary.
    pub(super) async fn observed<T>(
        &'static self,
        shared: &Shared,
        parent: Parent<'_>,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let outcome = work.await.map_err(Error::from).inspect_err(|error| shared.failed(error));
        let (elapsed, failure) = (started.elapsed(), outcome.as_ref().err().map(Error::kind));
        shared.metrics.operation(self.operation, "", failure.unwrap_or("ok"), elapsed);
        leave(shared, parent, elapsed, failure, || Late {
            name: self.operation,
            kind: SpanKind::Client,
            attributes: vec![
                system(),
                namespace(shared),
                KeyValue::new(attribute::DB_OPERATION_NAME, self.operation),
                // The convention takes the span's name from here; these statements have no collection.
                KeyValue::new(attribute::DB_QUERY_SUMMARY, self.operation),
                KeyValue::new(attribute::DB_QUERY_TEXT, self.text),
            ],
            error: failure,
        });
        outcome
    }
}

/// The wait for the turn to write. The queue is this process' own, so its span is of the kind of `acquire`'s.
pub(super) async fn turn<T>(
    shared: &Shared,
    parent: Parent<'_>,
    wait: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let started = Instant::now();
    let outcome = wait.await;
    let (elapsed, failure) = (started.elapsed(), outcome.as_ref().err().map(Error::kind));
    shared.metrics.waited_for_turn(elapsed);
    leave(shared, parent, elapsed, failure, || Late {
        name: "write turn",
        kind: SpanKind::Internal,
        attributes: vec![system(), namespace(shared)],
        error: failure,
    });
    outcome
}

fn leave(
    shared: &Shared,
    parent: Parent<'_>,
    elapsed: Duration,
    failure: Option<&'static str>,
    late: impl FnOnce() -> Late,
) {
    if failure.is_none() && elapsed < shared.settings.span_from {
        return;
    }
    match parent {
        Parent::Current => late::record(&Span::current(), elapsed, late()),
        Parent::Span(span) => late::record(span, elapsed, late()),
        Parent::Untraced => {}
    }
}

fn system() -> KeyValue {
    KeyValue::new(attribute::DB_SYSTEM_NAME, "sqlite")
}

fn namespace(shared: &Shared) -> KeyValue {
    KeyValue::new(attribute::DB_NAMESPACE, shared.namespace.clone())
}
