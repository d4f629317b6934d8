//! An instrumented SQLite pool over sqlx: one file, WAL, a bounded number of connections.
//!
//! Every wait for a connection, every transaction and every statement is a span with the database semantic conventions,
//! and feeds the `db_client_*` metrics; so is the begin and the end of a transaction when it is slow (`boundary.rs`). Statements are constants ([`statement!`](crate::statement)), so that spans and
//! metrics carry the parameterised text and never a value.
//!
//! The number of connections and the wait for one can change while the pool is in use (`resizable.rs`).
//!
//! It does not build SQL, map rows or retry: a caller that wants a retry knows whether its work may run twice.

mod boundary;
mod corrupt;
mod error;
mod metrics;
mod migrate;
mod open;
mod pool;
mod resizable;
mod statement;
mod transaction;

pub use corrupt::aside;
pub use error::{Error, OpenError};
pub use migrate::Migration;
pub use open::Settings;
pub use pool::{Connection, Database};
pub use sqlx::Row as RowExt;
pub use sqlx::sqlite::SqliteRow as Row;
pub use statement::{Query, Session, Statement, query};
pub use transaction::Transaction;

#[cfg(test)]
mod tests;
